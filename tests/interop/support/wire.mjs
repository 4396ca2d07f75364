/*
 * wire.mjs - Engine.IO by hand: what is sent and what came is what the tests say and see.
 *
 * Polling opens a session over HTTP, Socket one over WebSocket; both give the packets that come one
 * by one from next(), text as strings and binary as Buffers. RawTcp is a connection of bytes.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import http from "node:http";
import net from "node:net";
import { afterEach } from "node:test";
import { WebSocket } from "ws";
import { Inbox, LIMIT_MS, within } from "./wait.mjs";

export const SEPARATOR = "\x1e";

/* What a failed test leaves open would keep the fixture from ending. */
const leftovers = new Set();
afterEach(() => {
  for (const drop of leftovers) drop();
  leftovers.clear();
});

/** The target of a request: { EIO: 4, transport: "polling" } unless @query says otherwise. */
export function target(server, query = {}) {
  const all = { EIO: "4", transport: "polling", ...query };
  const pairs = Object.entries(all).filter(([, value]) => value !== undefined);
  return `${server.path}/?${new URLSearchParams(pairs)}`;
}

/**
 * One HTTP request on a connection of its own. @body is a string, a Buffer, an array of them to be
 * sent chunked, or null if the caller goes on writing by hand. Resolves to { status, headers, bytes, text }.
 */
export function request(server, query, { method = "GET", headers = {}, body } = {}) {
  return startRequest(server, query, { method, headers, body }).answer;
}

/** The same, begun only: { request, answer }, to be aborted or continued by hand. */
export function startRequest(server, query, { method = "GET", headers = {}, body } = {}) {
  const path = typeof query === "string" ? query : target(server, query);
  const begun = http.request({
    host: "127.0.0.1",
    port: server.port,
    agent: false,
    path,
    method,
    headers,
  });
  leftovers.add(() => begun.destroy());
  const told = new Promise((resolve, reject) => {
    begun.once("error", reject).once("response", async (response) => {
      try {
        const chunks = await response.toArray();
        const bytes = Buffer.concat(chunks);
        const { statusCode: status, headers } = response;
        resolve({ status, headers, bytes, text: bytes.toString() });
      } catch (error) {
        reject(error);
      }
    });
  });
  const answer = within(`the answer to ${method} ${path}`, told);
  answer.catch(() => {}); // whoever awaits it is told; an aborted request has nobody
  if (Array.isArray(body)) {
    for (const chunk of body) begun.write(chunk);
    begun.end();
  } else if (body !== null) {
    if (body !== undefined) begun.setHeader("Content-Length", Buffer.byteLength(body));
    begun.end(body);
  }
  return { request: begun, answer };
}

/** An error answer of Engine.IO: status, JSON body with @code and @message. */
export function assertRefused(answer, code, message, status = 400) {
  assert.equal(answer.status, status, answer.text);
  assert.match(answer.headers["content-type"], /^application\/json\b/);
  assert.deepEqual(JSON.parse(answer.text), { code, message });
}

export async function assertSessionUnknown(session) {
  assertRefused(await session.poll(), 1, "Session ID unknown");
}

export class Polling {
  /** Opens a session; @query is added to each of its requests. */
  static async open(server, query = {}) {
    const answer = await request(server, query);
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.text[0], "0", answer.text);
    return new Polling(server, query, JSON.parse(answer.text.slice(1)), answer);
  }

  #inbox = [];

  constructor(server, query, handshake, answer) {
    this.server = server;
    this.handshake = handshake;
    this.answer = answer;
    this.sid = handshake.sid;
    this.query = { ...query, sid: this.sid };
  }

  poll(headers = {}) {
    return request(this.server, this.query, { headers });
  }

  /** Begins a poll that will be held; resolves when the server has surely seen it. */
  async hold() {
    const { request: begun, answer } = startRequest(this.server, this.query);
    await once(begun, "finish");
    // Pongs say nothing, but are answered later; of several workers, the poll's may be behind.
    for (let i = 0; i < 5; i++) assert.equal((await this.post("3")).status, 200);
    return { request: begun, answer };
  }

  post(body, headers = { "Content-Type": "text/plain;charset=UTF-8" }) {
    return request(this.server, this.query, { method: "POST", headers, body });
  }

  async send(...packets) {
    const encoded = packets.map((packet) =>
      Buffer.isBuffer(packet) ? `b${packet.toString("base64")}` : packet,
    );
    const answer = await this.post(encoded.join(SEPARATOR));
    assert.equal(answer.status, 200);
    assert.equal(answer.text, "ok");
  }

  async next() {
    while (this.#inbox.length === 0) {
      const answer = await this.poll();
      assert.equal(answer.status, 200, answer.text);
      this.#inbox.push(...answer.text.split(SEPARATOR).map(decodePolled));
    }
    return this.#inbox.shift();
  }

  get unread() {
    return this.#inbox.length;
  }

  /** Opens the WebSocket that wants to take this session over. */
  probe() {
    return Socket.dial(this.server, { ...this.query, transport: "websocket" });
  }

  async upgrade() {
    const held = this.poll();
    const socket = await this.probe();
    socket.send("2probe");
    assert.equal(await socket.next(), "3probe");
    assert.equal((await held).text, "6");
    socket.send("5");
    return socket;
  }

  async close() {
    await this.post("1");
  }
}

