/*
 * cluster.mjs - nodes of a mixed cluster, and clients that drive them.
 *
 * Two nodes are under test (cluster_fixture.c), one is socket.io; with --reference all three are.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { io } from "socket.io-client";
import { LIMIT_MS, until, within } from "./wait.mjs";

const NODE = [process.execPath, fileURLToPath(new URL("./cluster-node.mjs", import.meta.url))];
const FIXTURE = process.env.INTEROP_FIXTURE && JSON.parse(process.env.INTEROP_FIXTURE)[0];
const BELFRY = FIXTURE && [path.join(path.dirname(FIXTURE), "cluster-fixture")];
const EXTRA = (process.env.INTEROP_FLAGS ?? "").split(" ").filter((word) => word !== "");

export const isReference = !BELFRY;

const running = new Set();
process.on("exit", () => running.forEach((child) => child.kill("SIGKILL")));

/** A node called @name: "b..." is one under test, "n..." the reference. */
export async function startNode(name, cluster, key) {
  const isBelfry = name.startsWith("b") && BELFRY;
  const [program, ...args] = isBelfry ? BELFRY : NODE;
  const child = spawn(
    program,
    [...args, "--cluster", cluster, "--key", key, "--name", name, ...(isBelfry ? EXTRA : [])],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  running.add(child);
  child.once("exit", () => running.delete(child));
  let output = "";
  const origin = await within(
    `${name} listens`,
    new Promise((resolve) => {
      child.stdout.setEncoding("utf8").on("data", (text) => {
        output += text;
        const found = /^listening (\S+)$/m.exec(output);
        if (found) resolve(found[1]);
      });
    }),
    20_000,
  );
  if (isBelfry) {
    await until(`${name} has joined`, async () => (await fetch(`${origin}/readyz`)).ok, 20_000);
  }
  return {
    name,
    origin,
    isOurs: Boolean(isBelfry),
    kill: () => child.kill("SIGKILL"),
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, "exit");
      child.kill(isBelfry ? "SIGTERM" : "SIGKILL");
      const [code] = await ended;
      if (isBelfry && code !== 0) throw new Error(`${name} ended with ${code}`);
    },
  };
}

/** A client of @node: what it hears is in @heard; run() makes its node do something. */
export async function connect(node, nsp = "/") {
  const socket = io(node.origin + (nsp === "/" ? "/" : nsp), {
    transports: ["websocket"],
    forceNew: true,
    reconnection: false,
  });
  const client = {
    node,
    socket,
    heard: [],
    get id() {
      return socket.id;
    },
    run: (op, command = {}) =>
      socket.timeout(LIMIT_MS).emitWithAck("run", { op, nsp, args: [], ...command }),
    hears: (name) =>
      until(`${node.name} hears ${name}`, () => client.heard.some(([event]) => event === name)),
    /** All that was heard before the event @mark, and not seen yet. */
    async upTo(mark) {
      const at = () => client.heard.findIndex(([event]) => event === mark);
      await until(`${node.name} hears ${mark}`, () => at() >= 0);
      return client.heard.splice(0, at() + 1).slice(0, -1);
    },
  };
  socket.onAny((...event) => {
    if (typeof event.at(-1) !== "function") client.heard.push(event);
  });
  await within(`${node.name} accepts a client`, once(socket, "connect"));
  return client;
}
