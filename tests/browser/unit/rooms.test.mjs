import assert from "node:assert/strict";
import { test } from "node:test";
import { ReconnectingSocket } from "../../../web/js/reconnecting-socket.js";
import { randomKey, Rooms } from "../../../web/js/rooms.js";
import { FakeClock, fakeNetwork, settled } from "./support/fakes.mjs";

const EVENTS = ["welcome", "joined", "message", "event", "presence", "count", "gap", "refused"];

/* Rooms over a ReconnectingSocket on fakes, connected as "me-1" unless told otherwise. */
function makeWorld({ connected = true, ...options } = {}) {
  const clock = new FakeClock();
  const network = fakeNetwork();
  const { WebSocket } = network;
  const socket = new ReconnectingSocket("ws://test/ws", [], { clock, WebSocket, random: () => 1 });
  const rooms = new Rooms(socket, { clock, ...options });
  const log = [];
  for (const type of EVENTS) {
    rooms.addEventListener(type, ({ detail }) => log.push({ ...detail, type }));
  }
  const world = { clock, network, socket, rooms, log };
  if (connected) connect(world, "me-1");
  return world;
}

function connect({ network }, id) {
  network.last.accept();
  network.last.say({ type: "welcome", id, user: "ada" });
}

/* Loses the connection and makes the next one, as @id. */
function reconnect(world, id) {
  world.network.last.lose();
  world.clock.advance(world.socket.state.retryAt - world.clock.now());
  connect(world, id);
}

/* Answers the join that was just asked for. */
function answerJoin({ network }, fields = {}) {
  const join = network.last.take().find(({ type }) => type === "join");
  const { ref, room } = join;
  network.last.say({ type: "joined", ref, room, members: 1, history: [], gap: false, ...fields });
  return join;
}

const message = (id, from, text, room = "lobby") => {
  return { type: "message", room, id, from, user: from, text, timestamp: 5 };
};

function joinedWorld(options) {
  const world = makeWorld(options);
  world.rooms.join("lobby");
  answerJoin(world, { last: "id-0" });
  return world;
}

const textsOf = (log) => log.filter(({ type }) => type === "message").map(({ text }) => text);

test("join asks for history, resolves with the answer, and is one join however often", async () => {
  const world = makeWorld();
  const first = world.rooms.join("lobby");
  assert.equal(world.rooms.join("lobby"), first);
  const { ref, ...asked } = answerJoin(world, { members: 3, history: [message("1", "bo", "hi")] });
  assert.deepEqual(asked, { type: "join", room: "lobby", history: 50 });
  assert.ok(ref);
  assert.deepEqual(await first, { members: 3, gap: false });
  assert.deepEqual(
    world.log.map(({ type }) => type),
    ["welcome", "joined", "message"],
  );
  assert.deepEqual(world.log[1], {
    type: "joined",
    room: "lobby",
    members: 3,
    resumed: false,
    missed: 0,
    gap: false,
  });
  assert.equal(world.log[2].replayed, true);
});

test("rooms joined before there is a connection are joined when there is", () => {
  const world = makeWorld({ connected: false });
  world.rooms.join("lobby");
  world.rooms.join("attic");
  connect(world, "me-1");
  assert.deepEqual(
    world.network.last.take().map(({ room }) => room),
    ["lobby", "attic"],
  );
});

test("after a reconnect each room resumes after the last message it has seen", () => {
  const world = joinedWorld();
  world.rooms.join("attic");
  answerJoin(world, { last: "id-0" });
  world.network.last.say(message("id-7", "bo", "hi"));
  world.network.last.say({ type: "event", room: "attic", id: "id-8", event: "x", from: "bo" });
  world.network.last.say({ type: "event", room: "attic", event: "typing", from: "bo" });
  reconnect(world, "me-2");
  const joins = world.network.last.take().map(({ room, since }) => [room, since]);
  assert.deepEqual(joins, [
    ["lobby", "id-7"],
    ["attic", "id-8"],
  ]);
});

test("a room in which nothing was said resumes from where the server said", () => {
  const world = joinedWorld();
  reconnect(world, "me-2");
  assert.equal(answerJoin(world).since, "id-0");
});

test("what was missed is delivered in order, and counted without our own", () => {
  const world = joinedWorld();
  world.network.last.say(message("id-1", "bo", "before"));
  reconnect(world, "me-2");
  const history = [
    message("id-2", "bo", "one"),
    message("id-3", "me-1", "mine"),
    message("id-4", "cy", "two"),
  ];
  answerJoin(world, { history });
  assert.deepEqual(textsOf(world.log), ["before", "one", "mine", "two"]);
  const { resumed, missed } = world.log.findLast(({ type }) => type === "joined");
  assert.deepEqual({ resumed, missed }, { resumed: true, missed: 2 });
});

