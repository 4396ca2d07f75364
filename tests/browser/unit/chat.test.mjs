import assert from "node:assert/strict";
import { test } from "node:test";
import { Chat } from "../../../web/js/chat.js";
import { RoomsError } from "../../../web/js/rooms.js";
import { settled } from "./support/fakes.mjs";

/* What Chat asks of Rooms, answered by hand. */
class FakeWire extends EventTarget {
  self = { id: "me-2", user: "ada" };
  present = [];
  asked = 0;
  failWith = null;

  join = async () => {};
  leave() {}
  unsent = () => 0;
  owns = (id) => id.startsWith("me-");

  async members() {
    this.asked++;
    if (this.failWith !== null) throw this.failWith;
    return { count: this.present.length, members: this.present };
  }

  tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail: { room: "lobby", ...detail } }));
  }
}

function makeChat() {
  const wire = new FakeWire();
  const chat = new Chat(wire, "ada");
  chat.join("lobby");
  chat.join("attic");
  chat.select("lobby");
  return { wire, chat, lobby: chat.rooms.get("lobby"), attic: chat.rooms.get("attic") };
}

const joined = { members: 1, resumed: false, missed: 0, gap: false };
const person = (id) => ({ id, user: id });
const said = (id, more) => ({ id, from: "bo", user: "Bo", text: id, timestamp: 1, ...more });

test("history is not news, what comes after it and what a resumed room brings is", () => {
  const { wire, chat } = makeChat();
  wire.tell("joined", { ...joined, room: "attic" });
  wire.tell("message", said("1", { room: "attic", replayed: true }));
  assert.equal(chat.unread, 0);
  wire.tell("message", said("2", { room: "attic", replayed: false }));
  wire.tell("joined", { ...joined, room: "attic", resumed: true, missed: 1 });
  wire.tell("message", said("3", { room: "attic", replayed: true }));
  assert.equal(chat.unread, 2);
  chat.select("attic");
  assert.equal(chat.unread, 0);
  assert.equal(chat.room.newFrom, "id:2");
});

test("what is said while nobody looks at the page is unread, own messages never are", () => {
  const { wire, chat } = makeChat();
  wire.tell("joined", joined);
  wire.tell("message", said("1"));
  chat.setSeen(false);
  wire.tell("message", said("2"));
  wire.tell("message", said("3", { mine: true }));
  assert.equal(chat.unread, 1);
  chat.setSeen(true);
  assert.equal(chat.unread, 0);
});

test("names are asked for in the room that is shown, and in another when it is", async () => {
  const { wire, chat, lobby, attic } = makeChat();
  wire.present = [person("me-2"), person("bo")];
  wire.tell("joined", { ...joined, members: 2 });
  wire.tell("joined", { ...joined, members: 2, room: "attic" });
  await settled();
  assert.equal(wire.asked, 1);
  assert.deepEqual([...lobby.members.keys()], ["me-2", "bo"]);
  chat.select("attic");
  await settled();
  assert.deepEqual([...attic.members.keys()], ["me-2", "bo"]);
  chat.select("lobby");
  await settled();
  assert.equal(wire.asked, 2);
});

test("a count that does not fit the names makes it ask anew", async () => {
  const { wire, lobby } = makeChat();
  wire.present = [person("me-2")];
  wire.tell("joined", joined);
  await settled();
  wire.present = [person("me-2"), person("bo"), person("cy")];
  wire.tell("presence", { type: "user-joined", userId: "cy", user: "cy", members: 3 });
  await settled();
  assert.equal(lobby.members.size, 3);
});

test("our own connection of before goes without a line", async () => {
  const { wire, lobby } = makeChat();
  wire.present = [person("me-1"), person("me-2")];
  wire.tell("joined", { ...joined, members: 2 });
  await settled();
  wire.tell("presence", { type: "user-left", userId: "me-1", user: "ada", members: 1 });
  assert.deepEqual([...lobby.members.keys()], ["me-2"]);
  assert.deepEqual(lobby.timeline.entries, []);
});

test("another wire takes over: rooms are joined there, and the old one is no longer heard", () => {
  const { wire, chat, lobby } = makeChat();
  wire.tell("joined", joined);
  wire.tell("message", said("1"));
  const next = new FakeWire();
  const rooms = [];
  next.join = async (name) => rooms.push(name);
  chat.use(next);
  assert.deepEqual(rooms, ["lobby", "attic"]);
  wire.tell("message", said("2"));
  next.tell("joined", { ...joined, resumed: true });
  next.tell("message", said("1", { replayed: true }));
  next.tell("message", said("3"));
  assert.deepEqual(
    lobby.timeline.entries.map(({ id }) => id),
    ["1", "3"],
  );
});

test("in a large room only the count is known", async () => {
  const { wire, lobby } = makeChat();
  wire.tell("joined", { ...joined, members: 300 });
  wire.tell("count", { count: 312 });
  await settled();
  assert.equal(wire.asked, 0);
  assert.equal(lobby.count, 312);
  wire.present = [person("me-2"), person("bo")];
  wire.tell("count", { count: 256 });
  await settled();
  assert.equal(lobby.members.size, 2);
});

test("a lost connection while asking is no reason to ask without end", async () => {
  const { wire } = makeChat();
  wire.failWith = new RoomsError("disconnected", "lost");
  wire.tell("joined", joined);
  await settled();
  await settled();
  assert.equal(wire.asked, 1);
});

test("a message that is refused says why, until it is discarded", async () => {
  const { wire, chat, lobby } = makeChat();
  wire.publish = async () => {
    throw new RoomsError("too-large", "send less at a time");
  };
  chat.say("much");
  await settled();
  const [entry] = lobby.timeline.pending;
  assert.deepEqual([entry.status, entry.reason], ["failed", "send less at a time"]);
  chat.discard(entry.key);
  assert.equal(lobby.timeline.hasMessages, false);
});

test("who leaves the room that is shown is shown its neighbour", () => {
  const { chat } = makeChat();
  chat.leave("lobby");
  assert.equal(chat.current, "attic");
  chat.leave("attic");
  assert.equal(chat.room, null);
});
