import assert from "node:assert/strict";
import { test } from "node:test";
import { ReconnectingSocket } from "../../../web/js/reconnecting-socket.js";
import { Rooms } from "../../../web/js/rooms.js";
import { Session } from "../../../web/js/session.js";
import { SocketIoRooms } from "../../../web/js/socketio-rooms.js";
import { FakeClock, FakeIoSocket, fakeNetwork, settled } from "./support/fakes.mjs";

const EVENTS = ["welcome", "joined", "message", "event", "presence", "count", "gap", "refused"];

function makeWorld({ connected = true, ...options } = {}) {
  const socket = new FakeIoSocket();
  const rooms = new SocketIoRooms(socket, options);
  const log = [];
  for (const type of EVENTS) {
    rooms.addEventListener(type, ({ detail }) => log.push({ ...detail, type }));
  }
  if (connected) socket.open("me-1");
  return { socket, rooms, log };
}

const joined = (more) => {
  return { type: "joined", room: "lobby", members: 2, history: [], gap: false, ...more };
};

async function joinedWorld(options) {
  const world = makeWorld(options);
  world.rooms.join("lobby");
  await world.socket.answer(joined({ last: "id-0" }));
  return world;
}

const said = (from, text) => ({ room: "lobby", from, user: from, text, timestamp: 5 });
const textsOf = (log) => log.filter(({ type }) => type === "message").map(({ text }) => text);
const lastOf = (log, wanted) => log.findLast(({ type }) => type === wanted);

test("join asks for history, resolves with the answer, and is one join however often", async () => {
  const { socket, rooms, log } = makeWorld();
  const first = rooms.join("lobby");
  assert.equal(rooms.join("lobby"), first);
  const history = [{ type: "message", id: "id-1", ...said("bo", "hi") }];
  assert.deepEqual(await socket.answer(joined({ history })), [
    "join-room",
    { room: "lobby", history: 50 },
  ]);
  assert.deepEqual(await first, { members: 2, gap: false });
  assert.deepEqual(
    log.map(({ type }) => type),
    ["welcome", "joined", "message"],
  );
  assert.equal(log[2].replayed, true);
  assert.equal(socket.asked.length, 0);
});

test("rooms joined before there is a connection are joined when there is", () => {
  const { socket, rooms } = makeWorld({ connected: false });
  rooms.join("lobby");
  rooms.join("attic");
  socket.open("me-1");
  assert.deepEqual(
    socket.asked.map(({ argument }) => argument.room),
    ["lobby", "attic"],
  );
});

test("a message has the offset of its packet as id, and is ours if we said it", async () => {
  const { socket, log } = await joinedWorld();
  socket.hear("new-message", said("bo", "theirs"), "id-1");
  socket.hear("new-message", said("me-1", "ours"), "id-2");
  const [theirs, ours] = log.filter(({ type }) => type === "message");
  assert.deepEqual([theirs.id, theirs.mine, theirs.replayed], ["id-1", false, false]);
  assert.deepEqual([ours.id, ours.mine], ["id-2", true]);
});

test("a recovered session brings what was missed before connect, and joins nothing anew", async () => {
  const { socket, rooms, log } = await joinedWorld();
  socket.hear("new-message", said("bo", "before"), "id-1");
  socket.lose();
  const missed = [
    ["new-message", said("bo", "one"), "id-2"],
    ["new-message", said("me-1", "mine"), "id-3"],
    ["new-message", said("cy", "two"), "id-4"],
  ];
  socket.open("me-1", { recovered: true, missed });
  assert.deepEqual(textsOf(log), ["before", "one", "mine", "two"]);
  const { resumed, missed: count, gap } = lastOf(log, "joined");
  assert.deepEqual({ resumed, count, gap }, { resumed: true, count: 2, gap: false });
  assert.equal(lastOf(log, "message").replayed, true);
  const asked = await socket.answer(joined({ members: 7 }));
  assert.deepEqual(asked, ["join-room", { room: "lobby" }]);
  assert.equal(lastOf(log, "count").count, 7);
  socket.hear("new-message", said("bo", "live"), "id-5");
  assert.equal(lastOf(log, "message").replayed, false);
  assert.equal(rooms.self.id, "me-1");
});

test("a session that is not recovered joins behind the last message it has seen", async () => {
  const { socket, log } = await joinedWorld();
  socket.hear("new-message", said("bo", "hi"), "id-7");
  socket.lose();
  socket.open("me-2");
  const history = [{ type: "message", id: "id-8", ...said("me-1", "mine") }];
  const asked = await socket.answer(joined({ history, gap: true, reason: "too long ago" }));
  assert.deepEqual(asked, ["join-room", { room: "lobby", since: "id-7" }]);
  assert.equal(lastOf(log, "gap").reason, "too long ago");
  assert.equal(lastOf(log, "message").mine, true);
});

test("a room whose join was lost is joined, recovered or not", async () => {
  const { socket, rooms } = await joinedWorld();
  rooms.join("attic");
  socket.lose();
  await settled();
  socket.open("me-1", { recovered: true });
  assert.deepEqual(
    socket.asked.map(({ argument }) => argument),
    [{ room: "lobby" }, { room: "attic", history: 50 }],
  );
});

test("a room left without a connection is left when the server takes us for a member", async () => {
  const { socket, rooms } = await joinedWorld();
  socket.lose();
  rooms.leave("lobby");
  socket.open("me-1", { recovered: true });
  assert.deepEqual(socket.said, [["leave-room", "lobby"]]);
  assert.equal(socket.asked.length, 0);
});

