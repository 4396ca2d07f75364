/*
 * server.mjs - starts the fixture, the one under test or the reference, and ends it.
 *
 * INTEROP_FIXTURE is the program as a JSON array of words; without it the reference is meant, so
 * that `node --test wire-engineio.test.mjs` works by itself. INTEROP_FLAGS goes to every fixture.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const REFERENCE = [process.execPath, fileURLToPath(new URL("../fixture.mjs", import.meta.url))];
const COMMAND = process.env.INTEROP_FIXTURE ? JSON.parse(process.env.INTEROP_FIXTURE) : REFERENCE;
/** What the fixture exits with when it has no such flag: its tests are skipped. */
const CANNOT = 77;

export const isReference = COMMAND === REFERENCE;

const running = new Set();
process.on("exit", () => running.forEach((child) => child.kill("SIGKILL")));
/* A suite that takes too long is ended so; by itself that would not be an exit. */
process.on("SIGTERM", () => process.exit(1));

/**
 * Starts a fixture: { pingInterval: 300, allowEio3: true } becomes --ping-interval 300 --allow-eio3.
 * `unsupported` of the result is false, or why a server of this kind cannot be had: the value for
 * the `skip` option of a test.
 */
export async function startServer(options = {}) {
  const flags = Object.entries(options).flatMap(([name, value]) => {
    const flag = `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    return value === true ? [flag] : [flag, String(value)];
  });
  flags.push(...(process.env.INTEROP_FLAGS ?? "").split(" ").filter((word) => word !== ""));
  const [program, ...args] = COMMAND;
  const child = spawn(program, [...args, "--port", "0", ...flags], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  running.add(child);
  child.once("exit", () => running.delete(child));
  const origin = await readAddress(child);
  if (origin === null) return { unsupported: `no ${flags.join(" ")}`, stop: async () => {} };
  const { port } = new URL(origin);
  return {
    unsupported: false,
    origin,
    port: Number(port),
    path: options.path ?? "/socket.io",
    pid: child.pid,
    stop: () => stop(child),
  };
}

async function readAddress(child) {
  let output = "";
  const ended = once(child, "exit").then(([code]) => {
    if (code === CANNOT) return null;
    throw new Error(`the fixture ended with ${code}: ${output}`);
  });
  const listening = new Promise((resolve) => {
    child.stdout.setEncoding("utf8").on("data", (text) => {
      output += text;
      const found = /^listening (\S+)$/m.exec(output);
      if (found) resolve(found[1]);
    });
  });
  const address = await Promise.race([listening, ended]);
  ended.catch(() => {});
  return address;
}

/** Ends it in good order; a fixture that crashes or leaks (as a sanitizer says) fails the test. */
async function stop(child) {
  if (child.exitCode === null && child.signalCode === null) {
    const ended = once(child, "exit");
    child.kill("SIGTERM");
    const late = setTimeout(() => child.kill("SIGKILL"), 10_000);
    await ended;
    clearTimeout(late);
  }
  if (child.exitCode !== 0) {
    throw new Error(`the fixture ended with ${child.exitCode ?? child.signalCode}`);
  }
}
