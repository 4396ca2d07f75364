/*
 * server.mjs - the real program on a free port of the loopback, to be killed and started again.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import net from "node:net";
import { fileURLToPath } from "node:url";
import { until } from "./until.mjs";

const CLIENT = fileURLToPath(new URL("../node_modules/socket.io-client/dist", import.meta.url));

export class Server {
  #binary;
  #port;
  #clientDir;
  #child = null;
  #output = "";

  /** @clientDir: where Socket.IO's client is; "" for a server without. */
  static async start(binary, clientDir = CLIENT) {
    const server = new Server(binary, await freePort(), clientDir);
    await server.start();
    return server;
  }

  constructor(binary, port, clientDir) {
    this.#binary = binary;
    this.#port = port;
    this.#clientDir = clientDir;
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
    args.push("--client-dir", this.#clientDir);
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
