/*
 * fakes.mjs - a clock that moves when told to, a network of sockets that a test answers by hand.
 */

/** As `options.clock` of both modules. */
export class FakeClock {
  #now = 1_000_000;
  #timers = new Map(); // id -> { at, callback }
  #lastId = 0;

  now = () => this.#now;

  setTimeout = (callback, ms) => {
    this.#timers.set(++this.#lastId, { at: this.#now + ms, callback });
    return this.#lastId;
  };

  clearTimeout = (id) => {
    this.#timers.delete(id);
  };

  get pending() {
    return this.#timers.size;
  }

  /** Lets @ms pass, and runs what falls due on the way, in order. */
  advance(ms) {
    const end = this.#now + ms;
    for (;;) {
      const due = [...this.#timers].filter(([, { at }]) => at <= end);
      if (due.length === 0) break;
      const [id, { at, callback }] = due.reduce((a, b) => (b[1].at < a[1].at ? b : a));
      this.#timers.delete(id);
      this.#now = at;
      callback();
    }
    this.#now = end;
  }
}

/** Makes a class like WebSocket; `made` lists the sockets, newest last. */
export function fakeNetwork() {
  const made = [];
  class FakeWebSocket extends EventTarget {
    readyState = 0;
    sent = [];
    closedWith = null;

    constructor(url, protocols) {
      super();
      this.url = url;
      this.protocols = protocols;
      made.push(this);
    }

    send(data) {
      this.sent.push(data);
    }

    close(code, reason) {
      this.readyState = 2;
      this.closedWith = { code, reason };
    }

    /* What the other side does: */

    accept() {
      this.readyState = 1;
      this.dispatchEvent(new Event("open"));
    }

    say(message) {
      const data = typeof message === "string" ? message : JSON.stringify(message);
      this.dispatchEvent(Object.assign(new Event("message"), { data }));
    }

    lose(code = 1006, reason = "") {
      this.readyState = 3;
      const fields = { code, reason, wasClean: code !== 1006 };
      this.dispatchEvent(Object.assign(new Event("close"), fields));
    }

    /** What was sent since the last call, parsed. */
    take() {
      return this.sent.splice(0).map((data) => JSON.parse(data));
    }
  }
  return {
    WebSocket: FakeWebSocket,
    made,
    get last() {
      return made.at(-1);
    },
  };
}

/** As `options.window`: tells when the browser goes offline or the page is seen. */
export class FakeWindow extends EventTarget {
  navigator = { onLine: true };
  document = Object.assign(new EventTarget(), { visibilityState: "visible" });

  goOffline() {
    this.navigator.onLine = false;
    this.dispatchEvent(new Event("offline"));
  }

  goOnline() {
    this.navigator.onLine = true;
    this.dispatchEvent(new Event("online"));
  }

  show(visibilityState) {
    this.document.visibilityState = visibilityState;
    this.document.dispatchEvent(new Event("visibilitychange"));
  }
}

/** Lets what waits for settled promises run. */
export const settled = () => new Promise((resolve) => setImmediate(resolve));

/** As what io() returns; `asked` are the requests that wait for an acknowledgement. */
export class FakeIoSocket {
  id = undefined;
  connected = false;
  recovered = false;
  active = true;
  asked = []; // { event, argument, answer(reply) }
  said = []; // [event, argument], what wants no acknowledgement
  engine = { transport: { name: "polling" }, on: (type, call) => (this.upgrade = call) };
  io = { engine: this.engine, on: (type, call) => this.#listen(this.#ofManager, type, call) };
  volatile = { emit: (...args) => this.said.push([...args, "volatile"]) };
  #ofSocket = new Map();
  #ofManager = new Map();
  #any = [];

  #listen(listeners, type, call) {
    listeners.set(type, [...(listeners.get(type) ?? []), call]);
  }

  on(type, call) {
    this.#listen(this.#ofSocket, type, call);
  }

  onAny(call) {
    this.#any.push(call);
  }

  emit(...args) {
    this.said.push(args);
  }

  emitWithAck(event, argument) {
    return new Promise((answer, reject) => this.asked.push({ event, argument, answer, reject }));
  }

  connect() {
    this.said.push(["connect()"]);
  }

  disconnect() {
    this.said.push(["disconnect()"]);
    this.active = false;
    if (this.connected) this.lose("io client disconnect");
  }

  /* What the client does: */

  open(id, { recovered = false, missed = [] } = {}) {
    this.active = true;
    this.manage("open");
    Object.assign(this, { id, recovered, connected: true });
    for (const args of missed) this.hear(...args);
    this.#tell("connect");
  }

  hear(event, ...args) {
    for (const call of this.#any) call(event, ...args);
    this.#tell(event, ...args);
  }

  lose(reason = "transport close") {
    Object.assign(this, { id: undefined, connected: false });
    this.#tell("disconnect", reason);
    for (const { reject } of this.asked.splice(0))
      reject(new Error("socket has been disconnected"));
  }

  fail(message) {
    this.#tell("connect_error", new Error(message));
  }

  manage(event) {
    for (const call of this.#ofManager.get(event) ?? []) call();
  }

  /** The oldest request, answered with @reply. */
  async answer(reply) {
    const { event, argument, answer } = this.asked.shift();
    answer(reply);
    await settled();
    return [event, argument];
  }

  #tell(event, ...args) {
    for (const call of this.#ofSocket.get(event) ?? []) call(...args);
  }
}
