/*
 * run.mjs - runs the suites with node's own test runner: a line for each that failed or was skipped,
 * a sum for each suite, and one for all.
 */
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import path from "node:path";
import { run } from "node:test";

const HERE = fileURLToPath(new URL("./", import.meta.url));
const ENDING = ".test.mjs";
/* Two cores, and most of a suite is waiting; more at once would spoil the timings that are tested. */
const AT_ONCE = 2;
const LIMIT_MS = 600_000; // of one suite; the longest takes a minute where nothing else runs

const all = readdirSync(HERE).filter((name) => name.endsWith(ENDING));
const wanted = process.argv.slice(2).map((name) => path.basename(name, ENDING) + ENDING);
const unknown = wanted.filter((name) => !all.includes(name));
if (unknown.length > 0) {
  console.error(`no such suite: ${unknown}; there are: ${all}`.replaceAll(ENDING, ""));
  process.exit(2);
}

const files = (wanted.length > 0 ? wanted : all).map((name) => HERE + name);
const sums = new Map(files.map((file) => [file, { passed: 0, failed: 0, skipped: 0 }]));
const noise = new Map();

const stream = run({ files, concurrency: AT_ONCE, timeout: LIMIT_MS });
stream.on("test:pass", (event) => count(event, event.skip === undefined ? "passed" : "skipped"));
stream.on("test:fail", (event) => {
  if (event.details.error?.failureType === "subtestsFailed") return;
  count(event, "failed");
});
for (const channel of ["test:stderr", "test:stdout"]) {
  stream.on(channel, ({ file, message }) => noise.set(file, (noise.get(file) ?? "") + message));
}
stream.on("end", finish);
stream.resume();

/** Only tests count, not what groups them; a group that fails by itself (a hook) does too. */
function isLeaf({ details, file, name }) {
  return details.type !== "suite" && name !== file;
}

function count(event, outcome) {
  const sum = sums.get(event.file);
  if (sum === undefined || (outcome !== "failed" && !isLeaf(event))) return;
  sum[outcome]++;
  const where = path.basename(event.file, ENDING);
  if (outcome === "skipped") console.log(`skip  ${where}: ${event.name} (${event.skip})`);
  if (outcome !== "failed") return;
  const { cause, message } = event.details.error;
  const why = String(cause?.stack ?? cause ?? message);
  console.log(`FAIL  ${where}: ${event.name}\n      ${why.replaceAll("\n", "\n      ")}`);
}

function finish() {
  const total = { passed: 0, failed: 0, skipped: 0 };
  for (const [file, sum] of sums) {
    for (const key of Object.keys(total)) total[key] += sum[key];
    if (sum.failed > 0 && noise.has(file)) console.log(noise.get(file).trimEnd());
    const name = path.basename(file, ENDING).padEnd(15);
    console.log(`${name} ${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped`);
  }
  const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : "";
  console.log(`${total.passed} passed, ${total.failed} failed${skipped}`);
  process.exit(total.failed === 0 && total.passed > 0 ? 0 : 1);
}
