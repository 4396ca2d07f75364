/*
 * reconnecting-socket.js - a WebSocket that comes back.
 *
 *     const socket = new ReconnectingSocket("wss://example.org/ws");
 *     socket.addEventListener("message", (event) => console.log(event.data));
 *     socket.addEventListener("statechange", () => console.log(socket.state.name));
 *
 *   connecting --opened--> open --lost--> waiting { retryAt }, or offline
 *       ^                                    |
 *       +--- time is up, retryNow(), the browser is online again, the page is seen again
 *
 *   closed { code, reason }: close() was called, or the server closed with a code in 4400-4499
 *   ("this will not get better by trying again").
 *
 * It has the interface of WebSocket. "open" and "close" are fired for every connection, and what is
 * sent while there is none is not kept: send() throws, as a connecting WebSocket does. Only the
 * layer above knows what may be said twice; rooms.js is such a layer.
 *
 * The first retry comes at once, since most losses are over by then. Later ones are spread at
 * random over [0, base * 2^n], at most 30 s ("full jitter"), so that ten thousand clients of a
 * restarted server do not return in step. The count starts over when a connection lasted 10 s; a
 * connection that opens and breaks is no success.
 */

const DEFAULTS = {
  baseDelay: 1_000, // ms; doubled by every retry
  maxDelay: 30_000,
  stableAfter: 10_000, // a connection that lasts this long resets the backoff
  connectTimeout: 10_000, // an attempt that hangs this long has failed
  random: Math.random,
  clock: {
    now: () => Date.now(),
    setTimeout: (callback, ms) => setTimeout(callback, ms),
    clearTimeout: (timer) => clearTimeout(timer),
  },
  window: globalThis.window, // tells "online" and "offline"; undefined outside browsers
  WebSocket: undefined, // default: globalThis.WebSocket
};

/* RFC 6455 7.4 and the IANA registry: what the server means when it goes. */
const SERVICE_RESTART = 1012;
const TRY_AGAIN_LATER = 1013;
const NO_STATUS = 1006; // lost without a close frame

const isFatal = (code) => code >= 4400 && code <= 4499;
const asksForTime = (code) => code === SERVICE_RESTART || code === TRY_AGAIN_LATER;

export class ReconnectingSocket extends EventTarget {
  static CONNECTING = 0;
  static OPEN = 1;
  static CLOSING = 2;
  static CLOSED = 3;

  onopen = null;
  onmessage = null;
  onclose = null;
  onerror = null;

  #url;
  #protocols;
  #options;
  #ws = null; // the connection being made or in use
  #attempt = 0; // numbers the attempts, so that a late answer to an old one is recognised
  #state = { name: "connecting" };
  #retries = 0;
  #timers = new Set();
  #binaryType = "blob";
  #stopListening = () => {};

  /**
   * @param url        a string, or a function that returns one or a promise of one; it is asked
   *                   before every attempt, which is the place to fetch a fresh token
   * @param protocols  as for WebSocket
   * @param options    see DEFAULTS
   */
  constructor(url, protocols = [], options = {}) {
    super();
    this.#url = url;
    this.#protocols = protocols;
    this.#options = { ...DEFAULTS, ...options };
    this.#listenToPage();
    this.#connect();
  }

  /**
   * What the connection is doing, for showing it. "statechange" is fired when it changes.
   *
   *     { name: "connecting" }   { name: "open" }   { name: "offline" }
   *     { name: "waiting", retryAt }                retryAt is a time as of Date.now()
   *     { name: "closed", code, reason }
   */
  get state() {
    return this.#state;
  }

  get readyState() {
    switch (this.#state.name) {
      case "open":
        return ReconnectingSocket.OPEN;
      case "closed":
        return ReconnectingSocket.CLOSED;
      default:
        return ReconnectingSocket.CONNECTING;
    }
  }

  get url() {
    return this.#ws?.url ?? "";
  }

  get protocol() {
    return this.#ws?.protocol ?? "";
  }

  get extensions() {
    return this.#ws?.extensions ?? "";
  }

  get bufferedAmount() {
    return this.#ws?.bufferedAmount ?? 0;
  }

  get binaryType() {
    return this.#binaryType;
  }

