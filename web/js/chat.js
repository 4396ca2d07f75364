/*
 * chat.js - the state of the chat: who we are, the rooms, who is there, what was said, what is new.
 *
 *   Rooms (the wire) --events--> Chat --"change"--> the views, which read it all again
 *                    <--calls---      <--calls----  and turn clicks into calls
 *
 * The wire is a Rooms or a SocketIoRooms, and may be exchanged.
 *
 * Knows nothing of the page. "change" says that something is different, "heard" that somebody else
 * spoke: { room, name, text }.
 */
import { nameOf } from "./names.js";
import { randomKey } from "./session.js";
import { Timeline } from "./timeline.js";

const TYPING_LASTS_MS = 4_000; // after the last sign of it
const TYPING_EVERY_MS = 2_000; // how often we tell the others
const ASK_AGAIN_MS = 1_000; // when the server was busy
export const MAX_NAMED_MEMBERS = 256; // the server tells no names above this

export class Chat extends EventTarget {
  rooms = new Map(); // name -> room, in the order of joining
  current = null;
  name;
  isSeen = true; // is the page looked at?
  #wire;
  #events = new AbortController(); // of the wire; aborted when they no longer count
  #toldTypingAt = 0;

  constructor(wire, name) {
    super();
    this.name = name;
    this.use(wire);
  }

  /** Goes on over @wire, which has the session of the one before. */
  use(wire) {
    this.#events.abort();
    this.#events = new AbortController();
    this.#wire = wire;
    this.#listen(wire, { signal: this.#events.signal });
    for (const room of this.rooms.values()) this.#enter(room);
    this.#changed();
  }

