/*
 * clients.mjs - socket.io-client, several at once, all of them gone at the end of a test.
 */
import { afterEach } from "node:test";
import { io } from "socket.io-client";
import { heard, within } from "./wait.mjs";

const TRANSPORTS = {
  polling: ["polling"],
  websocket: ["websocket"],
  upgrade: ["polling", "websocket"],
};
/** The three ways in which a client may be connected. */
export const WAYS = Object.keys(TRANSPORTS);

const open = new Set();
afterEach(() => {
  for (const socket of open) {
    socket.disconnect();
    socket.io.engine?.close(); // a socket that the server disconnected leaves its connection open
  }
  open.clear();
});

/** A client that has only been made; @options as those of io(), or { way: "polling" }. */
export function makeClient(server, namespace = "/", { way = "upgrade", ...options } = {}) {
  const socket = io(`${server.origin}${namespace}`, {
    path: server.path,
    forceNew: true,
    transports: TRANSPORTS[way],
    autoUnref: true, // timers of a client that was cut off must not outlive the test
    reconnectionDelay: 20,
    reconnectionDelayMax: 100,
    ...options,
  });
  open.add(socket);
  return socket;
}

/** A client that is connected and, if that is its way, upgraded, as both sides know. */
export async function openClient(server, namespace, options = {}) {
  const socket = makeClient(server, namespace, options);
  const upgraded = (options.way ?? "upgrade") === "upgrade" ? isUpgraded(socket) : undefined;
  await isConnected(socket);
  if (upgraded) {
    await upgraded;
    await settle(socket);
  }
  return socket;
}

/** Waits for a connection, however often it takes; fails at once if the server refuses. */
export async function isConnected(socket) {
  if (socket.connected) return;
  const refused = new Promise((_, reject) => {
    socket.on("connect_error", (error) => {
      if (!socket.active) reject(error);
    });
  });
  refused.catch(() => {});
  await Promise.race([heard(socket, "connect"), refused]);
}

async function isUpgraded(socket) {
  const { engine } = socket.io;
  if (engine.transport?.name === "websocket") return;
  await within("the upgrade", new Promise((resolve) => engine.once("upgrade", resolve)));
}

/** Asks the application: emits with an ack and resolves to its first argument. */
export function ask(socket, event, ...args) {
  return within(`the ack of ${event}`, socket.emitWithAck(event, ...args));
}

/** Collects every emission of @event, as arrays of arguments. */
export function collect(socket, event) {
  const seen = [];
  socket.on(event, (...args) => seen.push(args));
  return seen;
}

/** Returns when all that was sent to @socket before has been heard by it. */
export const settle = (socket) => ask(socket, "message-with-ack");
