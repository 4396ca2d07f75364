/*
 * rooms.js - Belfry's room protocol, for people who copy it.
 *
 *     import { ReconnectingSocket } from "./reconnecting-socket.js";
 *     import { Rooms } from "./rooms.js";
 *
 *     const rooms = new Rooms(new ReconnectingSocket("wss://example.org/ws?user=ada"));
 *     rooms.addEventListener("message", ({ detail }) => console.log(detail.user, detail.text));
 *     await rooms.join("lobby");
 *     await rooms.publish("lobby", "Hello"); // resolves when the server has it
 *
 * Messages arrive in the order of the room, each once, also across lost connections:
 *
 *   - Every message has an id. A room that is joined again says which one was seen last (`since`),
 *     and gets what was said in between. If the server does not remember that far back it says so,
 *     and "gap" is fired: whoever keeps a copy should fetch it anew.
 *   - What is published waits in the outbox until the server confirms it. Whether a message whose
 *     connection broke had arrived nobody can know, so it is sent again with the same `key`, and the
 *     server delivers a key once.
 *   - After a reconnect a room is joined first and the outbox sent then: what was missed stands
 *     above what was typed meanwhile.
 *
 * Nothing here touches the page: it runs wherever there is EventTarget and WebSocket. Below it may
 * be a ReconnectingSocket or a plain WebSocket, which then simply does not come back.
 *
 * Events, all with `detail`:
 *
 *   welcome   { id, user }                    connected; id is new for every connection
 *   joined    { room, members, resumed, missed, gap }
 *                                             before the messages that the join brought; `missed`
 *                                             is how many messages of others a resumed room brings
 *   message   { room, id, from, user, text, timestamp, mine, key, replayed }
 *                                             `key` if it is the copy of one of our own
 *   event     { room, id, event, from, user, data, replayed }
 *   presence  { room, type: "user-joined" | "user-left", userId, user, members }
 *   count     { room, count }                 in rooms too large for names
 *   gap       { room, reason }                messages were lost
 *   outbox    { room, unsent }                how many messages of a room wait to be confirmed
 *   refused   { room, code, reason }          a room can no longer be joined, and was left
 *
 * Who has Socket.IO's client already finds the same in socketio-rooms.js.
 */
import { promiseWithResolvers, randomKey, RoomsError, Session } from "./session.js";

const DEFAULTS = {
  history: 50, // how many past messages the first join of a room asks for
  maxUnsent: 100, // more are refused with "outbox-full"
  pingEvery: 25_000, // ms of silence after which the server is asked whether it is there
  pongWithin: 10_000,
  retryAfter: 1_000, // when the server said "busy"
  clock: {
    now: () => Date.now(),
    setTimeout: (callback, ms) => setTimeout(callback, ms),
    clearTimeout: (timer) => clearTimeout(timer),
  },
};

export { randomKey, RoomsError };

export class Rooms extends EventTarget {
  #socket;
  #options;
  #session;
  #self = { id: null, user: null };
  #rooms = new Map(); // name -> { name, isJoined, hasBeenJoined, joining }
  #requests = new Map(); // ref -> { done(reply), failed(error) }
  #lastRef = 0;
  #heardAt = 0;
  #heartbeat = null;
  #hasOpened = false;

