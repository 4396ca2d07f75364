/*
 * ordering.test.mjs - the upgrade under traffic: nothing is lost, doubled, or out of order.
 *
 * Every client counts upward to the server while its connection moves from polling to WebSocket, and
 * hears two sequences: its own numbers echoed, and those that a talker says to all. Both have to be
 * complete. Binary packets, whose parts may travel by different transports, are among them.
 */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { ask, collect, makeClient, openClient } from "./support/clients.mjs";
import { startServer } from "./support/server.mjs";
import { pause, until } from "./support/wait.mjs";

const CLIENTS = Number(process.env.INTEROP_CLIENTS ?? 300);
const AT_ONCE = 25;
const NUMBERS = 60;
const LIMIT_MS = 20_000;

const server = await startServer();
after(() => server.stop());

const expected = Array.from({ length: NUMBERS }, (_, n) => n);

test(`${CLIENTS} connections upgrade under traffic in both directions`, async () => {
  const talker = await openClient(server, "/", { way: "websocket" });
  const talk = { said: 0, isOver: false };
  const talking = keepTalking(talker, talk);
  let upgrades = 0;
  for (let begun = 0; begun < CLIENTS; begun += AT_ONCE) {
    const batch = Array.from({ length: Math.min(AT_ONCE, CLIENTS - begun) }, () =>
      upgradeOne(talk),
    );
    upgrades += (await Promise.all(batch)).filter((isUpgraded) => isUpgraded).length;
  }
  talk.isOver = true;
  await talking;
  assert.equal(upgrades, CLIENTS);
});

/** Says a next number to everyone, as fast as the acks allow. */
async function keepTalking(talker, talk) {
  while (!talk.isOver) {
    await ask(talker, "broadcast", talk.said++);
    await pause(2);
  }
}

/** One client from its handshake to well behind its upgrade; was there an upgrade? */
async function upgradeOne(talk) {
  const socket = makeClient(server, "/", { way: "upgrade", reconnection: false });
  const echoed = collect(socket, "message-back");
  const overheard = collect(socket, "room-message");
  let isUpgraded = false;
  socket.io.engine.once("upgrade", () => (isUpgraded = true));
  for (const n of expected) {
    if (n % 7 === 3) socket.emit("message", n, Buffer.from([n]), { deep: Buffer.from([n, n]) });
    else socket.emit("message", n);
    await pause(Math.random() * 4);
  }
  await until("all numbers are back", () => echoed.length >= NUMBERS, LIMIT_MS);
  await until("the upgrade is done", () => isUpgraded, LIMIT_MS);
  const last = talk.said;
  await until("the talker is heard", () => overheard.at(-1)?.[0] >= last, LIMIT_MS);

  assert.deepEqual(
    echoed.map(([n]) => n),
    expected,
  );
  for (const [n, ...parts] of echoed) {
    const binary = [Buffer.from([n]), { deep: Buffer.from([n, n]) }];
    assert.deepEqual(parts, n % 7 === 3 ? binary : []);
  }
  const said = overheard.map(([n]) => n);
  assert.deepEqual(
    said,
    Array.from({ length: said.length }, (_, i) => said[0] + i),
  );
  socket.disconnect();
  return isUpgraded;
}

test("numbers of the server during the upgrade, as many as it can say at once", async () => {
  for (let round = 0; round < 20; round++) {
    const socket = makeClient(server, "/", { way: "upgrade" });
    const numbers = collect(socket, "number");
    const asked = ask(socket, "number-me", 500);
    await new Promise((resolve) => socket.io.engine.once("upgrade", resolve));
    await asked;
    await ask(socket, "number-me", 10);
    await until("all are there", () => numbers.length === 510);
    assert.deepEqual(numbers.flat(), [
      ...Array.from({ length: 500 }, (_, n) => n),
      ...Array.from({ length: 10 }, (_, n) => n),
    ]);
    socket.disconnect();
  }
});
