/*
 * python-manager.test.mjs - python-socketio's write-only RedisManager reaches clients here, whatever
 * contract the servers speak among themselves. (Its disconnect() needs a server beside it: without
 * one it fails in Python.)
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { after, before, describe, test } from "node:test";
import { connect, isReference, startNode } from "./support/cluster.mjs";
import { BUILD, install, withoutProgram } from "./support/foreign.mjs";
import { startRedis } from "./support/redis.mjs";
import { until, within } from "./support/wait.mjs";

const skip =
  withoutProgram("python3", "-c", "import venv") || (isReference && "a contract of python's own");

describe("python-socketio's RedisManager", { skip }, () => {
  const environment = `${BUILD}python`;
  let redis;
  let python;
  let lines;

  before(async () => {
    await install(
      "python",
      ["python/requirements.txt"],
      [
        ["python3", "-m", "venv", "--clear", environment],
        [`${environment}/bin/pip`, "install", "-q", "--no-deps", "-r", "python/requirements.txt"],
      ],
    );
    redis = await startRedis();
    python = spawn(
      `${environment}/bin/python`,
      ["python/manager.py", `redis://127.0.0.1:${redis.port}/0`],
      { stdio: ["pipe", "pipe", "inherit"], env: { ...process.env, PYTHONDONTWRITEBYTECODE: "1" } },
    );
    lines = createInterface({ input: python.stdout })[Symbol.asyncIterator]();
  });
  after(async () => {
    python?.kill("SIGKILL");
    await redis?.stop();
  });

  async function say(method, args, options = {}) {
    python.stdin.write(`${JSON.stringify([method, args, options])}\n`);
    await within("python has said it", lines.next());
  }

  for (const scheme of ["redis", "redis+sharded", "redis+streams"]) {
    test(scheme, async (t) => {
      const url = `${scheme}://127.0.0.1:${redis.port}`;
      const nodes = [await startNode("b1", url, scheme), await startNode("b2", url, scheme)];
      t.after(async () => {
        for (const node of nodes) await node.stop();
      });
      const [a, b, admin] = [
        await connect(nodes[0]),
        await connect(nodes[1]),
        await connect(nodes[1], "/admin"),
      ];
      t.after(() => [a, b, admin].forEach(({ socket }) => socket.disconnect()));
      await a.run("join", { room: "r" });
      await b.run("join", { room: "q" });

      await say("emit", ["all", { text: "ü" }]);
      await say("emit", ["several", [1, "two", null]]);
      await say("emit", ["nothing", null]);
      await say("emit", ["room", 1], { room: "r" });
      await say("emit", ["rooms", 2], { room: ["r", "q"] });
      await say("emit", ["not a", 3], { skip_sid: a.id });
      await say("emit", ["to b", 4], { room: b.id });
      await say("emit", ["binary", { data: { base64: "AQID" } }], { room: "r" });
      await say("emit", ["admin", 5], { namespace: "/admin" });
      await say("enter_room", [b.id, "/", "r"]);
      await until("b has entered", async () =>
        (await a.run("fetchSockets", { rooms: ["r"] })).sockets.length === 2);
      await say("emit", ["both", 6], { room: "r" });
      await say("leave_room", [a.id, "/", "r"]);
      await until("a has left", async () =>
        (await a.run("fetchSockets", { rooms: ["r"] })).sockets.length === 1);
      await say("close_room", ["r"]);
      await until("the room is empty", async () =>
        (await a.run("fetchSockets", { rooms: ["r"] })).sockets.length === 0);
      await say("emit", ["end", 7]);
      await say("emit", ["end", 7], { namespace: "/admin" });

      const first = [["all", { text: "ü" }], ["several", 1, "two", null], ["nothing"]];
      assert.deepEqual(await a.upTo("end"), [
        ...first, ["room", 1], ["rooms", 2], ["binary", { data: Buffer.from([1, 2, 3]) }],
        ["both", 6],
      ]);
      assert.deepEqual(await b.upTo("end"), [
        ...first, ["rooms", 2], ["not a", 3], ["to b", 4], ["both", 6],
      ]);
      assert.deepEqual(await admin.upTo("end"), [["admin", 5]]);
    });
  }
});
