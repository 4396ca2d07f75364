/*
 * compare.js - one message, published once, as four clients of this page hear it.
 */
import { publish, showState } from "./events.js";

const ROOM = `compare-${crypto.randomUUID().slice(0, 8)}`;
const KEPT = 20; // latencies for the median
const near = (path) => new URL(`../${path}`, location.href);
const sentAt = new Map(); // number of a message: when it was sent

class Way {
  #latencies = [];
  #count = 0;

  constructor(title, note) {
    const card = document.createElement("section");
    card.className = "card";
    card.append(make("h2", title), make("p", note, "hint"));
    const list = make("dl", "", "values");
    this.parts = Object.fromEntries(["state", "bytes", "latency", "median", "messages"].map((name) => {
      const row = document.createElement("div");
      const value = make("dd", name === "state" ? "connecting" : "–");
      row.append(make("dt", name), value);
      list.append(row);
      return [name, value];
    }));
    this.wire = make("pre", "", "wire");
    this.wire.tabIndex = 0;
    this.wire.setAttribute("aria-label", `${title}: the message as it came`);
    card.append(list, this.wire);
    document.getElementById("ways").append(card);
  }

  state(text) {
    this.parts.state.textContent = text;
  }

  /** @text: what its "text" field says; @wire: as it came, @bytes long. */
  hear(text, wire, bytes) {
    const at = sentAt.get(Number(text.split(" ")[0].slice(1)));
    if (at === undefined) return;
    const latency = performance.now() - at;
    this.#latencies = [...this.#latencies.slice(1 - KEPT), latency];
    const sorted = [...this.#latencies].sort((a, b) => a - b);
    this.parts.bytes.textContent = String(bytes);
    this.parts.latency.textContent = milliseconds(latency);
    this.parts.median.textContent = milliseconds(sorted[Math.floor(sorted.length / 2)]);
    this.parts.messages.textContent = String(++this.#count);
    this.wire.textContent = wire.length > 700 ? `${wire.slice(0, 700)}…` : wire;
  }
}

function make(name, text, className) {
  const element = document.createElement(name);
  element.textContent = text;
  if (className) element.className = className;
  return element;
}

const milliseconds = (ms) => `${ms.toFixed(1)} ms`;
const sizeOf = (text) => new TextEncoder().encode(text).length;
const frameHead = (size) => (size < 126 ? 2 : size < 65536 ? 4 : 10);

/* --- the four --- */

function plain() {
  const way = new Way("WebSocket", "Both ways. Coming back is up to you.");
  const url = near("ws");
  url.protocol = url.protocol.replace("http", "ws");
  const socket = new WebSocket(url);
  socket.onopen = () => socket.send(JSON.stringify({ type: "join", room: ROOM }));
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    if (message.type === "joined") way.state("open");
    const size = sizeOf(data);
    if (message.type === "message") way.hear(message.text, data, size + frameHead(size));
  };
  socket.onclose = () => {
    way.state("closed: again in 2 s");
    setTimeout(() => location.reload(), 2000);
  };
}

function stream() {
  const way = new Way("Server-Sent Events", "Listens only. Comes back by itself, with what it missed.");
  const source = new EventSource(near(`events?room=${ROOM}`));
  source.addEventListener("joined", () => way.state("open"));
  source.addEventListener("message", ({ data, lastEventId }) => {
    const wire = `id: ${lastEventId}\nevent: message\ndata: ${data}\n\n`;
    way.hear(JSON.parse(data).text, wire, sizeOf(wire));
  });
  source.onerror = () => way.state("connecting again");
}

function socketIo(io, transport, note) {
  const way = new Way(`Socket.IO, ${transport}`, note);
  const socket = io(near(".").origin, {
    path: `${near("socket.io").pathname}/`,
    transports: [transport],
    forceNew: true,
  });
  socket.on("connect", () => socket.emit("join-room", ROOM, () => way.state("open")));
  socket.on("disconnect", (reason) => way.state(reason));
  socket.on("connect_error", () => way.state("connecting again"));
  socket.on("new-message", (...args) => {
    const packet = `42${JSON.stringify(["new-message", ...args])}`;
    const size = sizeOf(packet);
    way.hear(args[0].text, packet, transport === "websocket" ? size + frameHead(size) : size);
  });
}

async function socketIoWays() {
  const url = near("socket.io/socket.io.esm.min.js").href;
  const found = await fetch(url, { method: "HEAD" }).catch(() => null);
  if (found === null || !found.ok) {
    const way = new Way("Socket.IO", "Its client is not served here.");
    way.state("no client: npm, then ./run");
    return;
  }
  const { io } = await import(url);
  socketIo(io, "websocket", "Acks, rooms and a fallback, on a WebSocket.");
  socketIo(io, "polling", "The fallback: a request for what waits, again and again.");
}

/* --- sending --- */

let number = 0;

async function send() {
  const mine = ++number;
  sentAt.set(mine, performance.now());
  sentAt.delete(mine - 100);
  try {
    await publish(ROOM, { text: `#${mine} ${document.getElementById("text").value}` });
    showState("live", true);
  } catch {
    showState("the server is away", false);
  }
}

document.getElementById("form").addEventListener("submit", (event) => {
  event.preventDefault();
  void send();
});
setInterval(() => {
  if (document.getElementById("often").checked) void send();
}, 1000);

plain();
stream();
await socketIoWays();
showState("live", true);