  set binaryType(type) {
    this.#binaryType = type;
    if (this.#ws !== null) this.#ws.binaryType = type;
  }

  /** Sends now, or throws an InvalidStateError when there is no open connection. */
  send(data) {
    if (this.#state.name !== "open") {
      throw new DOMException("There is no open connection", "InvalidStateError");
    }
    this.#ws.send(data);
  }

  /** Ends the connection for good. */
  close(code = 1000, reason = "") {
    if (this.#state.name === "closed") return;
    this.#abandon(code, reason);
    this.#stopListening();
    this.#enter({ name: "closed", code, reason });
    this.#fire("close", { code, reason, wasClean: true });
  }

  /** Tries at once instead of at `retryAt`. Does nothing while connecting or open. */
  retryNow() {
    if (this.#state.name === "waiting" || this.#state.name === "offline") this.#connect();
  }

  /** Gives up the connection, if any, and makes a new one: after close(), or to change the URL. */
  reconnect() {
    const wasOpen = this.#state.name === "open";
    if (this.#state.name === "closed") this.#listenToPage();
    this.#abandon(1000, "reconnecting");
    this.#retries = 0;
    this.#enter({ name: "connecting" });
    if (wasOpen) this.#fire("close", { code: 1000, reason: "reconnecting", wasClean: true });
    this.#connect();
  }

  async #connect() {
    const attempt = ++this.#attempt;
    this.#clearTimers();
    this.#enter({ name: "connecting" });
    try {
      const url = typeof this.#url === "function" ? await this.#url() : this.#url;
      if (attempt !== this.#attempt) return;
      const WebSocket = this.#options.WebSocket ?? globalThis.WebSocket;
      this.#adopt(new WebSocket(url, this.#protocols));
    } catch (error) {
      if (attempt === this.#attempt) this.#lost(NO_STATUS, String(error), false);
    }
  }

  #adopt(ws) {
    const ours = (handler) => (event) => {
      if (ws === this.#ws) handler(event);
    };
    this.#ws = ws;
    ws.binaryType = this.#binaryType;
    ws.addEventListener(
      "open",
      ours(() => this.#opened()),
    );
    ws.addEventListener(
      "message",
      ours(({ data }) => this.#fire("message", { data })),
    );
    ws.addEventListener(
      "error",
      ours(() => this.#fire("error")),
    );
    ws.addEventListener(
      "close",
      ours((e) => this.#lost(e.code, e.reason, e.wasClean)),
    );
    this.#after(this.#options.connectTimeout, () => {
      ws.close();
      this.#lost(NO_STATUS, "no answer in time", false);
    });
  }

  #opened() {
    this.#clearTimers();
    this.#after(this.#options.stableAfter, () => (this.#retries = 0));
    this.#enter({ name: "open" });
    this.#fire("open");
  }

  #lost(code, reason, wasClean) {
    this.#ws = null;
    this.#attempt++;
    this.#clearTimers();
    if (isFatal(code)) {
      this.#stopListening();
      this.#enter({ name: "closed", code, reason });
    } else {
      this.#wait(this.#retryDelay(code));
    }
    this.#fire("close", { code, reason, wasClean });
  }

  #wait(delay) {
    const { window, clock, maxDelay } = this.#options;
    const offline = window?.navigator.onLine === false;
    /* Browsers call themselves offline without a network, yet a local server can be reached. */
    const ms = offline ? maxDelay : delay;
    this.#after(ms, () => this.#connect());
    this.#enter(offline ? { name: "offline" } : { name: "waiting", retryAt: clock.now() + ms });
  }

  #retryDelay(code) {
    const { baseDelay, maxDelay, random } = this.#options;
    const retry = this.#retries++;
    const spread = Math.min(maxDelay, baseDelay * 2 ** retry);
    if (asksForTime(code)) {
      return Math.min(maxDelay, baseDelay + random() * Math.max(spread, 4 * baseDelay));
    }
    return retry === 0 ? 0 : random() * spread;
  }

  /* Lets go of the present connection without waiting for what it has to say. */
  #abandon(code, reason) {
    const ws = this.#ws;
    this.#ws = null;
    this.#attempt++;
    this.#clearTimers();
    ws?.close(code, reason);
  }

  #listenToPage() {
    const { window } = this.#options;
    if (window === undefined) return;
    const retry = () => this.retryNow();
    const retryIfSeen = () => window.document.visibilityState === "visible" && this.retryNow();
    const rest = () => {
      if (this.#state.name !== "waiting") return;
      this.#clearTimers();
      this.#wait(0);
    };
    window.addEventListener("online", retry);
    window.addEventListener("offline", rest);
    window.document.addEventListener("visibilitychange", retryIfSeen);
    this.#stopListening = () => {
      window.removeEventListener("online", retry);
      window.removeEventListener("offline", rest);
      window.document.removeEventListener("visibilitychange", retryIfSeen);
    };
  }

  #after(ms, callback) {
    const { clock } = this.#options;
    const timer = clock.setTimeout(() => {
      this.#timers.delete(timer);
      callback();
    }, ms);
    this.#timers.add(timer);
  }

  #clearTimers() {
    for (const timer of this.#timers) this.#options.clock.clearTimeout(timer);
    this.#timers.clear();
  }

  #enter(state) {
    const repeated = state.name === "connecting" && this.#state.name === "connecting";
    this.#state = state;
    if (!repeated) this.#fire("statechange", { state });
  }

  #fire(type, fields = {}) {
    const event = Object.assign(new Event(type), fields);
    this[`on${type}`]?.(event);
    this.dispatchEvent(event);
  }
}
