/*
 * server.mjs - the real program on a free port of the loopback, to be killed and started again.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import net from "node:net";
import { until } from "./until.mjs";

export class Server {
  #binary;
  #port;
  #child = null;
  #output = "";

  static async start(binary) {
    const server = new Server(binary, await freePort());
    await server.start();
    return server;
  }

  constructor(binary, port) {
    this.#binary = binary;
    this.#port = port;
  }

  get url() {
    return `http://127.0.0.1:${this.#port}/`;
  }

  /** What the program printed; for looking at when a check failed. */
  get output() {
    return this.#output;
  }

  async start() {
    const args = ["serve", "--demo", "--listen", `127.0.0.1:${this.#port}`, "--workers", "2"];
    this.#child = spawn(this.#binary, args, { stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream.on("data", (bytes) => (this.#output += bytes));
    }
    await until("the server answers", async () => {
      if (this.#child.exitCode !== null) throw new Error(`the server ended:\n${this.#output}`);
      return fetch(this.url).then(
        (response) => response.ok,
        () => false,
      );
    });
  }

  /** Ends it without a word to anybody, as a power cut does. */
  async kill() {
    await this.#end("SIGKILL");
  }

  async stop() {
    await this.#end("SIGTERM");
  }

  async #end(signal) {
    if (this.#child === null || this.#child.exitCode !== null) return;
    const ended = once(this.#child, "exit");
    this.#child.kill(signal);
    await ended;
    this.#child = null;
  }
}

async function freePort() {
  const listener = net.createServer().listen(0, "127.0.0.1");
  await once(listener, "listening");
  const { port } = listener.address();
  listener.close();
  await once(listener, "close");
  return port;
}
