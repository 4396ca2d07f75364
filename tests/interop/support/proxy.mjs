/*
 * proxy.mjs - a cable between client and server, to be cut, or to carry nothing for a while.
 */
import { once } from "node:events";
import net from "node:net";
import { afterEach } from "node:test";

const open = new Set();
afterEach(async () => {
  for (const proxy of open) await proxy.close();
});

export class Proxy {
  static async open(server) {
    const proxy = new Proxy(server);
    proxy.#listener.listen(0, "127.0.0.1");
    await once(proxy.#listener, "listening");
    const { port } = proxy.#listener.address();
    open.add(proxy);
    /* What clients take for the server. */
    proxy.server = { ...server, port, origin: `http://127.0.0.1:${port}` };
    return proxy;
  }

  #pairs = new Set();
  #isPlugged = true;
  #isFrozen = false;
  #listener;

  constructor(server) {
    this.#listener = net.createServer({ noDelay: true }, (near) => {
      near.on("error", () => {});
      if (!this.#isPlugged) return near.destroy();
      if (this.#isFrozen) return this.#pairs.add([near]);
      const far = net.connect({ port: server.port, host: "127.0.0.1", noDelay: true });
      const pair = [near, far];
      this.#pairs.add(pair);
      for (const [from, to] of [pair, [far, near]]) {
        from.pipe(to);
        from.on("error", () => {});
        from.on("close", () => {
          to.destroy();
          this.#pairs.delete(pair);
        });
      }
    });
  }

  /** Ends every connection, and refuses new ones until plugIn(). */
  cut() {
    this.#isPlugged = false;
    for (const pair of this.#pairs) pair.forEach((end) => end.resetAndDestroy());
  }

  plugIn() {
    this.#isPlugged = true;
  }

  /** Carries nothing more in either direction, but says so to nobody. */
  freeze() {
    this.#isFrozen = true;
    for (const [near, far] of this.#pairs) {
      near.unpipe(far).pause();
      far.unpipe(near).pause();
    }
  }

  async close() {
    if (!open.delete(this)) return;
    this.cut();
    this.#listener.close();
    await once(this.#listener, "close");
  }
}
