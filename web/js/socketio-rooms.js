/*
 * socketio-rooms.js - the rooms of rooms.js over Socket.IO's own client, for people who copy it.
 *
 *     import { io } from "/socket.io/socket.io.esm.min.js";
 *     import { SocketIoRooms } from "./socketio-rooms.js";
 *
 *     const rooms = new SocketIoRooms(io({ auth: { user: "ada" } }));
 *     rooms.addEventListener("message", ({ detail }) => console.log(detail.user, detail.text));
 *     await rooms.join("lobby");
 *     await rooms.publish("lobby", "Hello"); // resolves when the server has it
 *
 * Methods and events are those of rooms.js, and so is the promise: messages arrive in the order of
 * the room, each once, also across lost connections. What the client brings is not done again here:
 *
 *   - It reconnects, falls back to HTTP long-polling, and pairs an emit with its acknowledgement.
 *   - Connection state recovery: it remembers the offset of the last packet. If the server still
 *     knows the session (`socket.recovered`), we are in our rooms as before, and what was missed
 *     comes before "connect". If not, each room is joined again from the last message seen there.
 *
 * What it cannot know is done here: its own buffer would be sent before the rooms are joined again,
 * and a message whose acknowledgement got lost twice. So messages wait in the session's outbox, and
 * carry a `key` that the server delivers once.
 *
 * Members hear an event under its own name, with its data only. Where it belongs and whose it is has
 * to be said by the data: { room, from, user, ... }.
 */
import { promiseWithResolvers, randomKey, RoomsError, Session } from "./session.js";

const DEFAULTS = {
  history: 50, // how many past messages the first join of a room asks for
  maxUnsent: 100, // more are refused with "outbox-full"
  retryAfter: 1_000, // ms, when the server said "busy"
};

const FROM_SERVER = ["new-message", "user-joined", "user-left", "members", "gap"];

export class SocketIoRooms extends EventTarget {
  #socket;
  #options;
  #session;
  #self = { id: null };
  #rooms = new Map(); // name -> { name, isMember, hasBeenJoined, members, joining }
  #isConnected = false; // from "connect" to "disconnect"
  #missed = []; // what a recovered connection brings before "connect"
  #leftMeanwhile = new Set(); // rooms to leave when the server still takes us for members

