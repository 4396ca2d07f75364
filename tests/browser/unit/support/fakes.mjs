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