test("a gap is told before what follows it", () => {
  const world = joinedWorld();
  reconnect(world, "me-2");
  answerJoin(world, { gap: true, reason: "restarted", history: [message("x-1", "bo", "new")] });
  const tail = world.log.slice(-2).map(({ type, reason, text }) => [type, reason ?? text]);
  assert.deepEqual(tail, [
    ["gap", "restarted"],
    ["message", "new"],
  ]);
});

test("a gap that the server tells of later is told, too", () => {
  const world = joinedWorld();
  world.network.last.say({ type: "gap", room: "lobby", reason: "you were too slow" });
  assert.deepEqual(world.log.at(-1), { type: "gap", room: "lobby", reason: "you were too slow" });
});

test("publish resolves with the id when the server confirms", async () => {
  const world = joinedWorld();
  const published = world.rooms.publish("lobby", "hi");
  assert.equal(world.rooms.unsent("lobby"), 1);
  const [{ ref, key, ...asked }] = world.network.last.take();
  assert.deepEqual(asked, { type: "message", room: "lobby", text: "hi" });
  assert.match(key, /^[0-9a-f]{8}-[0-9a-f]{4}-4/);
  world.network.last.say(message("id-1", "me-1", "hi"));
  world.network.last.say({ type: "ack", ref, id: "id-1" });
  assert.equal(await published, "id-1");
  assert.equal(world.rooms.unsent(), 0);
});

test("the copy of an own message carries its key, also when texts repeat", () => {
  const world = joinedWorld();
  world.rooms.publish("lobby", "hi", { key: "a" });
  world.rooms.publish("lobby", "ho", { key: "b" });
  world.rooms.publish("lobby", "hi", { key: "c" });
  const copies = ["hi", "ho", "hi"];
  copies.forEach((text, index) => world.network.last.say(message(`id-${index}`, "me-1", text)));
  world.network.last.say(message("id-9", "bo", "hi"));
  const keys = world.log.filter(({ type }) => type === "message").map(({ key }) => key);
  assert.deepEqual(keys, ["a", "b", "c", undefined]);
});

test("what was written offline is sent after the room is joined again, in order, once", async () => {
  const world = joinedWorld();
  world.network.last.lose();
  const published = ["one", "two"].map((text) => world.rooms.publish("lobby", text));
  assert.equal(world.rooms.unsent(), 2);
  world.clock.advance(0);
  connect(world, "me-2");
  assert.equal(answerJoin(world, { history: [message("id-5", "bo", "meanwhile")] }).type, "join");
  const sent = world.network.last.take();
  assert.deepEqual(
    sent.map(({ text }) => text),
    ["one", "two"],
  );
  sent.forEach(({ ref }, index) => world.network.last.say({ type: "ack", ref, id: `id-${index}` }));
  assert.deepEqual(await Promise.all(published), ["id-0", "id-1"]);
  reconnect(world, "me-3");
  answerJoin(world);
  assert.deepEqual(world.network.last.take(), []);
});

test("a message whose ack was lost is sent again with the same key", async () => {
  const world = joinedWorld();
  const published = world.rooms.publish("lobby", "hi");
  const [first] = world.network.last.take();
  reconnect(world, "me-2");
  answerJoin(world, { history: [message("id-1", "me-1", "hi")] });
  assert.equal(world.log.at(-1).key, first.key, "recognised by the id of the older connection");
  const [again] = world.network.last.take();
  assert.equal(again.key, first.key);
  world.network.last.say({ type: "ack", ref: again.ref, id: "id-1" });
  assert.equal(await published, "id-1");
  assert.deepEqual(textsOf(world.log), ["hi"]);
});

test("a message that the server refuses is rejected with the reason", async () => {
  const world = joinedWorld();
  const published = world.rooms.publish("lobby", "hi");
  const [{ ref }] = world.network.last.take();
  world.network.last.say({ type: "error", ref, code: "too-large", reason: "send less" });
  await assert.rejects(published, { code: "too-large", message: "send less" });
  assert.equal(world.rooms.unsent(), 0);
});

test("a busy server is asked again, with the same key", () => {
  const world = joinedWorld();
  world.rooms.publish("lobby", "hi");
  const [{ ref, key }] = world.network.last.take();
  world.network.last.say({ type: "error", ref, code: "busy", reason: "later" });
  assert.deepEqual(world.network.last.take(), []);
  world.clock.advance(1_000);
  assert.equal(world.network.last.take()[0].key, key);
});

test("the outbox is bounded", async () => {
  const world = makeWorld({ connected: false, maxUnsent: 2 });
  world.rooms.join("lobby");
  world.rooms.publish("lobby", "one");
  world.rooms.publish("lobby", "two");
  await assert.rejects(world.rooms.publish("lobby", "three"), { code: "outbox-full" });
  assert.equal(world.rooms.unsent(), 2);
});