  constructor(socket, { session = new Session(), ...options } = {}) {
    super();
    this.#socket = socket;
    this.#session = session;
    this.#options = { ...DEFAULTS, ...options };
    socket.addEventListener("open", () => this.#connected());
    socket.addEventListener("message", (event) => this.#received(event.data));
    socket.addEventListener("close", () => this.#disconnected());
    if (socket.readyState === 1) this.#connected();
  }

  /** Who we are: { id, user }, as the server sees us; ids change with every connection. */
  get self() {
    return this.#self;
  }

  /** Is @id ours, of this connection or of one before? */
  owns(id) {
    return this.#session.owns(id);
  }

  /** How many messages wait to be confirmed, in @room or in all. */
  unsent(room) {
    return this.#session.unsent(room);
  }

  /**
   * Joins @name, and joins it again after every reconnect until leave().
   * Resolves with { members, gap } when the room is joined for the first time, however long the
   * connection takes; joining twice is the same join.
   */
  join(name) {
    const known = this.#rooms.get(name);
    if (known !== undefined) return known.joining.promise;
    const room = {
      name,
      isJoined: false,
      hasBeenJoined: this.#session.positionIn(name) !== undefined,
      joining: promiseWithResolvers(),
    };
    this.#rooms.set(name, room);
    if (this.#isOpen) this.#sendJoin(room);
    return room.joining.promise;
  }

  /** Leaves @name. What waits to be sent there is given up. */
  leave(name) {
    const room = this.#rooms.get(name);
    if (room === undefined) return;
    this.#forget(room, new RoomsError("left", "The room was left"));
    if (this.#isOpen) this.#say({ type: "leave", room: name });
  }

  /**
   * Says @text in @room, now or when there is a connection again.
   * Resolves with the message's id; rejects with a RoomsError if the server will not have it.
   */
  publish(room, text, { key = randomKey() } = {}) {
    if (!this.#rooms.has(room)) {
      return Promise.reject(new RoomsError("not-member", "Join the room first"));
    }
    if (this.unsent() >= this.#options.maxUnsent) {
      return Promise.reject(new RoomsError("outbox-full", "Too many messages wait already"));
    }
    const sent = this.#session.add(room, text, key);
    this.#flush(this.#rooms.get(room));
    this.#tellOutbox(room);
    return sent;
  }

  /**
   * Tells the others in @room of something that need not arrive: a cursor, "is typing". Dropped
   * without a connection, and for members that are behind.
   */
  signal(room, event, data) {
    if (!this.#isOpen || !this.#rooms.get(room)?.isJoined) return;
    this.#say({ type: "event", room, event, data, volatile: true });
  }

  /** Who is in @room, at most @limit of them: { count, members: [{ id, user }] }. */
  async members(room, { limit = 256 } = {}) {
    const members = [];
    let reply = {};
    do {
      reply = await this.#ask({ type: "members", room, after: reply.next });
      members.push(...reply.members);
    } while (reply.next && members.length < limit);
    return { count: reply.count, members };
  }

  /* ---- the connection ---- */

  /* Both: a socket may be lost before its "close", and open before its "open" came here. */
  get #isOpen() {
    return this.#hasOpened && this.#socket.readyState === 1;
  }

  #connected() {
    this.#hasOpened = true;
    for (const room of this.#rooms.values()) this.#sendJoin(room);
    this.#heard();
    this.#watchSilence();
  }

  #disconnected() {
    this.#hasOpened = false;
    this.#options.clock.clearTimeout(this.#heartbeat);
    for (const room of this.#rooms.values()) room.isJoined = false;
    const requests = [...this.#requests.values()];
    this.#requests.clear();
    const error = new RoomsError("disconnected", "The connection was lost");
    for (const request of requests) request.failed(error);
  }

  #heard() {
    this.#heardAt = this.#options.clock.now();
  }

  /* A connection whose other end is gone looks like a silent one until something is asked. */
  #watchSilence() {
    const { clock, pingEvery, pongWithin } = this.#options;
    const silent = clock.now() - this.#heardAt;
    if (silent < pingEvery) {
      this.#heartbeat = clock.setTimeout(() => this.#watchSilence(), pingEvery - silent);
      return;
    }
    this.#say({ type: "ping" });
    const askedAt = clock.now();
    this.#heartbeat = clock.setTimeout(() => {
      if (this.#heardAt >= askedAt) this.#watchSilence();
      else if (this.#socket.reconnect) this.#socket.reconnect();
      else this.#socket.close();
    }, pongWithin);
  }

  #say(message) {
    this.#socket.send(JSON.stringify(message));
  }

  #request(message, done, failed) {
    const ref = String(++this.#lastRef);
    this.#requests.set(ref, { done, failed });
    this.#say({ ...message, ref });
  }

  #ask(message) {
    if (!this.#isOpen) {
      return Promise.reject(new RoomsError("disconnected", "There is no connection"));
    }
    return new Promise((resolve, reject) => this.#request(message, resolve, reject));
  }

  /* ---- what the server says ---- */

  #received(text) {
    const message = JSON.parse(text);
    this.#heard();
    const request = this.#requests.get(message.ref);
    if (request !== undefined) {
      this.#requests.delete(message.ref);
      if (message.type === "error") {
        request.failed(new RoomsError(message.code, message.reason));
      } else {
        request.done(message);
      }
      return;
    }
    this.#deliver(message, false);
  }

  #deliver(message, replayed) {
    if (this.#rooms.has(message.room)) this.#session.reached(message.room, message.id);
    switch (message.type) {
      case "welcome":
        this.#welcomed(message);
        break;
      case "message":
        this.#fire("message", { ...message, ...this.#session.ownership(message), replayed });
        break;
      case "event":
        this.#fire("event", { ...message, replayed });
        break;
      case "user-joined":
      case "user-left":
        this.#fire("presence", message);
        break;
      case "members":
        this.#fire("count", { room: message.room, count: message.count });
        break;
      case "gap":
        this.#fire("gap", { room: message.room, reason: message.reason });
        break;
    }
  }

  #welcomed({ id, user }) {
    this.#self = { id, user };
    this.#session.addId(id);
    this.#fire("welcome", this.#self);
  }

  /* ---- joining ---- */

  #sendJoin(room) {
    const since = this.#session.positionIn(room.name);
    const how = since === undefined ? { history: this.#options.history } : { since };
    this.#request(
      { type: "join", room: room.name, ...how },
      (reply) => this.#joined(room, reply),
      (error) => this.#joinFailed(room, error),
    );
  }

