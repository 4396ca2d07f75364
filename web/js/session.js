/*
 * session.js - what outlives a connection: who we were, how far we have read, what is not sent yet.
 *
 * rooms.js and socketio-rooms.js keep it for themselves. Whoever exchanges one for the other while
 * the chat goes on gives both the same session, and nothing is lost or said twice:
 *
 *     const session = new Session();
 *     let rooms = new Rooms(socket, { session });
 *     socket.close();
 *     rooms = new SocketIoRooms(io(), { session });
 */
const MAX_REMEMBERED_IDS = 64;

/** Why a request failed. `code` is stable, the message is for people. */
export class RoomsError extends Error {
  constructor(code, reason) {
    super(reason);
    this.name = "RoomsError";
    this.code = code;
  }

  /** Whether asking again later may help. */
  get isTemporary() {
    return ["busy", "server-full", "disconnected"].includes(this.code);
  }
}

/** A UUID, also where crypto.randomUUID is missing: on pages that came by plain http. */
export function randomKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40; // RFC 9562 4.2: version 4
  bytes[8] = (bytes[8] & 0x3f) | 0x80; // RFC 9562 4.1: this variant
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** As Promise.withResolvers(), which is young. */
export function promiseWithResolvers() {
  let resolve;
  let reject;
  const promise = new Promise((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

export class Session {
  #ids = new Set(); // of this connection and those before: older copies are ours too
  #positions = new Map(); // room -> id of the newest message that was heard there
  #outbox = []; // { room, text, key, isInFlight, copyId, resolve, reject }, oldest first

  /* ---- who we were ---- */

  addId(id) {
    this.#ids.add(id);
    if (this.#ids.size > MAX_REMEMBERED_IDS) this.#ids.delete(this.#ids.values().next().value);
  }

  owns(id) {
    return this.#ids.has(id);
  }

  /* ---- how far we have read ---- */

  positionIn(room) {
    return this.#positions.get(room);
  }

  reached(room, id) {
    if (id !== undefined) this.#positions.set(room, id);
  }

  /** Forgets @room, and gives up what waits to be sent there. */
  forget(room, error) {
    this.#positions.delete(room);
    for (const entry of this.#outbox.filter((entry) => entry.room === room)) {
      this.refuse(entry, error);
    }
  }

  /* ---- what is not sent yet ---- */

  unsent(room) {
    return this.#outbox.filter((entry) => room === undefined || entry.room === room).length;
  }

  /** Resolves with the message's id when the server has it. */
  add(room, text, key) {
    const { promise, resolve, reject } = promiseWithResolvers();
    this.#outbox.push({ room, text, key, isInFlight: false, copyId: null, resolve, reject });
    return promise;
  }

  /** What is to be sent in @room now. Each must be confirmed, refused or put back. */
  take(room) {
    const entries = this.#outbox.filter((entry) => entry.room === room && !entry.isInFlight);
    for (const entry of entries) entry.isInFlight = true;
    return entries;
  }

  putBack(entry) {
    entry.isInFlight = false;
  }

  confirm(entry, id) {
    if (this.#remove(entry)) entry.resolve(id);
  }

  refuse(entry, error) {
    if (this.#remove(entry)) entry.reject(error);
  }

  /**
   * Whose copy a message is: { mine, key }.
   * The copy of an own message carries no key, and comes before the ack that names its id. Copies
   * come in the order of sending, so the first unconfirmed message with the same text is it.
   */
  ownership({ room, id, from, text }) {
    if (!this.owns(from)) return { mine: false };
    const entry = this.#outbox.find(
      (entry) => entry.room === room && entry.copyId === null && entry.text === text,
    );
    if (entry === undefined) return { mine: true };
    entry.copyId = id;
    return { mine: true, key: entry.key };
  }

  #remove(entry) {
    const index = this.#outbox.indexOf(entry);
    if (index < 0) return false;
    this.#outbox.splice(index, 1);
    return true;
  }
}