  #listen(wire, options) {
    const on = (type, handler) => {
      const handle = ({ detail }) => {
        const room = this.rooms.get(detail.room);
        if (room !== undefined) handler.call(this, room, detail);
        this.#changed();
      };
      wire.addEventListener(type, handle, options);
    };
    on("joined", this.#onJoined);
    on("message", this.#onMessage);
    on("event", this.#onEvent);
    on("presence", this.#onPresence);
    on("count", this.#onCount);
    on("gap", (room, { reason }) => room.timeline.addGap(reason));
    on("refused", this.#onRefused);
    wire.addEventListener("welcome", () => this.#changed(), options);
  }

  get room() {
    return this.rooms.get(this.current) ?? null;
  }

  get unread() {
    let sum = 0;
    for (const room of this.rooms.values()) sum += room.unread;
    return sum;
  }

  /** How many messages of ours wait to be confirmed, everywhere. */
  get unsent() {
    return this.#wire.unsent();
  }

  get selfId() {
    return this.#wire.self.id;
  }

  join(name) {
    if (this.rooms.has(name)) return;
    this.rooms.set(name, newRoom(name));
    this.#enter(this.rooms.get(name));
    this.#changed();
  }

  #enter(room) {
    room.refusal = "";
    this.#wire.join(room.name).catch(() => {}); // "refused" tells
  }

  leave(name) {
    const names = [...this.rooms.keys()];
    const neighbour = names[names.indexOf(name) + 1] ?? names[names.indexOf(name) - 1];
    this.#wire.leave(name);
    this.rooms.delete(name);
    if (this.current === name) this.select(neighbour ?? null);
    this.#changed();
  }

  /** Shows the room @name, which then is read. */
  select(name) {
    if (this.room !== null && this.current !== name) this.room.newFrom = null;
    this.current = name;
    this.#markRead();
    this.#refreshMembers();
    this.#changed();
  }

  /** Whether somebody looks at the page: what arrives while nobody does is unread. */
  setSeen(isSeen) {
    this.isSeen = isSeen;
    this.#markRead();
    this.#changed();
  }

  say(text) {
    const room = this.room;
    const key = randomKey();
    room.timeline.addPending({ key, name: this.name, text, at: Date.now() });
    room.newFrom = null;
    this.#toldTypingAt = 0;
    this.#wire
      .publish(room.name, text, { key })
      .then((id) => room.timeline.confirm(key, id))
      .catch((error) => room.timeline.fail(key, error.message))
      .then(() => this.#changed());
    this.#changed();
  }

  /** Removes a message that the server refused. */
  discard(key) {
    this.room.timeline.discard(key);
    this.#changed();
  }

  /** Tells the others that we are typing, not more often than needed. */
  tellTyping() {
    const now = Date.now();
    if (now - this.#toldTypingAt < TYPING_EVERY_MS) return;
    this.#toldTypingAt = now;
    /* Over Socket.IO an event arrives as its data alone. */
    const data = { room: this.current, from: this.selfId, user: this.name };
    this.#wire.signal(this.current, "typing", data);
  }

  /* ---- what the wire tells ---- */

  #onJoined(room, { members, resumed, missed, gap }) {
    room.isJoined = true;
    room.isResumed = resumed;
    room.count = members;
    room.typing.clear();
    if (missed > 0 && !gap) room.timeline.addMissed(missed);
    room.areMembersKnown = false;
    this.#refreshMembers();
  }

  #onMessage(room, message) {
    const { id, key, from, text, timestamp, mine, replayed } = message;
    const name = nameOf({ user: message.user, id: from });
    const entry = room.timeline.addMessage({ id, key, name, text, at: timestamp, mine });
    room.typing.delete(from);
    if (entry === null || mine) return;
    const wasSaidBeforeUs = replayed && !room.isResumed;
    if (!wasSaidBeforeUs) this.#heard(room, entry);
  }

  #heard(room, entry) {
    if (room.name !== this.current || !this.isSeen) {
      room.unread++;
      room.newFrom ??= entry.key;
    }
    const detail = { room: room.name, name: entry.name, text: entry.text };
    this.dispatchEvent(new CustomEvent("heard", { detail }));
  }

  #onEvent(room, { event, from, user, replayed }) {
    if (event !== "typing" || replayed) return;
    const name = nameOf({ user, id: from });
    clearTimeout(room.typing.get(from)?.timer);
    const timer = setTimeout(() => {
      room.typing.delete(from);
      this.#changed();
    }, TYPING_LASTS_MS);
    room.typing.set(from, { name, timer });
  }

  #onPresence(room, { type, userId, user, members }) {
    const name = nameOf({ user: user ?? room.members.get(userId), id: userId });
    if (type === "user-joined") room.members.set(userId, name);
    else room.members.delete(userId);
    room.typing.delete(userId);
    const isMyPast = this.#wire.owns(userId); // the server noticed late that we had gone
    if (!isMyPast) room.timeline.addPresence(type === "user-joined" ? "joined" : "left", name);
    room.count = members ?? room.members.size;
    if (room.count !== room.members.size) room.areMembersKnown = false;
    this.#refreshMembers();
  }

  #onCount(room, { count }) {
    room.count = count;
    room.areMembersKnown = false;
    this.#refreshMembers();
  }

  #onRefused(room, { reason }) {
    room.refusal = reason;
  }

  /* Names are asked for in the room that is shown; elsewhere the count does. */
  #refreshMembers() {
    const room = this.room;
    if (room === null || !room.isJoined || room.areMembersKnown) return;
    if (room.count > MAX_NAMED_MEMBERS) room.members.clear();
    else if (!room.isAskingMembers) this.#askMembers(room);
  }

  async #askMembers(room) {
    room.isAskingMembers = true;
    room.areMembersKnown = true; // unless something else is heard meanwhile
    let again = 0;
    try {
      const { members } = await this.#wire.members(room.name);
      room.members = new Map(members.map(({ id, user }) => [id, nameOf({ user, id })]));
    } catch (error) {
      room.areMembersKnown = false;
      again = error.code === "busy" ? ASK_AGAIN_MS : null; // if lost: the next join asks
    }
    room.isAskingMembers = false;
    if (again !== null) setTimeout(() => this.#refreshMembers(), again);
    this.#changed();
  }

  #markRead() {
    if (this.room === null || !this.isSeen) return;
    this.room.unread = 0;
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}

function newRoom(name) {
  return {
    name,
    timeline: new Timeline(),
    isJoined: false, // once it was
    isResumed: false, // what the last join brought is news, not history
    members: new Map(), // id -> name; empty in rooms too large for names
    count: 0,
    areMembersKnown: false, // is `members` who is there?
    isAskingMembers: false,
    typing: new Map(), // id -> { name, timer }
    unread: 0,
    newFrom: null, // the key of the first message that was not seen when it came
    draft: "",
    refusal: "",
  };
}
