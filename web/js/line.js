/*
 * line.js - what the chat goes over: rooms.js on a WebSocket, or socketio-rooms.js on Socket.IO's
 * client. One can take the place of the other at any time.
 *
 *   "websocket":  ReconnectingSocket ── Rooms ─────────┐
 *   "socket.io":  io() ── SocketIoConnection           ├── one session ── Chat
 *                   └──── SocketIoRooms ───────────────┘
 *
 * "exchange" says that `rooms` are others, "change" that anything about the connection is different.
 */
import { ReconnectingSocket } from "./reconnecting-socket.js";
import { Rooms } from "./rooms.js";
import { Session } from "./session.js";
import { SocketIoConnection } from "./socketio-connection.js";
import { SocketIoRooms } from "./socketio-rooms.js";

export const WEBSOCKET = "websocket";
export const SOCKET_IO = "socket.io";

/* Relative to the page, so that it works below any path. */
const near = (path) => new URL(path, new URL(".", location.href));
const clientUrl = near("socket.io/socket.io.esm.min.js").href;

/** Why there is no Socket.IO client: the server has none, or does not answer. */
export class ClientMissing extends Error {
  constructor(isServerGone) {
    super("Socket.IO's client could not be loaded");
    this.isServerGone = isServerGone;
  }
}

/** Loads Socket.IO's client: as it came from npm, served by the server that it will talk to. */
async function loadClient() {
  const found = await fetch(clientUrl, { method: "HEAD" }).catch(() => null);
  if (found === null || !found.ok) throw new ClientMissing(found === null);
  return import(clientUrl);
}

export class Line extends EventTarget {
  #user;
  #session = new Session();
  #connection = null;
  #rooms = null;
  #via = null;

  /** @user: a function that tells the name to connect with, asked before every connection. */
  constructor(user) {
    super();
    this.#user = user;
  }

  get via() {
    return this.#via;
  }

  get rooms() {
    return this.#rooms;
  }

  get state() {
    return this.#connection.state;
  }

  get transports() {
    return this.#connection.transports ?? ["websocket"];
  }

  /** Whether the server still knew us when we came back; undefined where nothing was asked. */
  get isRecovered() {
    return this.#connection.isRecovered;
  }

  retryNow() {
    this.#connection.retryNow();
  }

  reconnect() {
    this.#connection.reconnect();
  }

  /** Goes over @via from now on. Throws ClientMissing, and then all stays as it was. */
  async use(via) {
    const client = via === SOCKET_IO ? await loadClient() : null;
    this.#connection?.close();
    if (via === SOCKET_IO) this.#openSocketIo(client.io);
    else this.#openWebSocket();
    this.#via = via;
    this.#connection.addEventListener("statechange", () => this.#changed());
    this.dispatchEvent(new Event("exchange"));
    this.#changed();
  }

  #openWebSocket() {
    const url = () => {
      const url = near("ws");
      url.protocol = url.protocol.replace("http", "ws");
      url.search = new URLSearchParams({ user: this.#user() });
      return url.href;
    };
    this.#connection = new ReconnectingSocket(url);
    this.#rooms = new Rooms(this.#connection, { session: this.#session });
  }

  #openSocketIo(io) {
    const socket = io({
      path: near("socket.io/").pathname,
      auth: (answer) => answer({ user: this.#user() }),
      forceNew: true,
    });
    this.#connection = new SocketIoConnection(socket);
    this.#rooms = new SocketIoRooms(socket, { session: this.#session });
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}
