/*
 * redis.mjs - a redis-server of the suite's own, with nothing on disk.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import net from "node:net";
import { until } from "./wait.mjs";

const running = new Set();
process.on("exit", () => running.forEach((child) => child.kill("SIGKILL")));

async function freePort() {
  const server = net.createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

function answers(port) {
  return new Promise((resolve) => {
    const socket = net.connect(port, "127.0.0.1", () => socket.write("PING\r\n"));
    socket.once("data", (data) => {
      socket.destroy();
      resolve(String(data).startsWith("+PONG"));
    });
    socket.once("error", () => resolve(false));
  });
}

export async function startRedis() {
  const port = await freePort();
  const child = spawn(
    "redis-server",
    ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"],
    { stdio: "ignore", cwd: "/tmp" },
  );
  running.add(child);
  await until("redis-server answers", () => answers(port), 20_000);
  return {
    port,
    stop: async () => {
      running.delete(child);
      child.kill("SIGKILL");
      await once(child, "exit");
    },
  };
}
