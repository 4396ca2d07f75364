import assert from "node:assert/strict";
import { test } from "node:test";
import { ReconnectingSocket } from "../../../web/js/reconnecting-socket.js";
import { FakeClock, fakeNetwork, FakeWindow, settled } from "./support/fakes.mjs";

/* The numbers of the WebSocket interface; Node 20 has no WebSocket to ask. */
const READY = { CONNECTING: 0, OPEN: 1, CLOSED: 3 };

/* A socket on fakes; @random is what Math.random would say. */
function makeSocket({ url = "ws://test/ws", random = () => 1, window, ...options } = {}) {
  const clock = new FakeClock();
  const network = fakeNetwork();
  const { WebSocket } = network;
  const all = { clock, random, window, WebSocket, ...options };
  const socket = new ReconnectingSocket(url, [], all);
  const log = [];
  for (const type of ["open", "message", "close", "error"]) {
    socket.addEventListener(type, (event) => log.push([type, event.data ?? event.code]));
  }
  return { socket, clock, network, log };
}

const delayOf = ({ socket, clock }) => socket.state.retryAt - clock.now();

/* Lets the present attempt fail and tells how long the next one is away; then makes it. */
function failAndWait(world) {
  world.network.last.lose();
  const delay = delayOf(world);
  world.clock.advance(delay);
  return delay;
}

test("it is a WebSocket while all goes well", () => {
  const { socket, network, log } = makeSocket();
  assert.equal(socket.readyState, READY.CONNECTING);
  network.last.accept();
  assert.equal(socket.readyState, READY.OPEN);
  assert.equal(socket.url, "ws://test/ws");
  socket.send("hello");
  assert.deepEqual(network.last.sent, ["hello"]);
  network.last.say("hi");
  assert.deepEqual(log, [
    ["open", undefined],
    ["message", "hi"],
  ]);
});

test("handlers may be set as properties, too", () => {
  const { socket, network } = makeSocket();
  const heard = [];
  socket.onopen = () => heard.push("open");
  socket.onmessage = ({ data }) => heard.push(data);
  socket.onclose = ({ code }) => heard.push(code);
  network.last.accept();
  network.last.say("hi");
  network.last.lose(1001);
  assert.deepEqual(heard, ["open", "hi", 1001]);
});

test("what is sent without a connection is refused, not kept", () => {
  const { socket, network } = makeSocket();
  assert.throws(() => socket.send("early"), { name: "InvalidStateError" });
  network.last.accept();
  network.last.lose();
  assert.throws(() => socket.send("late"), { name: "InvalidStateError" });
});

test("the first retry comes at once, later ones double, up to 30 s", () => {
  const world = makeSocket();
  const delays = Array.from({ length: 9 }, () => failAndWait(world));
  assert.deepEqual(delays, [0, 2000, 4000, 8000, 16000, 30000, 30000, 30000, 30000]);
});

test("retries are spread over the whole delay", () => {
  const world = makeSocket({ random: () => 0.25 });
  const delays = Array.from({ length: 7 }, () => failAndWait(world));
  assert.deepEqual(delays, [0, 500, 1000, 2000, 4000, 7500, 7500]);
});

test("a connection that lasts 10 s resets the backoff, a shorter one does not", () => {
  const world = makeSocket();
  for (let i = 0; i < 4; i++) failAndWait(world);
  world.network.last.accept();
  world.clock.advance(9_999);
  assert.equal(failAndWait(world), 16_000);
  world.network.last.accept();
  world.clock.advance(10_000);
  assert.equal(failAndWait(world), 0);
});

for (const code of [1012, 1013]) {
  test(`a server that closes with ${code} is given time`, () => {
    for (const [luck, want] of [
      [0, 1000],
      [1, 5000],
    ]) {
      const world = makeSocket({ random: () => luck });
      world.network.last.accept();
      world.clock.advance(60_000);
      world.network.last.lose(code);
      assert.equal(delayOf(world), want);
    }
  });
}

test("no delay is longer than the longest", () => {
  const world = makeSocket();
  for (let i = 0; i < 9; i++) failAndWait(world);
  world.network.last.lose(1013);
  assert.equal(delayOf(world), 30_000);
});

for (const code of [4400, 4499]) {
  test(`${code} is the end`, () => {
    const { socket, network, clock, log } = makeSocket();
    network.last.accept();
    network.last.lose(code, "banned");
    assert.deepEqual(socket.state, { name: "closed", code, reason: "banned" });
    assert.deepEqual(log.at(-1), ["close", code]);
    clock.advance(1e9);
    assert.equal(network.made.length, 1);
  });
}

for (const code of [1000, 1001, 1006, 1008, 1011, 4399, 4500]) {
  test(`${code} is not the end`, () => {
    const { socket, network } = makeSocket();
    network.last.accept();
    network.last.lose(code);
    assert.equal(socket.state.name, "waiting");
  });
}

