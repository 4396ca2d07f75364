/*
 * client2.test.mjs - socket.io-client 2, the unmodified package of years ago, on a server that still
 * lets revision 3 in.
 */
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { after, afterEach, describe, test } from "node:test";
import { Cable } from "./support/cable.mjs";
import { startServer } from "./support/server.mjs";
import { heard, until, within } from "./support/wait.mjs";

const io = createRequire(import.meta.url)("socket.io-client-2");

const server = await startServer({ allowEio3: true });
const quick = await startServer({ allowEio3: true, pingInterval: 300, pingTimeout: 300 });
const strict = await startServer();
after(() => Promise.all([server.stop(), quick.stop(), strict.stop()]));

const open = new Set();
afterEach(() => {
  for (const socket of open) socket.io.close();
  open.clear();
});

const TRANSPORTS = {
  polling: ["polling"],
  websocket: ["websocket"],
  upgrade: ["polling", "websocket"],
};

function makeClient(target, namespace, way, options = {}) {
  const socket = io(`${target.origin}${namespace}`, {
    path: target.path,
    forceNew: true,
    transports: TRANSPORTS[way],
    reconnectionDelay: 20,
    reconnectionDelayMax: 100,
    ...options,
  });
  open.add(socket);
  return socket;
}

async function openClient(target, namespace, way, options) {
  const socket = makeClient(target, namespace, way, options);
  const upgraded = new Promise((resolve) => socket.io.engine.once("upgrade", resolve));
  await heard(socket, "connect");
  if (way === "upgrade") await within("the upgrade", upgraded);
  return socket;
}

const ask = (socket, event, ...args) => {
  return within(
    `the ack of ${event}`,
    new Promise((resolve) => socket.emit(event, ...args, (...answer) => resolve(answer))),
  );
};

for (const way of Object.keys(TRANSPORTS)) {
  describe(`${way}: the old client`, () => {
    test("connects by itself and hears the first event", async () => {
      const socket = makeClient(server, "/", way, { query: { foo: "bar" } });
      assert.deepEqual(await heard(socket, "auth"), [{}]);
      const [told] = await ask(socket, "handshake");
      assert.equal(told.query.EIO, "3");
      assert.equal(told.query.foo, "bar");
      assert.equal(told.id, socket.id);
    });

    test("text, binary, and many of them in order", async () => {
      const socket = await openClient(server, "/", way);
      const args = [1, "€😀", { a: [Buffer.from([0, 255, 7])] }, null];
      socket.emit("message", ...args);
      assert.deepEqual(await heard(socket, "message-back"), args);
      socket.emit("make-binary", 300);
      const bytes = Buffer.from(Array.from({ length: 300 }, (_, i) => i % 256));
      assert.deepEqual(await heard(socket, "binary"), [bytes, { nested: bytes }]);
      const seen = [];
      socket.on("message-back", (n) => seen.push(n));
      for (let n = 0; n < 500; n++) socket.emit("message", n);
      await until("all are back", () => seen.length === 500);
      assert.deepEqual(
        seen,
        Array.from({ length: 500 }, (_, n) => n),
      );
    });

    test("acknowledgements both ways", async () => {
      const socket = await openClient(server, "/", way);
      const args = ["x", Buffer.from([1])];
      assert.deepEqual(await ask(socket, "message-with-ack", ...args), args);
      socket.on("call", (question, done) => done(question, 42));
      socket.emit("call-me", "how much?");
      assert.deepEqual(await heard(socket, "call-result"), ["how much?", 42]);
    });

    test("namespaces: found, refused with data, let in by the query, unknown", async () => {
      const custom = await openClient(server, "/custom", way);
      assert.match(custom.id, /^\/custom#[A-Za-z0-9_-]{20}$/);
      custom.emit("message", 1);
      assert.deepEqual(await heard(custom, "message-back"), [1]);
      const refused = makeClient(server, "/auth", way);
      assert.deepEqual(await heard(refused, "error"), [{ content: "Please retry later" }]);
      const good = await openClient(server, "/auth?token=ok", way);
      good.emit("message", 2);
      assert.deepEqual(await heard(good, "message-back"), [2]);
      const unknown = makeClient(server, "/nowhere", way);
      const [error] = await heard(unknown, "error");
      assert.deepEqual(error, { message: "Invalid namespace" });
    });

    test("old and new are in the same rooms", async () => {
      const { io: newIo } = await import("socket.io-client");
      const modern = newIo(`${server.origin}/custom`, {
        path: server.path,
        forceNew: true,
        autoUnref: true,
        transports: TRANSPORTS[way],
      });
      const old = await openClient(server, "/custom", way);
      try {
        await within("its ack", modern.emitWithAck("join", "mixed"));
        await ask(old, "join", "mixed");
        const [toNew, toOld] = [heard(modern, "room-message"), heard(old, "room-message")];
        old.emit("to-room", "mixed", "from the old", Buffer.from([1]));
        modern.emit("to-room", "mixed", "from the new", Buffer.from([2]));
        assert.deepEqual(await toNew, ["from the old", Buffer.from([1])]);
        assert.deepEqual(await toOld, ["from the new", Buffer.from([2])]);
      } finally {
        modern.disconnect();
      }
    });

    test("disconnected by the server", async () => {
      const socket = await openClient(server, "/", way);
      const told = heard(socket, "disconnect");
      socket.emit("disconnect-me", false);
      assert.equal((await told)[0], "io server disconnect");
    });

    test("its pings keep a silent connection", async () => {
      const socket = await openClient(quick, "/", way);
      for (let n = 0; n < 3; n++) await heard(socket, "pong");
      assert.ok(socket.connected);
      assert.deepEqual(await ask(socket, "message-with-ack", "still"), ["still"]);
    });

    test("cut and plugged in", async () => {
      const cable = await Cable.to(server);
      const socket = await openClient(cable.server, "/", way);
      const first = socket.id;
      const lost = heard(socket, "disconnect");
      cable.unplug();
      await lost;
      cable.plugIn();
      await heard(socket, "connect");
      assert.notEqual(socket.id, first);
      assert.deepEqual(await ask(socket, "message-with-ack", "back"), ["back"]);
    });

    test("where revision 3 is not let in", async () => {
      const socket = makeClient(strict, "/", way, { reconnection: false });
      await heard(socket, "connect_error");
      assert.equal(socket.connected, false);
    });
  });
}