test("publish sends with a key, and resolves with the id", async () => {
  const { socket, rooms } = await joinedWorld();
  const sent = rooms.publish("lobby", "hi", { key: "k" });
  assert.equal(rooms.unsent(), 1);
  const asked = await socket.answer({ type: "ack", id: "id-1" });
  assert.deepEqual(asked, ["send-message", { roomId: "lobby", text: "hi", key: "k" }]);
  assert.equal(await sent, "id-1");
  assert.equal(rooms.unsent(), 0);
});

test("what was not confirmed is sent again with its key, behind the join", async () => {
  const { socket, rooms } = await joinedWorld();
  const sent = rooms.publish("lobby", "hi", { key: "k" });
  socket.lose();
  await settled();
  rooms.publish("lobby", "typed offline", { key: "l" });
  socket.open("me-2");
  assert.deepEqual(
    socket.asked.map(({ event }) => event),
    ["join-room"],
  );
  await socket.answer(joined());
  assert.deepEqual(
    socket.asked.map(({ argument }) => argument.key),
    ["k", "l"],
  );
  await socket.answer({ type: "ack", id: "id-1" });
  assert.equal(await sent, "id-1");
});

test("a message that is refused rejects, one from before the join waits for it", async () => {
  const { socket, rooms } = await joinedWorld();
  const refused = rooms.publish("lobby", "too long");
  const early = rooms.publish("lobby", "early", { key: "k" });
  refused.catch(() => {});
  await socket.answer({ type: "error", code: "too-large", reason: "too large" });
  await assert.rejects(refused, { code: "too-large" });
  await socket.answer({ type: "error", code: "not-member", reason: "join it first" });
  assert.equal(rooms.unsent(), 1);
  socket.lose();
  socket.open("me-2");
  await socket.answer(joined());
  await socket.answer({ type: "ack", id: "id-1" });
  assert.equal(await early, "id-1");
});

test("a room that cannot be joined says why and is left", async () => {
  const { socket, rooms, log } = makeWorld();
  const join = rooms.join("lobby");
  join.catch(() => {});
  await socket.answer({ type: "error", code: "bad-room", reason: "no such name" });
  await assert.rejects(join, { code: "bad-room" });
  assert.equal(lastOf(log, "refused").reason, "no such name");
  await assert.rejects(rooms.publish("lobby", "hi"), { code: "not-member" });
});

test("members come page by page, and not without a connection", async () => {
  const { socket, rooms } = await joinedWorld();
  const asked = rooms.members("lobby");
  await socket.answer({ type: "members", count: 2, members: [{ id: "ada" }], next: "ada" });
  const second = await socket.answer({ type: "members", count: 2, members: [{ id: "bo" }] });
  assert.deepEqual(second, ["room-members", { room: "lobby", after: "ada" }]);
  assert.deepEqual(await asked, { count: 2, members: [{ id: "ada" }, { id: "bo" }] });
  socket.lose();
  await assert.rejects(rooms.members("lobby"), { code: "disconnected" });
});

test("presence and counts come as they are, other events with the room their data names", async () => {
  const { socket, log } = await joinedWorld();
  socket.hear("user-joined", { room: "lobby", userId: "bo", user: "Bo", members: 3 });
  socket.hear("members", { room: "lobby", count: 300 });
  socket.hear("typing", { room: "lobby", from: "bo", user: "Bo" });
  socket.hear("cursor", { x: 1 });
  assert.deepEqual(
    log.slice(-3).map(({ type }) => type),
    ["presence", "count", "event"],
  );
  const { event, from, user, room } = lastOf(log, "event");
  assert.deepEqual([event, from, user, room], ["typing", "bo", "Bo", "lobby"]);
});

test("signals are volatile, and not sent without a connection", async () => {
  const { socket, rooms } = await joinedWorld();
  rooms.signal("lobby", "typing", { room: "lobby" });
  const request = { roomId: "lobby", event: "typing", data: { room: "lobby" }, volatile: true };
  assert.deepEqual(socket.said, [["send-event", request, "volatile"]]);
  socket.lose();
  rooms.signal("lobby", "typing", {});
  assert.equal(socket.said.length, 1);
});

test("one session carries on from a WebSocket to Socket.IO", async () => {
  const session = new Session();
  const clock = new FakeClock();
  const network = fakeNetwork();
  const { WebSocket } = network;
  const webSocket = new ReconnectingSocket("ws://test/ws", [], { clock, WebSocket });
  const before = new Rooms(webSocket, { clock, session });
  before.join("lobby");
  network.last.accept();
  network.last.say({ type: "welcome", id: "ws-1", user: "ada" });
  const [{ ref }] = network.last.take();
  network.last.say({ ...joined({ last: "id-3" }), ref });
  const sent = before.publish("lobby", "hi", { key: "k" });
  webSocket.close();

  const { socket, rooms, log } = makeWorld({ session });
  rooms.join("lobby");
  assert.equal(rooms.owns("ws-1"), true);
  const history = [{ type: "message", id: "id-4", ...said("ws-1", "hi") }];
  const [, argument] = await socket.answer(joined({ history }));
  assert.deepEqual(argument, { room: "lobby", since: "id-3" });
  assert.equal(lastOf(log, "message").key, "k");
  const again = await socket.answer({ type: "ack", id: "id-4" });
  assert.deepEqual(again, ["send-message", { roomId: "lobby", text: "hi", key: "k" }]);
  assert.equal(await sent, "id-4");
});