test("an attempt that hangs is given up", () => {
  const { socket, network, clock } = makeSocket();
  clock.advance(10_000);
  assert.notEqual(network.made[0].closedWith, null);
  clock.advance(0);
  assert.equal(network.made.length, 2);
  network.made[0].accept(); // too late: nobody listens
  assert.equal(socket.state.name, "connecting");
});

test("retryNow tries at once, and only when there is something to retry", () => {
  const world = makeSocket();
  failAndWait(world);
  world.network.last.lose();
  world.socket.retryNow();
  assert.equal(world.network.made.length, 3);
  world.socket.retryNow();
  assert.equal(world.network.made.length, 3);
  world.clock.advance(2_000);
  assert.equal(world.network.made.length, 3, "the timer is off");
});

test("close is for good", () => {
  const { socket, network, clock, log } = makeSocket();
  network.last.accept();
  socket.close(1000, "bye");
  assert.deepEqual(network.last.closedWith, { code: 1000, reason: "bye" });
  assert.equal(socket.readyState, READY.CLOSED);
  network.last.lose(1000);
  assert.deepEqual(log, [
    ["open", undefined],
    ["close", 1000],
  ]);
  assert.equal(clock.pending, 0);
});

test("close stops a retry that waits", () => {
  const { socket, network, clock } = makeSocket();
  network.last.lose();
  socket.close();
  clock.advance(1e6);
  assert.equal(network.made.length, 1);
});

test("reconnect makes a new connection with a new URL, also after the end", async () => {
  let user = "ada";
  const { socket, network, log } = makeSocket({ url: () => `ws://test/?user=${user}` });
  await settled();
  network.last.accept();
  user = "bo";
  socket.reconnect();
  await settled();
  assert.deepEqual(log.at(-1), ["close", 1000]);
  assert.equal(network.last.url, "ws://test/?user=bo");
  network.last.lose(4401);
  socket.reconnect();
  await settled();
  network.last.accept();
  assert.equal(socket.state.name, "open");
});

test("the URL may come later, or not at all, which is a failed attempt", async () => {
  const answers = [Promise.reject(new Error("no token")), Promise.resolve("ws://test/?token=2")];
  const { socket, network, clock } = makeSocket({ url: () => answers.shift() });
  await settled();
  assert.equal(socket.state.name, "waiting");
  clock.advance(0);
  await settled();
  assert.equal(network.last.url, "ws://test/?token=2");
});

test("a URL that comes after close is not used", async () => {
  const { socket, network } = makeSocket({ url: async () => "ws://test/" });
  socket.close();
  await settled();
  assert.equal(network.made.length, 0);
});

test("without network it says offline, and goes on when the network is back", () => {
  const window = new FakeWindow();
  const { socket, network } = makeSocket({ window });
  network.last.lose();
  window.goOffline();
  assert.deepEqual(socket.state, { name: "offline" });
  window.goOnline();
  assert.equal(network.made.length, 2);
  assert.equal(socket.state.name, "connecting");
});

test("even offline it tries now and then: a local server needs no network", () => {
  const window = new FakeWindow();
  window.navigator.onLine = false;
  const { socket, network, clock } = makeSocket({ window });
  network.last.lose();
  assert.equal(socket.state.name, "offline");
  clock.advance(30_000);
  network.last.accept();
  assert.equal(socket.state.name, "open");
});

test("going offline does not disturb a connection that works", () => {
  const window = new FakeWindow();
  const { socket, network } = makeSocket({ window });
  network.last.accept();
  window.goOffline();
  assert.equal(socket.state.name, "open");
});

test("becoming visible cuts the wait short, becoming hidden does not", () => {
  const window = new FakeWindow();
  const world = makeSocket({ window });
  failAndWait(world);
  world.network.last.lose();
  window.show("hidden");
  assert.equal(world.network.made.length, 2);
  window.show("visible");
  assert.equal(world.network.made.length, 3);
});

test("a closed socket no longer listens to the page", () => {
  const window = new FakeWindow();
  const { socket, network } = makeSocket({ window });
  network.last.lose();
  socket.close();
  window.goOnline();
  window.show("visible");
  assert.equal(network.made.length, 1);
});

test("every change of state is told once, with the state in force", () => {
  const { socket, network, clock } = makeSocket();
  const states = [];
  socket.addEventListener("statechange", () => states.push(socket.state.name));
  network.last.accept();
  network.last.lose();
  clock.advance(0);
  network.last.lose();
  socket.retryNow();
  network.last.accept();
  socket.close();
  assert.deepEqual(states, [
    "open",
    "waiting",
    "connecting",
    "waiting",
    "connecting",
    "open",
    "closed",
  ]);
});