  /** @socket: what io() returned, with connection state recovery on at the server. */
  constructor(socket, { session = new Session(), ...options } = {}) {
    super();
    this.#socket = socket;
    this.#session = session;
    this.#options = { ...DEFAULTS, ...options };
    socket.on("connect", () => this.#connected());
    socket.on("disconnect", () => (this.#isConnected = false));
    socket.on("new-message", (message, offset) => this.#heard({ ...message, id: offset }));
    socket.on("user-joined", (who) => this.#presence("user-joined", who));
    socket.on("user-left", (who) => this.#presence("user-left", who));
    socket.on("members", ({ room, count }) => this.#counted(room, count));
    socket.on("gap", ({ room, reason }) => this.#fire("gap", { room, reason }));
    socket.onAny((event, ...args) => {
      if (!FROM_SERVER.includes(event)) this.#event(event, args);
    });
    if (socket.connected) this.#connected();
  }

  /** Who we are; the id changes with every connection that is not recovered. */
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

  /** Joins @name, and stays there across reconnects until leave(). As in rooms.js. */
  join(name) {
    const known = this.#rooms.get(name);
    if (known !== undefined) return known.joining.promise;
    const hasBeenJoined = this.#session.positionIn(name) !== undefined;
    const joining = promiseWithResolvers();
    const room = { name, isMember: false, hasBeenJoined, members: 0, joining };
    this.#rooms.set(name, room);
    this.#leftMeanwhile.delete(name);
    if (this.#isConnected) this.#join(room);
    return joining.promise;
  }

  /** Leaves @name. What waits to be sent there is given up. */
  leave(name) {
    const room = this.#rooms.get(name);
    if (room === undefined) return;
    this.#forget(room, new RoomsError("left", "The room was left"));
    if (this.#isConnected) this.#socket.emit("leave-room", name);
    else if (room.isMember) this.#leftMeanwhile.add(name);
  }

  /** Says @text in @room, now or when there is a connection again. As in rooms.js. */
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

  /** Tells the others in @room of something that need not arrive: a cursor, "is typing". */
  signal(room, event, data) {
    if (!this.#isConnected || !this.#rooms.get(room)?.isMember) return;
    this.#socket.volatile.emit("send-event", { roomId: room, event, data, volatile: true });
  }

  /** Who is in @room, at most @limit of them: { count, members: [{ id, user }] }. */
  async members(room, { limit = 256 } = {}) {
    const members = [];
    let reply = {};
    do {
      reply = await this.#ask("room-members", { room, after: reply.next });
      members.push(...reply.members);
    } while (reply.next && members.length < limit);
    return { count: reply.count, members };
  }

  /* ---- the connection ---- */

  #connected() {
    const missed = this.#missed.splice(0);
    this.#isConnected = true;
    this.#self = { id: this.#socket.id };
    this.#session.addId(this.#self.id);
    this.#fire("welcome", this.#self);
    for (const name of this.#leftMeanwhile) this.#socket.emit("leave-room", name);
    this.#leftMeanwhile.clear();
    for (const room of this.#rooms.values()) {
      if (this.#socket.recovered && room.isMember) {
        this.#recovered(room, missed);
      } else {
        room.isMember = false;
        this.#join(room);
      }
    }
  }

  /* Emits and waits for the acknowledgement; the server answers every request with an object. */
  async #ask(event, argument) {
    if (!this.#isConnected) throw new RoomsError("disconnected", "There is no connection");
    let reply;
    try {
      reply = await this.#socket.emitWithAck(event, argument);
    } catch {
      throw new RoomsError("disconnected", "The connection was lost");
    }
    if (reply.type === "error") throw new RoomsError(reply.code, reply.reason);
    return reply;
  }

  /* ---- what the server says ---- */

  #heard(message) {
    if (this.#isConnected) this.#deliver(message, false);
    else this.#missed.push(message);
  }

  #deliver(message, replayed) {
    if (!this.#rooms.has(message.room)) return;
    this.#session.reached(message.room, message.id);
    const { mine, key } = this.#session.ownership(message);
    this.#fire("message", { ...message, mine, key, replayed });
  }

  /* What came late from a room that was left belongs to none. */
  #event(event, args) {
    const [data, offset] = args;
    const { room, from, user } = data ?? {};
    if (!this.#rooms.has(room)) return;
    this.#session.reached(room, offset);
    const replayed = !this.#isConnected;
    this.#fire("event", { room, id: offset, event, from, user, data, replayed });
  }

  #presence(type, who) {
    const room = this.#rooms.get(who.room);
    if (room !== undefined) room.members = who.members;
    this.#fire("presence", { type, ...who });
  }

  #counted(name, count) {
    const room = this.#rooms.get(name);
    if (room !== undefined) room.members = count;
    this.#fire("count", { room: name, count });
  }

  /* ---- joining ---- */

  async #join(room) {
    const since = this.#session.positionIn(room.name);
    const how = since === undefined ? { history: this.#options.history } : { since };
    try {
      this.#joined(room, await this.#ask("join-room", { room: room.name, ...how }));
    } catch (error) {
      this.#joinFailed(room, error);
    }
  }

  #joined(room, { members, history, gap, reason, last }) {
    if (this.#rooms.get(room.name) !== room) return; // left while the answer was on its way
    room.isMember = true;
    room.members = members;
    this.#entered(room, { history, gap, reason });
    this.#session.reached(room.name, last);
    room.joining.resolve({ members, gap });
    this.#flush(room);
  }

  /* The room is ours as before. Who came and went meanwhile is in no history: asked for here. */
  async #recovered(room, missed) {
    const history = missed
      .filter((message) => message.room === room.name)
      .map((message) => ({ type: "message", ...message }));
    this.#entered(room, { history, gap: false });
    this.#flush(room);
    try {
      const { members } = await this.#ask("join-room", { room: room.name });
      this.#counted(room.name, members);
    } catch {
      /* lost again: the next connection asks */
    }
  }

  #entered(room, { history, gap, reason }) {
    const { name, members, hasBeenJoined: resumed } = room;
    const isNews = ({ type, from }) => type === "message" && !this.owns(from);
    const missed = resumed ? history.filter(isNews).length : 0;
    room.hasBeenJoined = true;
    this.#fire("joined", { room: name, members, resumed, missed, gap });
    if (gap) this.#fire("gap", { room: name, reason });
    for (const message of history) {
      if (message.type === "message") this.#deliver(message, true);
      else this.#fire("event", { ...message, replayed: true });
    }
  }

  #joinFailed(room, error) {
    if (this.#rooms.get(room.name) !== room || error.code === "disconnected") return;
    if (error.isTemporary) {
      this.#later(() => this.#rooms.get(room.name) === room && this.#join(room));
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
    if (!this.#isConnected || !room.isMember) return;
    for (const entry of this.#session.take(room.name)) this.#send(room, entry);
  }

  async #send(room, entry) {
    const { text, key } = entry;
    try {
      const ack = await this.#ask("send-message", { roomId: room.name, text, key });
      this.#session.confirm(entry, ack.id);
    } catch (error) {
      this.#sendFailed(room, entry, error);
    }
    this.#tellOutbox(room.name);
  }

  /* Not a member: the server forgot us, and we have not come to join again yet. */
  #sendFailed(room, entry, error) {
    if (!error.isTemporary && error.code !== "not-member") {
      this.#session.refuse(entry, error);
      return;
    }
    this.#session.putBack(entry);
    if (error.code !== "disconnected") this.#later(() => this.#flush(room));
  }

  #later(callback) {
    setTimeout(() => this.#isConnected && callback(), this.#options.retryAfter);
  }

  #tellOutbox(room) {
    this.#fire("outbox", { room, unsent: this.unsent(room) });
  }

  #fire(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
