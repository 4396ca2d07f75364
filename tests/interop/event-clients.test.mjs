/*
 * event-clients.test.mjs - other people's readers of event streams: curl, Python's sseclient. (Chromium's
 * and npm's EventSource are in recovery.test.mjs.)
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { describe, test } from "node:test";
import { Cable } from "./support/cable.mjs";
import { isReference } from "./support/cluster.mjs";
import { BUILD, install, withoutProgram } from "./support/foreign.mjs";
import { Servers } from "./support/program.mjs";
import { until } from "./support/wait.mjs";

const ROOM = "readers";

async function startServer(t) {
  const servers = new Servers("--demo");
  t.after(() => servers.stop());
  return servers.start();
}

async function say(server, text) {
  const url = `http://127.0.0.1:${server.port}/api/rooms/${ROOM}/messages`;
  const answer = await fetch(url, { method: "POST", body: JSON.stringify({ text }) });
  assert.equal(answer.status, 200);
}

/** Runs @command; its lines so far. */
function follow(t, [program, ...args], environment = {}) {
  const child = spawn(program, args, {
    stdio: ["ignore", "pipe", "inherit"], env: { ...process.env, ...environment },
  });
  t.after(() => child.kill("SIGKILL"));
  const lines = [];
  createInterface({ input: child.stdout }).on("line", (line) => lines.push(line));
  return lines;
}

describe("readers", { skip: isReference && "Socket.IO alone" }, () => {
  for (const flags of [["-N"], ["-N", "--compressed"]]) {
    test(`curl ${flags.join(" ")}`, { skip: withoutProgram("curl", "--version") }, async (t) => {
      const server = await startServer(t);
      const url = `http://127.0.0.1:${server.port}/events?room=${ROOM}`;
      const lines = follow(t, ["curl", "-s", ...flags, url]);
      const hears = (text) => until(text, () => lines.some((line) => line.includes(text)));
      await hears('"type":"joined"');
      for (const text of ["one", "x".repeat(5000), "three"]) {
        await say(server, text);
        await hears(text); // at once: nothing else comes behind it
      }
      assert.equal(lines.filter((line) => line === "event: message").length, 3);
    });
  }

  const skip = withoutProgram("python3", "-c", "import venv");
  test("Python's sseclient, cut in the middle", { skip }, async (t) => {
    const environment = `${BUILD}python`;
    await install(
      "python",
      ["python/requirements.txt"],
      [
        ["python3", "-m", "venv", "--clear", environment],
        [`${environment}/bin/pip`, "install", "-q", "--no-deps", "-r", "python/requirements.txt"],
      ],
    );
    const server = await startServer(t);
    const cable = await Cable.to(server);
    const lines = follow(t, [`${environment}/bin/python`, "python/events.py"], {
      INTEROP_URL: `http://127.0.0.1:${cable.port}/events?room=${ROOM}`,
      PYTHONDONTWRITEBYTECODE: "1",
    });
    const heard = () =>
      lines.filter((line) => line.startsWith("message ")).map((line) =>
        JSON.parse(line.slice(line.indexOf("{"))).text);
    await until("it is in", () => lines.some((line) => line.startsWith("joined ")));
    for (let i = 0; i < 20; i++) {
      await say(server, String(i));
      if (i % 5 !== 2) continue;
      await until("it is there again", () => heard().length > i); // it forgives no failed connect
      cable.cut();
    }
    await until("it has all of them", () => heard().length >= 20, 20_000);
    assert.deepEqual(heard(), Array.from({ length: 20 }, (_, i) => String(i)));
    assert.equal(lines.filter((line) => line.startsWith("gap ")).length, 0);
  });
});
