/*
 * cluster.test.mjs - two nodes under test, one of socket.io with the adapter of the same contract,
 * and emitters: one cluster, in all directions.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, describe, test } from "node:test";
import { Emitter } from "@socket.io/redis-emitter";
import { createClient } from "redis";
import { io } from "socket.io-client";
import { connect, isReference, startNode } from "./support/cluster.mjs";
import { startRedis } from "./support/redis.mjs";
import { LIMIT_MS, until, within } from "./support/wait.mjs";

const SCHEMES = { classic: "redis", sharded: "redis+sharded", streams: "redis+streams" };
const BINARY = { nested: [Buffer.from([1, 2, 3]), { deep: Buffer.from("x".repeat(1000)) }] };
const VALUES = ["ü€😀", -1.5, 2 ** 40, -(2 ** 40), null, true, [], {}, { a: { b: [1, "2"] } }, ""];

let redis;
before(async () => {
  redis = await startRedis();
});
after(() => redis?.stop());

for (const [contract, scheme] of Object.entries(SCHEMES)) {
  describe(contract, { timeout: 200_000 }, () => cluster(contract, scheme));
}

function cluster(contract, scheme) {
  const key = `it-${contract}`;
  const nodes = [];
  let clients = []; // one of each node, in all tests
  let marks = 0;
  let rooms = 0;

  before(async () => {
    const url = `${scheme}://127.0.0.1:${redis.port}`;
    for (const name of ["b1", "b2", "n1"]) nodes.push(await startNode(name, url, key));
    for (const node of nodes) clients.push(await connect(node));
    for (const client of clients)
      await until("all are there", async () => (await client.run("serverCount")) === 3);
  });
  after(async () => {
    clients.forEach(({ socket }) => socket.disconnect());
    for (const node of nodes) await node.stop();
  });

  const freshRoom = () => `room ${++rooms}`;

  /** Who is in @room from now on, on every node. */
  async function gather(room, who = clients) {
    for (const client of who) await client.run("join", { room });
    if (contract !== "streams") await settle();
  }

  /** A node of the reference says that it has joined before Redis knows: until it is heard. */
  async function settle() {
    const n = clients[2];
    await until("the reference listens", async () => (await n.run("serverCount")) === 3);
  }

  /** What each client heard up to a mark that @origin sets behind it. */
  async function heardBehind(origin) {
    const mark = `mark ${++marks}`;
    await origin.run("emit", { event: mark });
    return Promise.all(clients.map((client) => client.upTo(mark)));
  }

  /** For each node: does @what, then compares what all have heard. */
  async function fromEach(what, want) {
    for (const origin of clients) {
      await what(origin);
      const heard = await heardBehind(origin);
      const wanted = clients.map((client) => want(client, origin));
      assert.deepEqual(heard, wanted, `${contract}, from ${origin.node.name}`);
    }
  }

  test("to everyone, with values of every kind", () =>
    fromEach(
      (origin) => origin.run("emit", { event: "e", args: VALUES }),
      () => [["e", ...VALUES]],
    ));

  test("without arguments, and binary", () =>
    fromEach(
      async (origin) => {
        await origin.run("emit", { event: "none" });
        await origin.run("emit", { event: "bin", args: [BINARY, 1] });
      },
      () => [["none"], ["bin", BINARY, 1]],
    ));

  test("to a room, to two, to ten: each once", async () => {
    const names = Array.from({ length: 8 }, freshRoom);
    await gather(names[0]);
    await gather(names[1], [clients[0], clients[2]]);
    await gather(names[7], [clients[1]]);
    await fromEach(
      async (origin) => {
        await origin.run("emit", { rooms: [names[1]], event: "one" });
        await origin.run("emit", { rooms: names.slice(0, 2), event: "two" });
        await origin.run("emit", { rooms: names.slice(1), event: "many" });
        await origin.run("emit", { rooms: ["nobody is here"], event: "never" });
      },
      (client) => (client === clients[1] ? [["two"], ["many"]] : [["one"], ["two"], ["many"]]),
    );
  });

  test("except a room, a socket, the sender", async () => {
    const [room, out] = [freshRoom(), freshRoom()];
    await gather(room);
    await gather(out, [clients[1]]);
    await fromEach(
      async (origin) => {
        await origin.run("emit", { rooms: [room], except: [out], event: "not 1" });
        await origin.run("emit", { except: [clients[0].id], event: "not 0" });
        await origin.run("broadcast", { rooms: [room], event: "not me" });
      },
      (client, origin) => [
        ...(client !== clients[1] ? [["not 1"]] : []),
        ...(client !== clients[0] ? [["not 0"]] : []),
        ...(client !== origin ? [["not me"]] : []),
      ],
    );
  });

  test("to a socket by its id, wherever it is", () =>
    fromEach(
      async (origin) => {
        for (const client of clients)
          await origin.run("emit", { rooms: [client.id], event: "for", args: [client.id] });
      },
      (client) => [["for", client.id]],
    ));

  test("local stays local, volatile and uncompressed arrive", () =>
    fromEach(
      async (origin) => {
        await origin.run("emit", { flags: { local: true }, event: "here" });
        await origin.run("emit", { flags: { uncompressed: true }, event: "plain" });
      },
      (client, origin) => (client === origin ? [["here"], ["plain"]] : [["plain"]]),
    ));

  test("volatile", async () => {
    for (const origin of clients) {
      await origin.run("emit", { flags: { volatile: true }, event: "v", args: [origin.node.name] });
      for (const client of clients)
        await until("it comes", () => client.heard.some(([e, n]) => e === "v" && n === origin.node.name));
      await heardBehind(origin);
    }
  });

  test("names with any characters are rooms", async () => {
    for (const room of ["*", "a?[b]", "#", "a#b#", "123", "twenty characters ok", "ü€😀", "\\"]) {
      await gather(room);
      await fromEach(
        (origin) => origin.run("emit", { rooms: [room], event: "in", args: [room] }),
        () => [["in", room]],
      );
      for (const client of clients) await client.run("leave", { room });
    }
  });

  test("namespaces are apart", async () => {
    const admins = [];
    for (const node of nodes) admins.push(await connect(node, "/admin"));
    for (const origin of admins) {
      const event = `admin ${origin.node.name}`;
      await origin.run("emit", { event });
      for (const admin of admins) assert.deepEqual(await admin.upTo(event), []);
    }
    for (const heard of await heardBehind(clients[0])) assert.deepEqual(heard, []);
    admins.forEach(({ socket }) => socket.disconnect());
  });

  test("what one node says comes whole and in order", async () => {
    const room = freshRoom();
    await gather(room);
    await fromEach(
      (origin) =>
        Promise.all(
          Array.from({ length: 300 }, (_, i) =>
            origin.run("emit", { rooms: [room], event: "n", args: [i] }),
          ),
        ),
      () => Array.from({ length: 300 }, (_, i) => ["n", i]),
    );
  });

  /* The reference's sharded adapter says that it has joined before Redis knows. */
  test("who has joined hears it from then on", { skip: isReference && "a race there" }, async () => {
    for (let i = 0; i < 60; i++) {
      const room = freshRoom();
      const [listener, speaker] = [clients[i % 2], clients[(i + 1 + (i & 2) / 2) % 3]];
      if (listener === speaker) continue;
      await listener.run("join", { room });
      await speaker.run("emit", { rooms: [room], event: "fresh", args: [i] });
      await until("it is heard", () => listener.heard.some(([e, n]) => e === "fresh" && n === i));
    }
    await heardBehind(clients[0]);
  });

  test("a broadcast with answers of all", async () => {
    for (const { socket, node } of clients)
      socket.on("q", (x, answer) => answer(node.name === "b2" ? Buffer.from([9]) : x + node.name));
    for (const origin of clients) {
      const { failed, responses } = await origin.run("emitWithAck", {
        event: "q", args: ["a-"], timeout: 3000,
      });
      assert.equal(failed, false, origin.node.name);
      assert.deepEqual(
        responses.map((r) => JSON.stringify(r)).sort(),
        ['"a-b1"', '"a-n1"', '{"hex":"09"}'],
        origin.node.name,
      );
    }
  });

  test("a broadcast that one does not answer", async () => {
    for (const { socket, node } of clients)
      socket.on("q2", (answer) => node.name !== "b2" && answer(node.name));
    for (const origin of clients) {
      const { failed, responses } = await origin.run("emitWithAck", { event: "q2", timeout: 500 });
      assert.equal(failed, true, origin.node.name);
      assert.deepEqual(responses.sort(), ["b1", "n1"], origin.node.name);
    }
  });

  test("servers speak to one another", () =>
    fromEach(
      async (origin) => {
        await origin.run("serverSideEmit", { event: "sse", args: [1, { a: "ü" }, null] });
        // With a stream it takes another way than what is said to clients.
        await Promise.all(
          clients.filter((client) => client !== origin).map((client) => client.hears("sse")),
        );
      },
      (client, origin) => (client === origin ? [] : [["sse", 1, { a: "ü" }, null]]),
    ));

  test("and answer", async () => {
    for (const origin of clients) {
      const { failed, responses } = await origin.run("serverSideEmitWithAck", {
        event: "ping", args: [1],
      });
      assert.equal(failed, false);
      const others = nodes.map(({ name }) => name).filter((name) => name !== origin.node.name);
      assert.deepEqual(responses.sort(), others.map((name) => `pong-${name}`).sort());
    }
  });

  test("sockets are told of, with rooms and data", async () => {
    const room = freshRoom();
    await gather(room, clients.slice(0, 2));
    for (const [i, client] of clients.entries()) await client.run("setData", { args: [{ n: i }] });
    for (const origin of clients) {
      const { failed, sockets } = await origin.run("fetchSockets");
      assert.equal(failed, false);
      assert.deepEqual(
        sockets.map(({ id }) => id).sort(),
        clients.map(({ id }) => id).sort(),
        origin.node.name,
      );
      for (const [i, client] of clients.entries()) {
        const told = sockets.find(({ id }) => id === client.id);
        assert.deepEqual(told.data, { n: i });
        assert.equal(told.rooms.includes(room), i < 2);
        assert.ok(told.rooms.includes(client.id));
        assert.match(told.address, /127\.0\.0\.1/);
      }
      const some = await origin.run("fetchSockets", { rooms: [room], except: [clients[0].id] });
      assert.deepEqual(some.sockets.map(({ id }) => id), [clients[1].id]);
    }
  });

  test("sockets join and leave by order of any node", async () => {
    for (const origin of clients) {
      const [room, all] = [freshRoom(), freshRoom()];
      await gather(all);
      await origin.run("socketsJoin", { rooms: [all], except: [clients[1].id], room });
      await until("they are in", async () =>
        (await origin.run("fetchSockets", { rooms: [room] })).sockets.length === 2);
      if (contract !== "streams") await settle();
      await origin.run("emit", { rooms: [room], event: "joined" });
      let heard = await heardBehind(origin);
      assert.deepEqual(heard, [[["joined"]], [], [["joined"]]], origin.node.name);
      await origin.run("socketsLeave", { rooms: [all], room });
      await until("they are out", async () =>
        (await origin.run("fetchSockets", { rooms: [room] })).sockets.length === 0);
    }
  });

  test("an emit right behind a move finds who was moved, on every node", async () => {
    /* Over Pub/Sub the reference's own are not exact, not even among themselves. */
    const isExact = ({ node }) => node.isOurs || contract === "streams";
    for (const origin of clients.filter(isExact)) {
      const [room, all] = [freshRoom(), freshRoom()];
      await gather(all);
      for (const event of ["in", "out"]) {
        await Promise.all([
          origin.run(event === "in" ? "socketsJoin" : "socketsLeave", { rooms: [all], room }),
          origin.run("emit", { rooms: [room], event }),
        ]);
      }
      const heard = await heardBehind(origin);
      assert.deepEqual(heard, [[["in"]], [["in"]], [["in"]]], `${contract}, ${origin.node.name}`);
    }
  });

  test("sockets are disconnected by any node", async () => {
    for (const origin of clients) {
      const room = freshRoom();
      const guests = [];
      for (const node of nodes) guests.push(await connect(node));
      await gather(room, guests);
      const gone = guests.map(({ socket }) => new Promise((r) => socket.once("disconnect", r)));
      await origin.run("disconnectSockets", { rooms: [room] });
      await within("all are gone", Promise.all(gone));
    }
  });

  test("three servers", async () => {
    for (const client of clients) assert.equal(await client.run("serverCount"), 3);
  });

  test("emitters", { skip: contract === "sharded" && "there is none for this contract" }, async () => {
    const room = freshRoom();
    await gather(room, clients.slice(0, 2));
    const client = createClient({ url: `redis://127.0.0.1:${redis.port}` });
    await client.connect();
    const say = contract === "classic" ? classicEmitter(client) : streamsEmitter(client);
    await say({ event: "all", args: [1, "ü"] });
    await say({ rooms: [room], event: "room", args: [BINARY] });
    await say({ rooms: [room], except: [clients[0].id], event: "not 0" });
    await say({ rooms: [room, "other"], event: "two" });
    await say({ event: "emitted" });
    const heard = await Promise.all(clients.map((one) => one.upTo("emitted")));
    assert.deepEqual(heard, [
      [["all", 1, "ü"], ["room", BINARY], ["two"]],
      [["all", 1, "ü"], ["room", BINARY], ["not 0"], ["two"]],
      [["all", 1, "ü"]],
    ]);
    await client.quit();
  });

  test("an emitter's orders", { skip: contract !== "classic" && "classic only" }, async () => {
    const [room, more] = [freshRoom(), freshRoom()];
    await gather(room, clients.slice(0, 2));
    const client = createClient({ url: `redis://127.0.0.1:${redis.port}` });
    await client.connect();
    const emitter = new Emitter(client, { key });
    emitter.in(room).socketsJoin(more);
    await until("they are in", async () =>
      (await clients[2].run("fetchSockets", { rooms: [more] })).sockets.length === 2);
    emitter.in(more).except(clients[0].id).socketsLeave(more);
    await until("one is out", async () =>
      (await clients[0].run("fetchSockets", { rooms: [more] })).sockets.length === 1);
    emitter.serverSideEmit("sse", "from the emitter");
    for (const one of clients)
      await until("all servers hear it", () =>
        one.heard.some(([event, text]) => event === "sse" && text === "from the emitter"));
    const guest = await connect(nodes[1]);
    const gone = new Promise((resolve) => guest.socket.once("disconnect", resolve));
    emitter.in(guest.id).disconnectSockets(true);
    await within("it is gone", gone);
    await heardBehind(clients[0]);
    await client.quit();
  });

  function classicEmitter(client) {
    const emitter = new Emitter(client, { key });
    return async ({ rooms: to = [], except = [], event, args = [] }) =>
      void emitter.to(to).except(except).emit(event, ...args);
  }

  /* As @socket.io/redis-streams-emitter writes it (its package is not to be had). */
  function streamsEmitter(client) {
    return async ({ rooms: to = [], except = [], event, args = [] }) => {
      const { encode } = await import("@msgpack/msgpack");
      const data = {
        packet: { type: 2, data: [event, ...args], nsp: "/" },
        opts: { rooms: to, flags: {}, except },
      };
      const hasBinary = args.includes(BINARY);
      await client.xAdd(key, "*", {
        uid: "emitter",
        nsp: "/",
        type: "3",
        data: hasBinary ? Buffer.from(encode(data)).toString("base64") : JSON.stringify(data),
      });
    };
  }

  /* A middleware was still being asked: the session is in Redis again, and either server has it. */
  const notSaved = (contract !== "streams" || isReference) && "streams of ours only";
  test("who is lost while judged comes back elsewhere", { skip: notSaved }, async () => {
    const store = createClient({ url: `redis://127.0.0.1:${redis.port}` });
    await store.connect();
    const [b1, b2] = nodes;
    const first = await connect(b1, "/later");
    await first.run("emit", { event: "one" });
    await first.hears("one");
    const { _pid: pid, id, _lastOffset: offset } = first.socket;
    first.socket.io.engine.transport.ws.terminate();
    await once(first.socket, "disconnect");
    const other = await connect(b1, "/later");
    await other.run("emit", { event: "two" });

    const back = (node, auth) =>
      Object.assign(
        io(`${node.origin}/later`, {
          auth,
          transports: ["websocket"],
          forceNew: true,
          reconnection: false,
          autoConnect: false,
        }),
        { _pid: pid, _lastOffset: offset },
      );
    const lost = back(b2, { wait: true }).connect();
    await clients[1].hears("one waits");
    assert.equal(await store.exists(`sio:session:${pid}`), 0);
    lost.io.engine.transport.ws.terminate();
    await until("it is there again", () => store.exists(`sio:session:${pid}`));
    const left = await store.pTTL(`sio:session:${pid}`); /* -1: for ever */
    assert.ok(left > 0 && left <= 120_000, `${left}`);

    const heard = [];
    const again = back(b1, {}).onAny((event) => heard.push(event)).connect();
    await once(again, "connect");
    assert.deepEqual([again.recovered, again.id], [true, id]);
    await until("it hears what it missed", () => heard.includes("two"));
    for (const socket of [again, lost, other.socket]) socket.disconnect();
    await clients[1].upTo("one waits");
    await store.quit();
  });

  test("a server that dies in the middle of questions", async () => {
    const name = "b3";
    const node = await startNode(name, `${scheme}://127.0.0.1:${redis.port}`, key);
    const guest = await connect(node);
    for (const client of clients)
      await until("four are there", async () => (await client.run("serverCount")) === 4);
    const questions = clients.slice(0, 2).flatMap((client) => [
      client.run("emitWithAck", { event: "slow question", timeout: 1500 }),
      client.run("serverSideEmitWithAck", { event: "silent", args: [] }),
    ]);
    node.kill();
    const outcomes = await within("all questions end", Promise.all(questions), LIMIT_MS + 2000);
    for (const { failed } of outcomes) assert.equal(failed, true);
    guest.socket.disconnect();
    for (const client of clients)
      await until("three are left", async () => (await client.run("serverCount")) === 3);
    await fromEach(
      (origin) => origin.run("emit", { event: "still" }),
      () => [["still"]],
    );
  });
}