  #joined(room, { members, history, gap, reason, last }) {
    if (this.#rooms.get(room.name) !== room) return; // left while the answer was on its way
    const resumed = room.hasBeenJoined;
    const isNews = ({ type, from }) => type === "message" && !this.owns(from);
    const missed = resumed ? history.filter(isNews).length : 0;
    room.isJoined = true;
    room.hasBeenJoined = true;
    this.#fire("joined", { room: room.name, members, resumed, missed, gap });
    if (gap) this.#fire("gap", { room: room.name, reason });
    for (const message of history) this.#deliver(message, true);
    this.#session.reached(room.name, last);
    room.joining.resolve({ members, gap });
    this.#flush(room);
  }

  #joinFailed(room, error) {
    if (this.#rooms.get(room.name) !== room || error.code === "disconnected") return;
    if (error.isTemporary) {
      this.#later(() => this.#rooms.get(room.name) === room && this.#sendJoin(room));
      return;
    }
    this.#forget(room, error);
    this.#fire("refused", { room: room.name, code: error.code, reason: error.message });
  }

  #forget(room, error) {
    this.#rooms.delete(room.name);
    room.joining.promise.catch(() => {}); // whoever asked hears of it; nobody has to
    room.joining.reject(error);
    this.#session.forget(room.name, error);
    this.#tellOutbox(room.name);
  }

  /* ---- the outbox ---- */

  #flush(room) {
    if (!room.isJoined || !this.#isOpen) return;
    for (const entry of this.#session.take(room.name)) {
      const { text, key } = entry;
      this.#request(
        { type: "message", room: room.name, text, key },
        (ack) => this.#settle(entry, () => this.#session.confirm(entry, ack.id)),
        (error) => this.#sendFailed(room, entry, error),
      );
    }
  }

  #sendFailed(room, entry, error) {
    if (!error.isTemporary) {
      this.#settle(entry, () => this.#session.refuse(entry, error));
      return;
    }
    this.#session.putBack(entry);
    if (error.code !== "disconnected") this.#later(() => this.#flush(room));
  }

  #settle(entry, how) {
    how();
    this.#tellOutbox(entry.room);
  }

  #tellOutbox(room) {
    this.#fire("outbox", { room, unsent: this.unsent(room) });
  }

  #later(callback) {
    this.#options.clock.setTimeout(() => this.#isOpen && callback(), this.#options.retryAfter);
  }

  #fire(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
