/*
 * client4.test.mjs - socket.io-client 4, the unmodified package, in each of its three ways: polling
 * only, WebSocket only, and from one to the other.
 */
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import msgpackParser from "socket.io-msgpack-parser";
import {
  WAYS,
  ask,
  collect,
  isConnected,
  makeClient,
  openClient,
  settle,
} from "./support/clients.mjs";
import { Cable } from "./support/cable.mjs";
import { startServer } from "./support/server.mjs";
import { heard, pause, until } from "./support/wait.mjs";

const PING_INTERVAL_MS = 300;
const PING_TIMEOUT_MS = 200;

const server = await startServer();
const quick = await startServer({ pingInterval: PING_INTERVAL_MS, pingTimeout: PING_TIMEOUT_MS });
after(() => Promise.all([server.stop(), quick.stop()]));

const SID = /^[A-Za-z0-9_-]{20}$/;
let roomNumber = 0;
const newRoom = () => `room-${++roomNumber}`;

for (const way of WAYS) {
  const open = (namespace, options) => openClient(server, namespace, { way, ...options });

  describe(`${way}: messages`, () => {
    test("connects with an id, over the transport that is wanted", async () => {
      const socket = await open();
      assert.match(socket.id, SID);
      const transport = way === "polling" ? "polling" : "websocket";
      assert.equal(socket.io.engine.transport.name, transport);
      assert.equal(await ask(socket, "transport"), transport);
    });

    test("auth, query and headers reach the application", async () => {
      const socket = await open("/", {
        auth: { token: "t", n: 1 },
        query: { foo: "bär" },
        extraHeaders: { "X-Test": "yes" },
      });
      const told = await ask(socket, "handshake");
      assert.deepEqual(told.auth, { token: "t", n: 1 });
      assert.equal(told.query.foo, "bär");
      assert.equal(told.headers["x-test"], "yes");
      assert.equal(told.id, socket.id);
      const first = way === "websocket" ? "websocket" : "polling";
      assert.equal(told.query.transport, first);
    });

    test("the first event of the application is heard", async () => {
      const socket = makeClient(server, "/", { way, auth: { token: "x" } });
      assert.deepEqual(await heard(socket, "auth"), [{ token: "x" }]);
    });

    test("all kinds of JSON come back", async () => {
      const socket = await open();
      const args = [1, "2", { 3: [true, null, -0.5, 1e21] }, [], "", '\u0000"\\€😀\u2028', {}];
      socket.emit("message", ...args);
      assert.deepEqual(await heard(socket, "message-back"), args);
    });

    test("binary comes back, deep inside too", async () => {
      const socket = await open();
      const args = [Buffer.from([0, 255]), { a: [Buffer.from("€"), { b: Buffer.alloc(0) }] }, "x"];
      socket.emit("message", ...args);
      assert.deepEqual(await heard(socket, "message-back"), args);
    });

    test("typed arrays arrive as bytes", async () => {
      const socket = await open();
      socket.emit("message", new Uint16Array([1, 2]), new Uint8Array([3]).buffer);
      const expected = [Buffer.from([1, 0, 2, 0]), Buffer.from([3])];
      assert.deepEqual(await heard(socket, "message-back"), expected);
    });

    test("binary that the server made", async () => {
      const socket = await open();
      socket.emit("make-binary", 1000);
      const bytes = Buffer.from(Array.from({ length: 1000 }, (_, i) => i % 256));
      assert.deepEqual(await heard(socket, "binary"), [bytes, { nested: bytes }]);
    });

    test("half a megabyte of text, and of binary", async () => {
      const socket = await open();
      const text = "€".repeat(150_000);
      socket.emit("message", text);
      assert.deepEqual(await heard(socket, "message-back"), [text]);
      const bytes = Buffer.alloc(500_000, "0123456789");
      socket.emit("message", bytes);
      assert.deepEqual(await heard(socket, "message-back"), [bytes]);
    });

    test("a thousand in a row keep their order", async () => {
      const socket = await open();
      const seen = collect(socket, "message-back");
      for (let n = 0; n < 1000; n++) socket.emit("message", n);
      await until("all are back", () => seen.length === 1000);
      assert.deepEqual(
        seen.flat(),
        Array.from({ length: 1000 }, (_, n) => n),
      );
    });

    test("a thousand from the server keep their order", async () => {
      const socket = await open();
      const seen = collect(socket, "number");
      await ask(socket, "number-me", 1000);
      await until("all are there", () => seen.length === 1000);
      assert.deepEqual(
        seen.flat(),
        Array.from({ length: 1000 }, (_, n) => n),
      );
    });

    test("more at once than one POST may carry", async () => {
      const socket = await open();
      const seen = collect(socket, "message-back");
      for (let n = 0; n < 8; n++) socket.emit("message", n, "x".repeat(300_000));
      await until("all are back", () => seen.length === 8);
      assert.deepEqual(
        seen.map(([n]) => n),
        [0, 1, 2, 3, 4, 5, 6, 7],
      );
    });

    test("what is emitted before the connection stands is sent then", async () => {
      const socket = makeClient(server, "/", { way });
      socket.emit("message", "early");
      assert.deepEqual(await heard(socket, "message-back"), ["early"]);
    });
  });

  describe(`${way}: acknowledgements`, () => {
    test("of the server, with several arguments and binary", async () => {
      const socket = await open();
      const args = [1, { a: "b" }, Buffer.from([1, 2, 3])];
      const answer = await new Promise((resolve) => {
        socket.emit("message-with-ack", ...args, (...got) => resolve(got));
      });
      assert.deepEqual(answer, args);
    });

    test("of the server, at most once", async () => {
      const socket = await open();
      const answers = [];
      socket.emit("ack-twice", (word) => answers.push(word));
      await settle(socket);
      assert.deepEqual(answers, ["first"]);
    });

    test("many at once find their askers", async () => {
      const socket = await open();
      const asked = Array.from({ length: 200 }, (_, n) => ask(socket, "message-with-ack", n));
      assert.deepEqual(
        await Promise.all(asked),
        Array.from({ length: 200 }, (_, n) => n),
      );
    });

    test("that never come: the client's timeout", async () => {
      const socket = await open();
      await assert.rejects(socket.timeout(50).emitWithAck("nobody hears this"), /timed out/);
    });

    test("of the client, with binary", async () => {
      const socket = await open();
      socket.on("call", (question, done) => done(question, Buffer.from([9])));
      socket.emit("call-me", "how much?");
      assert.deepEqual(await heard(socket, "call-result"), ["how much?", Buffer.from([9])]);
    });

    test("of the client, in time and too late", async () => {
      const socket = await open();
      socket.once("call", (done) => done("in time"));
      socket.emit("call-me-timeout", 2000);
      assert.deepEqual(await heard(socket, "call-timeout-result"), [null, "in time"]);
      const called = heard(socket, "call");
      socket.emit("call-me-timeout", 50);
      const [answer] = await called;
      const [error] = await heard(socket, "call-timeout-result");
      assert.equal(error, "operation has timed out");
      answer("too late");
      await settle(socket);
    });

    test("of a whole room", async () => {
      const room = newRoom();
      const members = [await open(), await open(), await open()];
      for (const [n, member] of members.entries()) {
        await ask(member, "join", room);
        member.on("call", (factor, done) => done(n * factor));
      }
      members[0].emit("call-room", room, 5000, 10);
      const [error, answers] = await heard(members[0], "call-room-result");
      assert.equal(error, null);
      assert.deepEqual(answers.sort(), [0, 10, 20]);
    });

    test("of a room where one says nothing: an error, and what came", async () => {
      const room = newRoom();
      const [one, other] = [await open(), await open()];
      for (const member of [one, other]) await ask(member, "join", room);
      one.on("call", (done) => done("here"));
      one.emit("call-room", room, 1000);
      const [error, answers] = await heard(one, "call-room-result");
      assert.equal(error, "operation has timed out");
      assert.deepEqual(answers, ["here"]);
    });

    test("of a room with nobody in it", async () => {
      const socket = await open();
      socket.emit("call-room", newRoom(), 5000);
      assert.deepEqual(await heard(socket, "call-room-result"), [null, []]);
    });
  });

  describe(`${way}: namespaces`, () => {
    test("share one connection, know nothing of each other", async () => {
      const socket = await open();
      const custom = socket.io.socket("/custom");
      const dynamic = socket.io.socket("/dyn-5");
      await Promise.all([isConnected(custom), isConnected(dynamic)]);
      assert.equal(new Set([socket.id, custom.id, dynamic.id]).size, 3);
      const elsewhere = [collect(socket, "message-back"), collect(custom, "message-back")];
      dynamic.emit("message", Buffer.from([1]));
      assert.deepEqual(await heard(dynamic, "message-back"), [Buffer.from([1])]);
      await Promise.all([settle(socket), settle(custom)]);
      assert.deepEqual(elsewhere, [[], []]);
    });

    test("one can be left and entered again while another stays", async () => {
      const socket = await open();
      const custom = socket.io.socket("/custom");
      await isConnected(custom);
      const first = custom.id;
      custom.disconnect();
      await settle(socket);
      custom.connect();
      await isConnected(custom);
      assert.notEqual(custom.id, first);
      assert.deepEqual(await ask(custom, "rooms"), [custom.id]);
    });

    test("that does not exist", async () => {
      const socket = makeClient(server, "/nowhere", { way });
      const [error] = await heard(socket, "connect_error");
      assert.equal(error.message, "Invalid namespace");
      assert.equal(socket.active, false);
    });

    test("a refusal brings data; with the right word it works", async () => {
      const socket = makeClient(server, "/auth", { way, auth: { token: "no" } });
      const [error] = await heard(socket, "connect_error");
      assert.equal(error.message, "not authorized");
      assert.deepEqual(error.data, { content: "Please retry later" });
      socket.auth = { token: "ok" };
      socket.connect();
      await isConnected(socket);
      await settle(socket);
    });

    test("a middleware that takes its time, either way", async () => {
      const good = makeClient(server, "/later", { way, auth: { token: "ok" } });
      await isConnected(good);
      await settle(good);
      const bad = makeClient(server, "/later", { way });
      const [error] = await heard(bad, "connect_error");
      assert.deepEqual(error.data, { content: "Please retry later" });
    });

    test("what a middleware says is heard", async () => {
      const socket = makeClient(server, "/early", { way });
      assert.deepEqual(await heard(socket, "early"), [1]);
      await settle(socket);
    });
  });

  describe(`${way}: rooms`, () => {
    async function people(count) {
      const sockets = await Promise.all(Array.from({ length: count }, () => open("/custom")));
      const seen = sockets.map((socket) => collect(socket, "room-message"));
      const heardSo = async () => {
        await Promise.all(sockets.map(settle));
        return seen.map((each) => each.splice(0).flat().join());
      };
      return [sockets, heardSo];
    }

    test("to a room: its members but the sender", async () => {
      const [[a, b, c], heardSo] = await people(3);
      const room = newRoom();
      await Promise.all([ask(a, "join", room), ask(b, "join", room)]);
      await ask(a, "to-room", room, "from a");
      await ask(c, "to-room", room, "from c");
      assert.deepEqual(await heardSo(), ["from c", "from a,from c", ""]);
    });

    test("in a room: its members, the sender too", async () => {
      const [[a, b], heardSo] = await people(3);
      const room = newRoom();
      await Promise.all([ask(a, "join", room), ask(b, "join", room)]);
      await ask(a, "in-room", room, "hi");
      assert.deepEqual(await heardSo(), ["hi", "hi", ""]);
    });

    test("to two rooms: who is in both hears it once", async () => {
      const [[a, b, c], heardSo] = await people(3);
      const rooms = [newRoom(), newRoom()];
      await ask(a, "join", rooms);
      await ask(b, "join", rooms[1]);
      await ask(c, "to-room", rooms, "hi");
      assert.deepEqual(await heardSo(), ["hi", "hi", ""]);
    });

    test("to a room except another one", async () => {
      const [[a, b, c], heardSo] = await people(3);
      const [room, but] = [newRoom(), newRoom()];
      await Promise.all([a, b].map((each) => ask(each, "join", room)));
      await ask(b, "join", but);
      await ask(c, "to-except", room, but, "hi");
      assert.deepEqual(await heardSo(), ["hi", "", ""]);
    });

    test("to everyone, to everyone else, to everyone except a room", async () => {
      const [[a, b], heardSo] = await people(3);
      await ask(a, "all", "1");
      assert.deepEqual(await heardSo(), ["1", "1", "1"]);
      await ask(a, "broadcast", "2");
      assert.deepEqual(await heardSo(), ["", "2", "2"]);
      const room = newRoom();
      await ask(b, "join", room);
      await ask(a, "except", room, "3");
      assert.deepEqual(await heardSo(), ["3", "", "3"]);
      await ask(a, "except", b.id, "4");
      assert.deepEqual(await heardSo(), ["4", "", "4"]);
    });

    test("to one socket by its id", async () => {
      const [[a, b], heardSo] = await people(3);
      await ask(a, "to-room", b.id, "psst");
      assert.deepEqual(await heardSo(), ["", "psst", ""]);
    });

    test("who has left hears nothing more; a room with nobody is no error", async () => {
      const [[a, b], heardSo] = await people(2);
      const room = newRoom();
      await ask(b, "join", room);
      await ask(b, "leave", room);
      await ask(a, "to-room", room, "hi");
      await ask(a, "to-room", newRoom(), "hi");
      assert.deepEqual(await heardSo(), ["", ""]);
      assert.deepEqual(await ask(b, "rooms"), [b.id]);
    });

    test("rooms of one namespace are not those of another", async () => {
      const [[a], heardSo] = await people(1);
      const room = newRoom();
      const stranger = await open("/");
      await Promise.all([ask(a, "join", room), ask(stranger, "join", room)]);
      await ask(stranger, "in-room", room, "hi");
      assert.deepEqual(await heardSo(), [""]);
    });

    test("binary to a room", async () => {
      const [[a, b]] = await people(2);
      const room = newRoom();
      await ask(b, "join", room);
      a.emit("to-room", room, Buffer.from([1, 2]), { x: Buffer.from([3]) });
      const expected = [Buffer.from([1, 2]), { x: Buffer.from([3]) }];
      assert.deepEqual(await heard(b, "room-message"), expected);
    });

    test("moved by the server, asked for, and disconnected", async () => {
      const [[a, b, c], heardSo] = await people(3);
      const [from, to] = [newRoom(), newRoom()];
      await Promise.all([a, b].map((each) => ask(each, "join", from)));
      await Promise.all([ask(c, "sockets-join", from, to), ask(c, "to-room", to, "hi")]);
      assert.deepEqual(await heardSo(), ["hi", "hi", ""]);
      const described = [a, b].map(({ id }) => ({ id, rooms: [id, from, to].sort() }));
      described.sort((x, y) => (x.id < y.id ? -1 : 1));
      assert.deepEqual(await ask(c, "fetch", to), described);
      await Promise.all([ask(c, "sockets-leave", from, to), ask(c, "to-room", to, "nobody")]);
      assert.deepEqual(await heardSo(), ["", "", ""]);
      assert.deepEqual(await ask(c, "fetch", to), []);
      const told = [a, b].map((each) => heard(each, "disconnect"));
      c.emit("disconnect-room", from, false);
      for (const [reason] of await Promise.all(told)) assert.equal(reason, "io server disconnect");
      await settle(c);
    });

    test("a message that may be dropped reaches who is ready for it", async () => {
      const [[a], heardSo] = await people(3);
      await until("everyone has heard one", async () => {
        await ask(a, "volatile-all", "tick");
        return (await heardSo()).every((each) => each !== "");
      });
    });
  });

  describe(`${way}: the end`, () => {
    test("by the server, for this namespace only", async () => {
      const socket = await open();
      const custom = socket.io.socket("/custom");
      await isConnected(custom);
      custom.emit("disconnect-me", false);
      assert.equal((await heard(custom, "disconnect"))[0], "io server disconnect");
      await settle(socket);
    });

    test("by the server, with the connection", async () => {
      const socket = await open();
      const custom = socket.io.socket("/custom");
      await isConnected(custom);
      const told = [heard(socket, "disconnect"), heard(custom, "disconnect")];
      custom.emit("disconnect-me", true);
      for (const [reason] of await Promise.all(told)) assert.equal(reason, "io server disconnect");
      await until("the connection is closed", () => socket.io.engine.readyState === "closed");
    });

    test("by the server, right behind a last word", async () => {
      const socket = await open();
      const word = heard(socket, "last-words");
      const end = heard(socket, "disconnect");
      socket.emit("bye");
      await Promise.all([word, end]);
    });

    test("by the client: the application is told why, with the rooms", async () => {
      const watcher = await open();
      await ask(watcher, "join", "watchers");
      const socket = await open();
      const { id } = socket;
      await ask(socket, "join", "den");
      const told = heard(watcher, "left");
      socket.disconnect();
      assert.deepEqual(await told, [id, "client namespace disconnect", [id, "den"].sort()]);
    });

    test("of the server: the client hears transport close or error", async () => {
      const own = await startServer();
      const socket = await openClient(own, "/", { way, reconnection: false });
      const told = heard(socket, "disconnect");
      await own.stop();
      const [reason] = await told;
      assert.ok(["transport close", "transport error"].includes(reason), reason);
    });
  });

  describe(`${way}: a bad network`, () => {
    const through = async (body, options = {}, target = server) => {
      const cable = await Cable.to(target);
      const socket = await openClient(cable.server, "/", { way, ...options });
      try {
        await body(socket, cable);
      } finally {
        socket.disconnect();
        await cable.close();
      }
    };

    test("the heartbeat keeps a silent connection", async () => {
      const socket = await openClient(quick, "/", { way });
      const pings = collect(socket.io, "ping");
      await until("four pings have come", () => pings.length >= 4);
      assert.ok(socket.connected);
      await settle(socket);
    });

    test("cut and plugged in: a new socket, and what was emitted meanwhile is sent", async () => {
      await through(async (socket, cable) => {
        const first = socket.id;
        await ask(socket, "join", "den");
        const lost = heard(socket, "disconnect");
        cable.unplug();
        const [reason] = await lost;
        assert.ok(["transport close", "transport error"].includes(reason), reason);
        socket.emit("message", "meanwhile");
        cable.plugIn();
        assert.deepEqual(await heard(socket, "message-back"), ["meanwhile"]);
        assert.notEqual(socket.id, first);
        assert.ok(!socket.recovered);
        assert.deepEqual(await ask(socket, "rooms"), [socket.id]);
      });
    });

    test("cut: the application is told", async () => {
      const watcher = await openClient(quick, "/", { way });
      await ask(watcher, "join", "watchers");
      const check = async (socket, cable) => {
        const { id } = socket;
        const told = heard(watcher, "left");
        cable.unplug();
        const [who, reason] = await told;
        assert.equal(who, id);
        const reasons = ["transport close", "transport error"];
        if (way === "polling") reasons.push("ping timeout"); // no poll was pending
        assert.ok(reasons.includes(reason), reason);
      };
      await through(check, { reconnection: false }, quick);
    });

    test("a cable that carries nothing: both sides give up", async () => {
      const watcher = await openClient(quick, "/", { way });
      await ask(watcher, "join", "watchers");
      await through(
        async (socket, cable) => {
          const [left, end] = [heard(watcher, "left"), heard(socket, "disconnect")];
          cable.freeze();
          assert.equal((await left)[1], "ping timeout");
          assert.equal((await end)[0], "ping timeout");
        },
        { reconnection: false },
        quick,
      );
    });

    test("retries: each message arrives in its turn, over a cut", async () => {
      await through(
        async (socket, cable) => {
          const seen = collect(socket, "message-back");
          const asked = [ask(socket, "message-with-ack", "a")];
          cable.unplug();
          asked.push(ask(socket, "message-with-ack", "b"));
          cable.plugIn();
          assert.deepEqual(await Promise.all(asked), ["a", "b"]);
          assert.deepEqual(seen, []);
        },
        { retries: 5, ackTimeout: 300 },
      );
    });
  });
}

