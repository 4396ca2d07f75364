/*
 * cable.mjs - a cable between clients and servers: a port of its own whose connections can be cut, or
 * carry nothing for a while. All that a test leaves open is closed behind it.
 */
import { once } from "node:events";
import net from "node:net";
import { afterEach } from "node:test";

const open = new Set();
afterEach(async () => {
  for (const cable of open) await cable.close();
});

export class Cable {
  /** @portOf() says for each connection where it leads to; undefined: nowhere. */
  static async lay(portOf) {
    const cable = new Cable(portOf);
    cable.#listener.listen(0, "127.0.0.1");
    await once(cable.#listener, "listening");
    cable.port = cable.#listener.address().port;
    open.add(cable);
    return cable;
  }

  /** To one server; the cable's `server` is what clients take for it. */
  static async to(server) {
    const cable = await Cable.lay(() => server.port);
    cable.server = { ...server, port: cable.port, origin: `http://127.0.0.1:${cable.port}` };
    return cable;
  }

  #pairs = new Set();
  #isPlugged = true;
  #isFrozen = false;
  #listener;

  constructor(portOf) {
    this.#listener = net.createServer({ noDelay: true }, (near) => {
      near.on("error", () => {});
      const port = this.#isPlugged ? portOf() : undefined;
      if (port === undefined) return near.destroy();
      if (this.#isFrozen) return this.#pairs.add([near]);
      const far = net.connect({ port, host: "127.0.0.1", noDelay: true });
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

  /** Ends every connection. */
  cut() {
    for (const pair of this.#pairs) pair.forEach((end) => end.destroy());
  }

  /** Resets every connection, and refuses new ones until plugIn(). */
  unplug() {
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
    this.#isPlugged = false;
    this.cut();
    this.#listener.close();
    await once(this.#listener, "close");
  }
}