test("only members publish", async () => {
  const world = makeWorld();
  await assert.rejects(world.rooms.publish("lobby", "hi"), { code: "not-member" });
});

test("leaving a room gives up what waits there", async () => {
  const world = joinedWorld();
  world.network.last.lose();
  const published = world.rooms.publish("lobby", "hi");
  world.rooms.leave("lobby");
  await assert.rejects(published, { code: "left" });
  world.clock.advance(0);
  connect(world, "me-2");
  assert.deepEqual(world.network.last.take(), []);
});

test("leave tells the server, and an answer that comes after it changes nothing", () => {
  const world = makeWorld();
  world.rooms.join("lobby");
  const [{ ref }] = world.network.last.take();
  world.rooms.leave("lobby");
  assert.deepEqual(world.network.last.take(), [{ type: "leave", room: "lobby" }]);
  const reply = { type: "joined", ref, room: "lobby", members: 1, history: [], gap: false };
  world.network.last.say(reply);
  assert.ok(!world.log.some(({ type }) => type === "joined"));
});

test("a room that cannot be joined is told, and forgotten", async () => {
  const world = makeWorld();
  const joining = world.rooms.join("bad");
  const [{ ref }] = world.network.last.take();
  world.network.last.say({ type: "error", ref, code: "bad-room", reason: "choose another" });
  await assert.rejects(joining, { code: "bad-room" });
  assert.deepEqual(world.log.at(-1), {
    type: "refused",
    room: "bad",
    code: "bad-room",
    reason: "choose another",
  });
  reconnect(world, "me-2");
  assert.deepEqual(world.network.last.take(), []);
});

test("a full server is asked again to let us join", () => {
  const world = makeWorld();
  world.rooms.join("lobby");
  const [{ ref }] = world.network.last.take();
  world.network.last.say({ type: "error", ref, code: "server-full", reason: "try again later" });
  world.clock.advance(1_000);
  assert.equal(answerJoin(world).room, "lobby");
});

test("members are fetched page by page", async () => {
  const world = joinedWorld();
  const asked = world.rooms.members("lobby");
  const page = (name, next) => {
    const [{ ref, after }] = world.network.last.take();
    const members = [{ id: name, user: name }];
    world.network.last.say({ type: "members", ref, room: "lobby", count: 2, members, next });
    return after;
  };
  assert.equal(page("ada", "ada"), undefined);
  await settled();
  assert.equal(page("bo", undefined), "ada");
  const { count, members } = await asked;
  assert.equal(count, 2);
  assert.deepEqual(
    members.map(({ id }) => id),
    ["ada", "bo"],
  );
});

test("a question that the connection takes with it is rejected", async () => {
  const world = joinedWorld();
  const asked = world.rooms.members("lobby");
  world.network.last.lose();
  await assert.rejects(asked, { code: "disconnected" });
  await assert.rejects(world.rooms.members("lobby"), { code: "disconnected" });
});

test("presence, counts and events come as they are", () => {
  const world = joinedWorld();
  const { last } = world.network;
  last.say({ type: "user-joined", room: "lobby", userId: "bo", user: "Bo", members: 2 });
  last.say({ type: "members", room: "lobby", count: 300 });
  last.say({ type: "event", room: "lobby", event: "typing", from: "bo", data: null });
  last.say({ type: "something-new", room: "lobby" });
  assert.deepEqual(
    world.log.slice(-3).map(({ type }) => type),
    ["presence", "count", "event"],
  );
});

test("signals are volatile, and not sent without a connection", () => {
  const world = joinedWorld();
  world.rooms.signal("lobby", "typing");
  assert.deepEqual(world.network.last.take(), [
    { type: "event", room: "lobby", event: "typing", volatile: true },
  ]);
  const before = world.network.last;
  before.lose();
  world.rooms.signal("lobby", "typing");
  assert.deepEqual(before.take(), []);
});

test("a silent server is asked whether it is there, and given up if it is not", () => {
  const world = joinedWorld();
  world.clock.advance(24_000);
  world.network.last.say({ type: "gap", room: "x", reason: "" });
  world.clock.advance(24_999);
  assert.deepEqual(world.network.last.take(), []);
  world.clock.advance(1);
  assert.deepEqual(world.network.last.take(), [{ type: "ping" }]);
  world.network.last.say({ type: "pong" });
  world.clock.advance(10_000);
  assert.equal(world.network.made.length, 1);
  world.clock.advance(25_000);
  assert.equal(world.network.made.length, 2);
});

test("keys are version 4 UUIDs and differ", () => {
  const keys = new Set(Array.from({ length: 1000 }, () => randomKey()));
  assert.equal(keys.size, 1000);
  const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
  for (const key of keys) assert.match(key, uuid);
});