describe("volatile", () => {
  test("several in one turn to one idle WebSocket: some, in order", async () => {
    const socket = await openClient(server, "/", { way: "websocket" });
    const ticks = collect(socket, "tick");
    await ask(socket, "volatile", 5);
    const seen = ticks.flat();
    assert.ok(seen.length >= 1, `${seen}`);
    assert.deepEqual(seen, [...seen].sort());
  });
});

describe("connection state recovery", async () => {
  const WINDOW_MS = 20_000;
  /* A polling client may be cut off while no poll is pending: then only the heartbeat tells. */
  const heartbeat = { pingInterval: 500, pingTimeout: 500 };
  const recovering = await startServer({ recovery: WINDOW_MS, ...heartbeat });
  const forgetful = await startServer({ recovery: 150, ...heartbeat });
  after(() => Promise.all([recovering.stop(), forgetful.stop()]));
  const offsetOff = (args) => args.slice(0, -1);

  for (const way of WAYS) {
    /** A client on a cable, in room @room of namespace @namespace, that has heard something. */
    async function prepared(target, namespace, room) {
      const cable = await Cable.to(target);
      const socket = await openClient(cable.server, namespace, { way });
      await ask(socket, "join", room);
      await ask(socket, "set-data", "kept");
      return { cable, socket, id: socket.id, seen: collect(socket, "room-message") };
    }

    async function lose({ cable, socket }, watcher) {
      const told = heard(watcher, "left");
      cable.unplug();
      await told;
      await until("the client knows", () => !socket.connected);
    }

    async function watch(target, namespace) {
      const watcher = await openClient(target, namespace, { way: "websocket" });
      await ask(watcher, "join", "watchers");
      return watcher;
    }

    for (const namespace of ["/", "/custom"]) {
      test(`${way}: what was missed in ${namespace} is heard, in order, once`, async () => {
        const room = newRoom();
        const watcher = await watch(recovering, namespace);
        const lost = await prepared(recovering, namespace, room);
        const { socket, cable, id, seen } = lost;
        await ask(watcher, "in-room", room, "before");
        await until("it is heard", () => seen.length === 1);
        await lose(lost, watcher);
        await ask(watcher, "in-room", room, "to the room", 1);
        await ask(watcher, "all", "to all");
        await ask(watcher, "in-room", newRoom(), "to another room");
        await ask(watcher, "in-room", id, "to the socket");
        await ask(watcher, "except", room, "to all but the room");
        await ask(watcher, "volatile-all", "may be dropped");
        await ask(watcher, "in-room", [room, newRoom()], Buffer.from([1, 2]), "binary");
        cable.plugIn();
        await isConnected(socket);
        await settle(socket);
        assert.equal(socket.recovered, true);
        assert.equal(socket.id, id);
        assert.deepEqual(seen.map(offsetOff), [
          ["before"],
          ["to the room", 1],
          ["to all"],
          ["to the socket"],
          [Buffer.from([1, 2]), "binary"],
        ]);
        for (const args of seen) assert.equal(typeof args.at(-1), "string");
        assert.deepEqual(await ask(socket, "rooms"), [id, room].sort());
        const recovered = await new Promise((resolve) => {
          socket.emit("recovered", (...args) => resolve(args));
        });
        assert.deepEqual(recovered, [true, "kept"]);
        await ask(watcher, "in-room", room, "afterwards");
        await until("it is heard", () => offsetOff(seen.at(-1))[0] === "afterwards");
        socket.disconnect();
        await cable.close();
      });
    }

    test(`${way}: again and again`, async () => {
      const room = newRoom();
      const watcher = await watch(recovering, "/");
      const lost = await prepared(recovering, "/", room);
      for (let round = 0; round < 3; round++) {
        await lose(lost, watcher);
        await ask(watcher, "in-room", room, round);
        lost.cable.plugIn();
        await isConnected(lost.socket);
        await settle(lost.socket);
        assert.equal(lost.socket.recovered, true);
        assert.equal(lost.socket.id, lost.id);
      }
      assert.deepEqual(lost.seen.map(offsetOff), [[0], [1], [2]]);
      lost.socket.disconnect();
      await lost.cable.close();
    });

    test(`${way}: too late is a new socket`, async () => {
      const room = newRoom();
      const watcher = await watch(forgetful, "/");
      const lost = await prepared(forgetful, "/", room);
      await lose(lost, watcher);
      await ask(watcher, "in-room", room, "gone");
      await pause(500);
      lost.cable.plugIn();
      await isConnected(lost.socket);
      await settle(lost.socket);
      assert.ok(!lost.socket.recovered);
      assert.notEqual(lost.socket.id, lost.id);
      assert.deepEqual(lost.seen, []);
      assert.deepEqual(await ask(lost.socket, "rooms"), [lost.socket.id]);
      lost.socket.disconnect();
      await lost.cable.close();
    });
  }

  test("who left by intention is a new socket", async () => {
    const socket = await openClient(recovering, "/", { way: "websocket" });
    const { id } = socket;
    await settle(socket);
    socket.disconnect();
    socket.connect();
    await isConnected(socket);
    assert.ok(!socket.recovered);
    assert.notEqual(socket.id, id);
  });

  test("a middleware is not asked again", async () => {
    const options = { way: "websocket", auth: { token: "ok" } };
    const watcher = await openClient(recovering, "/auth", options);
    await ask(watcher, "join", "watchers");
    const cable = await Cable.to(recovering);
    const socket = await openClient(cable.server, "/auth", options);
    await settle(socket);
    const { id } = socket;
    socket.auth = { token: "no more" };
    const told = [heard(socket, "disconnect"), heard(watcher, "left")];
    cable.unplug();
    await Promise.all(told);
    cable.plugIn();
    await isConnected(socket);
    assert.equal(socket.recovered, true);
    assert.equal(socket.id, id);
    socket.disconnect();
    await cable.close();
  });

  for (const [name, auth] of [
    ["a pid that nobody has", { pid: "A".repeat(20), offset: "x" }],
    ["things that are no strings", { pid: 1, offset: {} }],
    ["names that every object has", { pid: "__proto__", offset: "constructor" }],
  ]) {
    test(`${name}: a new socket`, async () => {
      const socket = await openClient(recovering, "/", { way: "websocket", auth });
      assert.ok(!socket.recovered);
      assert.match(socket.id, SID);
      await settle(socket);
    });
  }
});

