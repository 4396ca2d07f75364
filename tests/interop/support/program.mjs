/*
 * program.mjs - the program `belfry` of the build under test, once or as several servers.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { until, within } from "./wait.mjs";

const LATE_MS = 30_000;
const running = new Set();
process.on("exit", () => running.forEach((child) => child.kill("SIGKILL")));

const program = () =>
  path.join(path.dirname(JSON.parse(process.env.INTEROP_FIXTURE)[0]), "belfry");

/** Those that live; each is { child, port, output }. */
export class Servers {
  living = [];
  #turn = 0;

  /** @flags of all of them. */
  constructor(...flags) {
    this.flags = flags;
  }

  async start() {
    const child = spawn(program(), ["serve", "--listen", "127.0.0.1:0", ...this.flags], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    const server = { child, port: 0, output: "" };
    const listens = new Promise((resolve) => {
      for (const stream of [child.stdout, child.stderr]) {
        stream.setEncoding("utf8").on("data", (text) => {
          server.output += text;
          const found = /event=listening address=127\.0\.0\.1:(\d+)/.exec(server.output);
          if (found) resolve(Number(found[1]));
        });
      }
    });
    running.add(child);
    child.once("exit", () => running.delete(child));
    server.port = await within("a server listens", listens, LATE_MS);
    await until("it has joined", async () =>
      (await fetch(`http://127.0.0.1:${server.port}/readyz`)).ok, LATE_MS);
    this.living.push(server);
    return server;
  }

  async kill(index) {
    const [server] = this.living.splice(index, 1);
    assert.equal(server.child.exitCode, null, `it ended by itself: ${server.output}`);
    server.child.kill("SIGKILL");
    await once(server.child, "exit");
  }

  async stop() {
    while (this.living.length > 0) await this.kill(0);
  }

  /** One after the other. */
  next() {
    return this.living[this.#turn++ % this.living.length];
  }
}
