/*
 * foreign.mjs - clients in other languages: installed once, run against a fixture, their checks
 * shown as tests of ours.
 *
 * Such a program gets its settings in the environment (INTEROP_URL, ...) and prints a line per check:
 * `ok    NAME`, or `FAIL  NAME` with what happened in indented lines below it.
 */
import assert from "node:assert/strict";
import { execFile, spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const HERE = fileURLToPath(new URL("../", import.meta.url));
/** What is installed lives here, beside the builds that git does not track. */
export const BUILD = fileURLToPath(new URL("../../../build/interop/", import.meta.url));
const RUN_LIMIT_MS = 60_000;

/** False, or why nothing that needs @program can be tested: a `skip` option. */
export function withoutProgram(program, ...args) {
  return spawnSync(program, args).status === 0 ? false : `no ${program}`;
}

/** Runs @commands, each an array of words, unless that was done for the same @sources before. */
export async function install(name, sources, commands) {
  const hash = createHash("sha256").update(JSON.stringify(commands));
  for (const source of sources) hash.update(readFileSync(`${HERE}${source}`));
  const wanted = hash.digest("hex");
  const stamp = `${BUILD}${name}.stamp`;
  const isDone = () => existsSync(stamp) && readFileSync(stamp, "utf8") === wanted;
  mkdirSync(BUILD, { recursive: true });
  const unlock = await lock(`${BUILD}${name}.lock`);
  try {
    if (isDone()) return; // by another suite, which runs beside this one
    for (const [program, ...args] of commands) {
      await promisify(execFile)(program, args, { cwd: HERE, maxBuffer: 1 << 26 });
    }
    writeFileSync(stamp, wanted);
  } finally {
    unlock();
  }
}

/** Waits for the file @path to be ours; one that a killed run has left is taken over. */
async function lock(path) {
  for (;;) {
    try {
      writeFileSync(path, String(process.pid), { flag: "wx" });
      return () => rmSync(path, { force: true });
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
      if (!isAlive(Number(readFileSync(path, "utf8")))) rmSync(path, { force: true });
      await sleep(100);
    }
  }
}

function isAlive(pid) {
  try {
    return pid === 0 || process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** Runs @command; resolves to what it checked: [{ name, body }] for a test each. */
export async function runChecks([program, ...args], environment = {}) {
  const child = spawn(program, args, {
    cwd: HERE,
    env: { ...process.env, ...environment },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: RUN_LIMIT_MS,
    killSignal: "SIGKILL",
  });
  let output = "";
  let noise = "";
  child.stdout.setEncoding("utf8").on("data", (text) => (output += text));
  child.stderr.setEncoding("utf8").on("data", (text) => (noise += text));
  const code = await new Promise((resolve) =>
    child.on("close", (c, signal) => resolve(c ?? signal)),
  );
  const checks = parseChecks(output);
  assert.ok(checks.length > 0, `no checks; exit ${code}\n${output}\n${noise}`);
  const hasFailed = checks.some(({ failure }) => failure !== null);
  assert.equal(code, hasFailed ? 1 : 0, `exit ${code}\n${noise}`);
  return checks.map(({ name, failure }) => ({
    name,
    body: () => {
      if (failure !== null) assert.fail(failure);
    },
  }));
}

function parseChecks(output) {
  const checks = [];
  for (const line of output.split("\n")) {
    const found = /^(ok|FAIL) +(.+)$/.exec(line);
    if (found) checks.push({ name: found[2], failure: found[1] === "ok" ? null : found[2] });
    else if (line.startsWith(" ") && checks.at(-1)?.failure) checks.at(-1).failure += `\n${line}`;
  }
  return checks;
}