describe("msgpack parser", async () => {
  const packed = await startServer({ parser: "msgpack" });
  after(() => packed.stop());
  const options = { skip: packed.unsupported };

  for (const way of WAYS) {
    const open = (namespace, more) => {
      return openClient(packed, namespace, { way, parser: msgpackParser, ...more });
    };

    test(`${way}: events, binary and acks`, options, async () => {
      const socket = await open();
      const args = [1, -1, 1.5, "€", null, true, { a: [Buffer.from([1, 2])] }, 4294967296, -70000];
      socket.emit("message", ...args);
      assert.deepEqual(await heard(socket, "message-back"), args);
      assert.deepEqual(await ask(socket, "message-with-ack", { b: Buffer.from([3]) }), {
        b: Buffer.from([3]),
      });
      socket.on("call", (question, done) => done(question));
      socket.emit("call-me", "how much?");
      assert.deepEqual(await heard(socket, "call-result"), ["how much?"]);
    });

    test(`${way}: namespaces, refusals, rooms`, options, async () => {
      const refused = makeClient(packed, "/auth", { way, parser: msgpackParser });
      const [error] = await heard(refused, "connect_error");
      assert.deepEqual(error.data, { content: "Please retry later" });
      const [a, b] = [await open("/dyn-1"), await open("/dyn-1")];
      await ask(b, "join", "den");
      a.emit("to-room", "den", "hi", Buffer.from([1]));
      assert.deepEqual(await heard(b, "room-message"), ["hi", Buffer.from([1])]);
      b.emit("disconnect-me", true);
      assert.equal((await heard(b, "disconnect"))[0], "io server disconnect");
    });
  }
});
