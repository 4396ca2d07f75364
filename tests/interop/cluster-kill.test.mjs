/*
 * cluster-kill.test.mjs - servers are killed with -9, again and again, under real clients that talk:
 * with a stream nobody notices. KILLS=100 SEED=1 by default; a failure says its seed.
 *
 * Clients reach the servers over a cable that leads a new connection to any that lives. What a
 * client was told is said (the ack) must have been heard by everybody, once, and in one order.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { io } from "socket.io-client";
import { Cable } from "./support/cable.mjs";
import { isReference } from "./support/cluster.mjs";
import { randomOf } from "./support/judge.mjs";
import { Servers } from "./support/program.mjs";
import { startRedis } from "./support/redis.mjs";
import { pause, until, within } from "./support/wait.mjs";

const KILLS = Number(process.env.KILLS ?? 100);
const SEED = Number(process.env.SEED ?? 1);
const SERVERS = 3;
const CLIENTS = 12;
const ROOM = "everybody";
const LATE_MS = 30_000;

/** What is wrong with what was heard; null: nothing. @acked: texts that their senders were told of. */
export function faultIn(lists, acked) {
  for (const [i, list] of lists.entries()) {
    const seen = new Set(list);
    if (seen.size !== list.length) {
      const double = list.find((text, at) => list.indexOf(text) !== at);
      return `client ${i} heard ${double} twice`;
    }
    const lost = acked.find((text) => !seen.has(text));
    if (lost !== undefined) return `client ${i} never heard ${lost}, which was acknowledged`;
    const other = list.findIndex((text, at) => text !== lists[0][at]);
    if (other >= 0 || list.length !== lists[0].length)
      return `client ${i} heard ${list[other]} where client 0 heard ${lists[0][other]}`;
  }
  return null;
}

test("the judge sees what is lost, doubled and out of order", () => {
  const good = ["a", "b", "c"];
  assert.equal(faultIn([good, good], good), null);
  assert.match(faultIn([good, ["a", "c"]], good), /never heard b/);
  assert.match(faultIn([good, ["a", "b", "b", "c"]], good), /twice/);
  assert.match(faultIn([good, ["a", "c", "b"]], good), /heard c where client 0 heard b/);
});

class Client {
  heard = [];
  acked = [];
  sent = 0;
  losses = 0;
  strange = 0; // came back as somebody else
  isTalking = true;

  constructor(name, port) {
    this.name = name;
    this.socket = io(`http://127.0.0.1:${port}`, {
      transports: ["websocket"], forceNew: true, reconnectionDelay: 20, reconnectionDelayMax: 100,
    });
    this.socket.on("new-message", ({ text }) => this.heard.push(text));
    this.socket.on("disconnect", () => this.losses++);
    this.socket.on("connect", () => {
      if (this.losses > 0 && !this.socket.recovered) this.strange++;
    });
  }

  /** One message after the other; one whose ack is lost with a connection is not said again. */
  async talk(random) {
    while (this.isTalking) {
      await until("it is connected", () => this.socket.connected, LATE_MS);
      const text = `${this.name}:${this.sent++}`;
      const lost = new Promise((resolve) => this.socket.once("disconnect", () => resolve(null)));
      const told = new Promise((resolve) =>
        this.socket.emit("send-message", { roomId: ROOM, text }, resolve));
      const ack = await within(`an end of ${text}`, Promise.race([told, lost]), LATE_MS);
      if (ack?.type === "ack") this.acked.push(text);
      else if (ack !== null) assert.equal(ack.code, "busy", JSON.stringify(ack));
      await pause(random() * 30);
    }
  }
}

describe("servers that are killed", { skip: isReference && "loses messages", timeout: 590_000 }, () => {
  let redis;
  let servers;

  before(async () => {
    redis = await startRedis();
    servers = new Servers("--cluster", `redis+streams://127.0.0.1:${redis.port}`);
    for (let i = 0; i < SERVERS; i++) await servers.start();
  });
  after(async () => {
    await servers?.stop();
    await redis?.stop();
  });

  test(`${KILLS} times: nothing acknowledged is lost or doubled`, async (t) => {
    const random = randomOf(SEED);
    const cable = await Cable.lay(() => servers.next().port);
    const clients = Array.from({ length: CLIENTS }, (_, i) => new Client(`c${i}`, cable.port));
    t.after(() => clients.forEach(({ socket }) => socket.disconnect()));
    for (const { socket } of clients) await socket.timeout(LATE_MS).emitWithAck("join-room", ROOM);
    const talks = clients.map((client) => client.talk(random));
    for (let kills = 0; kills < KILLS; kills++) {
      await pause(50 + random() * 150);
      await servers.kill(Math.floor(random() * servers.living.length));
      await servers.start();
    }
    clients.forEach((client) => (client.isTalking = false));
    await Promise.all(talks);
    await until("all are connected", () => clients.every(({ socket }) => socket.connected), LATE_MS);
    const last = await clients[0].socket.emitWithAck("send-message", { roomId: ROOM, text: "end" });
    assert.equal(last.type, "ack");
    await until("all hear the end", () => clients.every(({ heard }) => heard.at(-1) === "end"), LATE_MS);
    const acked = clients.flatMap((client) => client.acked);
    const losses = clients.reduce((sum, client) => sum + client.losses, 0);
    t.diagnostic(`${KILLS} kills, ${losses} connections lost, ${acked.length} messages`);
    assert.equal(faultIn(clients.map(({ heard }) => heard), acked), null, `SEED=${SEED}`);
    assert.equal(clients.reduce((sum, { strange }) => sum + strange, 0), 0, `SEED=${SEED}: strangers`);
    assert.ok(losses >= KILLS, `only ${losses} connections were lost`);
  });
});