function decodePolled(packet) {
  return packet[0] === "b" ? Buffer.from(packet.slice(1), "base64") : packet;
}

export class Socket {
  /** Opens a session. */
  static async open(server, query = {}, options = {}) {
    const socket = await Socket.dial(server, { transport: "websocket", ...query }, options);
    const first = await socket.next();
    assert.equal(String(first)[0], "0", String(first));
    socket.handshake = JSON.parse(String(first).slice(1));
    socket.sid = socket.handshake.sid;
    return socket;
  }

  /** Opens a WebSocket that need not be a session. */
  static async dial(server, query, { protocols = [], ...options } = {}) {
    const url = `ws://127.0.0.1:${server.port}${target(server, query)}`;
    const socket = new Socket(
      new WebSocket(url, protocols, { perMessageDeflate: false, ...options }),
    );
    await within(`101 from ${url}`, socket.opened);
    return socket;
  }

  #inbox = new Inbox();
  #isClosed = false;

  constructor(ws) {
    this.ws = ws;
    leftovers.add(() => ws.terminate());
    this.opened = Promise.all([once(ws, "open")]); // rejects with the refusal
    this.closed = new Promise((resolve) => {
      ws.on("error", () => {});
      ws.on("close", (code) => {
        this.#isClosed = true;
        resolve(code);
      });
    });
    ws.on("message", (data, isBinary) => this.#inbox.push(isBinary ? data : String(data)));
  }

  get isClosed() {
    return this.#isClosed;
  }

  get unread() {
    return this.#inbox.size;
  }

  async send(...messages) {
    for (const message of messages) this.ws.send(message);
  }

  next() {
    const end = this.closed.then((code) => {
      if (this.#inbox.size > 0) return this.#inbox.next();
      throw new Error(`closed with ${code} while a message was awaited`);
    });
    end.catch(() => {});
    return Promise.race([this.#inbox.next(), end]);
  }

  /** Waits until the other side has closed; resolves to the close code (1005: none given). */
  closes(limitMs = LIMIT_MS) {
    return within("the end of the WebSocket", this.closed, limitMs);
  }

  async close() {
    this.ws.close();
    await this.closes();
  }
}

/** Dials a WebSocket that is to be refused; resolves to { status, headers, text } of the refusal. */
export async function refusedSocket(server, query, options = {}) {
  const url = `ws://127.0.0.1:${server.port}${target(server, { transport: "websocket", ...query })}`;
  const ws = new WebSocket(url, options);
  const refused = new Promise((resolve, reject) => {
    ws.on("unexpected-response", async (_, response) => {
      const text = Buffer.concat(await response.toArray()).toString();
      resolve({ status: response.statusCode, headers: response.headers, text });
    });
    ws.on("open", () => reject(new Error("the WebSocket was not refused")));
    ws.on("error", reject);
  });
  return within("the refusal", refused);
}

/** Dials a WebSocket that must not become a session: refused, or closed right after the 101. */
export async function fruitlessSocket(server, query) {
  const url = `ws://127.0.0.1:${server.port}${target(server, { transport: "websocket", ...query })}`;
  const ws = new WebSocket(url);
  const seen = [];
  ws.on("message", (data) => seen.push(String(data)));
  ws.on("error", () => {});
  await within("the end of the WebSocket", new Promise((resolve) => ws.on("close", resolve)));
  assert.deepEqual(seen, []);
}

/** A TCP connection for bytes that no library would send. */
export class RawTcp {
  static async open(server) {
    const tcp = net.connect(server.port, "127.0.0.1");
    await once(tcp, "connect");
    return new RawTcp(tcp);
  }

  /** One whose WebSocket handshake is done; @extra bytes ride in the segment of the request. */
  static async openSocket(server, query = {}, extra = Buffer.alloc(0)) {
    const raw = await RawTcp.open(server);
    const head = upgradeHead(server, { transport: "websocket", ...query });
    raw.write(Buffer.concat([Buffer.from(head), extra]));
    const answer = await raw.readUntil("\r\n\r\n");
    assert.match(answer, /^HTTP\/1\.1 101 /);
    return raw;
  }

  #bytes = Buffer.alloc(0);
  #changed = () => {};

  constructor(tcp) {
    this.tcp = tcp;
    leftovers.add(() => tcp.destroy());
    this.hasEnded = false;
    tcp.on("data", (bytes) => {
      this.#bytes = Buffer.concat([this.#bytes, bytes]);
      this.#changed();
    });
    tcp.on("error", () => {});
    tcp.on("close", () => {
      this.hasEnded = true;
      this.#changed();
    });
  }

  write(bytes) {
    this.tcp.write(bytes);
  }

  async #until(what, isEnough) {
    await within(
      `${what}, got ${JSON.stringify(this.#bytes.toString("latin1").slice(0, 300))}`,
      new Promise((resolve, reject) => {
        this.#changed = () => {
          if (isEnough()) resolve();
          else if (this.hasEnded) reject(new Error(`the connection ended before ${what}`));
        };
        this.#changed();
      }),
    );
  }

  #take(size) {
    const taken = this.#bytes.subarray(0, size);
    this.#bytes = this.#bytes.subarray(size);
    return taken;
  }

  async readUntil(end) {
    await this.#until(JSON.stringify(end), () => this.#bytes.includes(end));
    return this.#take(this.#bytes.indexOf(end) + end.length).toString("latin1");
  }

  async readToEnd() {
    await this.#until("the end", () => this.hasEnded);
    return this.#take(this.#bytes.length);
  }

  /** The next frame of the server (short ones only): { head, payload }. */
  async readFrame() {
    await this.#until("a frame", () => this.#bytes.length >= 2);
    const size = this.#bytes[1];
    assert.ok(size < 126, "a short frame without mask");
    await this.#until("a whole frame", () => this.#bytes.length >= 2 + size);
    const frame = this.#take(2 + size);
    return { head: frame[0], payload: frame.subarray(2) };
  }

  end() {
    this.tcp.destroy();
  }
}

export function upgradeHead(server, query, headers = {}) {
  const all = {
    Host: `127.0.0.1:${server.port}`,
    Upgrade: "websocket",
    Connection: "Upgrade",
    "Sec-WebSocket-Key": randomBytes(16).toString("base64"),
    "Sec-WebSocket-Version": "13",
    ...headers,
  };
  const lines = Object.entries(all)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}: ${value}\r\n`);
  return `GET ${target(server, query)} HTTP/1.1\r\n${lines.join("")}\r\n`;
}

/** A frame as a client sends it (short ones only); @head is the first byte. */
export function maskedFrame(head, payload = "") {
  const bytes = Buffer.from(payload);
  const mask = randomBytes(4);
  const masked = bytes.map((byte, i) => byte ^ mask[i % 4]);
  return Buffer.concat([Buffer.from([head, 0x80 | bytes.length]), mask, masked]);
}

/* ---- Socket.IO, on any of the sessions above ------------------------------------------------ */

/** Connects @session to @namespace and reads the fixture's greeting; resolves to the answer's data. */
export async function join(session, namespace = "/", auth = undefined) {
  const prefix = namespace === "/" ? "" : `${namespace},`;
  await session.send(`40${prefix}${auth === undefined ? "" : JSON.stringify(auth)}`);
  const answer = await session.next();
  assert.ok(answer.startsWith(`40${prefix}{`), answer);
  const greeting = await session.next();
  assert.ok(greeting.startsWith(`42${prefix}["auth",`), greeting);
  return JSON.parse(answer.slice(2 + prefix.length));
}

/** The session still works: what it says is echoed. */
export async function assertAlive(session, word = "alive?") {
  await session.send(`42["message","${word}"]`);
  assert.equal(await session.next(), `42["message-back","${word}"]`);
}

/** Sees who leaves: next() gives [id, reason, rooms] for each socket that disconnected. */
export class Watcher {
  static async open(server) {
    const socket = await Socket.open(server);
    await join(socket);
    await socket.send('421["join","watchers"]');
    assert.equal(await socket.next(), "431[]");
    return new Watcher(socket);
  }

  constructor(socket) {
    this.socket = socket;
  }

  async next() {
    const packet = await this.socket.next();
    const [event, ...args] = JSON.parse(packet.slice(2));
    assert.equal(event, "left");
    return args;
  }

  async nextReason() {
    return (await this.next())[1];
  }

  close() {
    return this.socket.close();
  }
}
