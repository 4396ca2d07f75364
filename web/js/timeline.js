/*
 * timeline.js - what happened in one room, in the order in which it is shown.
 *
 *   entries:  message, message, presence, gap, message, ...      as the server ordered them
 *   pending:  message, message                                   ours, not confirmed yet
 *
 * A pending message moves to the entries when its copy arrives, to where the room put it, so that
 * everybody reads the same order. It keeps its `key` while it moves.
 *
 * An entry is one of
 *
 *   { kind: "message", key, id, name, text, at, mine, status, reason }
 *             status: "sent"; of ours also "sending", "failed"
 *   { kind: "presence", key, at, joined: [name], left: [name] }   neighbours are merged
 *   { kind: "missed", key, at, count }      what follows was said while we were away
 *   { kind: "gap", key, at, reason }        something is missing here
 */
const MAX_ENTRIES = 500;

export class Timeline {
  entries = [];
  pending = [];
  #seen = new Set(); // ids of the messages in entries
  #lastKey = 0;

  get hasMessages() {
    return this.pending.length > 0 || this.entries.some(({ kind }) => kind === "message");
  }

  /** Adds a message that the server sent. Returns its entry, or null if it is here already. */
  addMessage({ id, key, name, text, at, mine }) {
    if (this.#seen.has(id)) return null;
    const pending = this.#takePending(key);
    const entry = { kind: "message", key: key ?? `id:${id}`, id, name, text, at, mine };
    entry.status = "sent";
    if (pending !== undefined) entry.key = pending.key;
    this.#add(entry);
    return entry;
  }

  /** Adds a message of ours that is on its way. */
  addPending({ key, name, text, at }) {
    const entry = { kind: "message", key, id: null, name, text, at, mine: true };
    entry.status = "sending";
    this.pending.push(entry);
    return entry;
  }

  /** The server has our message. Its copy came before, or was delivered to an older connection. */
  confirm(key, id) {
    const entry = this.#takePending(key);
    if (entry === undefined || this.#seen.has(id)) return;
    entry.id = id;
    entry.status = "sent";
    this.#add(entry);
  }

  /** The server refused our message; it stays until it is discarded. */
  fail(key, reason) {
    const entry = this.pending.find((entry) => entry.key === key);
    if (entry === undefined) return;
    entry.status = "failed";
    entry.reason = reason;
  }

  discard(key) {
    this.#takePending(key);
  }

  /** @type is "joined" or "left". Who leaves and comes back within one line is not worth it. */
  addPresence(type, name) {
    const last = this.entries.at(-1);
    const line = last?.kind === "presence" ? last : this.#notice("presence");
    line.joined ??= [];
    line.left ??= [];
    const undone = type === "joined" ? line.left : line.joined;
    if (undone.includes(name)) undone.splice(undone.indexOf(name), 1);
    else line[type].push(name);
    if (line.joined.length + line.left.length === 0) this.entries.pop();
  }

  addGap(reason) {
    if (this.entries.at(-1)?.kind !== "gap") this.#notice("gap").reason = reason;
  }

  addMissed(count) {
    this.#notice("missed").count = count;
  }

  #notice(kind) {
    const entry = { kind, key: `${kind}:${++this.#lastKey}`, at: Date.now() };
    this.#add(entry);
    return entry;
  }

  #takePending(key) {
    const index = this.pending.findIndex((entry) => entry.key === key);
    return index < 0 ? undefined : this.pending.splice(index, 1)[0];
  }

  #add(entry) {
    this.entries.push(entry);
    if (entry.id !== undefined) this.#seen.add(entry.id);
    while (this.entries.length > MAX_ENTRIES) this.#seen.delete(this.entries.shift().id);
  }
}
