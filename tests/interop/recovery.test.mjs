/*
 * recovery.test.mjs - an EventSource, a plain WebSocket and a socket.io client in one room, cut and
 * restored at random under load: what was acknowledged arrives once and in order, or they are told of
 * a gap. ROUNDS=2000 cuts in memory, and as many over a stream whose servers are killed with -9
 * meanwhile; SEED=1. A failure says its seed.
 *
 * Each client has a cable of its own, which leads to any server that lives. Speakers are backends:
 * they POST with a key until they are answered, so that everything has an id and a place.
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { EventSource } from "eventsource";
import { chromium } from "playwright-core";
import { io } from "socket.io-client";
import WebSocket from "ws";
import { Cable } from "./support/cable.mjs";
import { isReference } from "./support/cluster.mjs";
import { GAP, faultIn, randomOf } from "./support/judge.mjs";
import { Servers } from "./support/program.mjs";
import { startRedis } from "./support/redis.mjs";
import { pause, until } from "./support/wait.mjs";

const ROUNDS = Number(process.env.ROUNDS ?? 2000);
const SEED = Number(process.env.SEED ?? 1);
const ROOM = "everybody";
const LATE_MS = 30_000;
const OF_EACH_KIND = 8;
const SPEAKERS = 4;
const KILL_EVERY = 50; // rounds
const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
const FLAGS = ["--demo", "--sse-retry-ms", "10ms"];

test("the judge sees what is lost, doubled and out of order", () => {
  const all = ["a", "b", "c", "d"];
  assert.equal(faultIn([all, all], all), null);
  assert.equal(faultIn([["a", GAP, "d"], [GAP, ...all], ["a", "b", GAP]], all), null);
  assert.match(faultIn([all, ["a", "c", "d"]], all), /client 1 never heard b/);
  assert.match(faultIn([["a", "b"]], all), /never heard c/);
  assert.match(faultIn([["a", GAP, "b", "d"]], all), /never heard c/); // a gap is for one place
  assert.match(faultIn([["a", "b", "b", "c", "d"]], all), /b twice/);
  assert.match(faultIn([["a", "c", "b", "d"]], all), /never heard b/);
  assert.match(faultIn([["a", GAP, "c", "b", "d"]], all), /heard b behind c/);
  assert.match(faultIn([["a", "x"]], all), /nobody was told of/);
});

/** What all readers have: a list, and how often they were cut. */
class Reader {
  heard = [];
  gaps = 0;
  losses = 0;

  constructor(port) {
    this.port = port;
    this.isOpen = false;
  }

  hear(text) {
    this.heard.push(text);
  }

  /** @why is shown when there should have been none. */
  gap(why) {
    this.gaps++;
    this.why = `${this.constructor.name}: ${why}`;
    this.heard.push(GAP);
  }

  has(text) {
    return this.heard.at(-1) === text || this.heard.lastIndexOf(text) >= 0;
  }
}

class Follower extends Reader {
  constructor(port) {
    super(port);
    this.source = new EventSource(`http://127.0.0.1:${port}/events?room=${ROOM}`);
    this.source.addEventListener("message", ({ data }) => this.hear(JSON.parse(data).text));
    this.source.addEventListener("gap", ({ data }) => this.gap(data));
    this.source.addEventListener("joined", () => (this.isOpen = true));
    this.source.onerror = () => this.losses++;
  }

  close() {
    this.source.close();
  }
}

/** Chromium's own EventSource, in a page of the server's. */
class Browsed extends Reader {
  async open(browser) {
    this.page = await browser.newPage();
    await this.page.exposeFunction("tell", (name, text) => this[name](text));
    await this.page.goto(`http://127.0.0.1:${this.port}/healthz`);
    await this.page.evaluate((room) => {
      const source = new EventSource(`/events?room=${room}`);
      source.addEventListener("message", ({ data }) => tell("hear", JSON.parse(data).text));
      source.addEventListener("gap", ({ data }) => tell("gap", data));
      source.addEventListener("joined", () => tell("enter"));
      source.onerror = () => tell("lose");
    }, ROOM);
  }

  enter() {
    this.isOpen = true;
  }

  lose() {
    this.losses++;
  }

  close() {}
}

/** As docs/rooms.md tells a plain client to come back. */
class Plain extends Reader {
  constructor(port) {
    super(port);
    this.connect();
  }

  connect() {
    const socket = new WebSocket(`ws://127.0.0.1:${this.port}/ws`);
    this.socket = socket;
    socket.on("error", () => {});
    socket.on("open", () =>
      socket.send(JSON.stringify({ type: "join", room: ROOM, since: this.last })));
    socket.on("message", (data) => this.take(JSON.parse(data)));
    socket.on("close", () => {
      this.losses++;
      if (!this.isOver) setTimeout(() => this.connect(), 10);
    });
  }

  take(message) {
    if (message.type === "joined") {
      this.isOpen = true;
      if (message.gap) this.gap(message.reason);
      message.history.filter(({ type }) => type === "message").forEach((one) => this.take(one));
      this.last = message.last;
    } else if (message.type === "message") {
      this.last = message.id;
      this.hear(message.text);
    }
  }

  close() {
    this.isOver = true;
    this.socket.close();
  }
}

class Sio extends Reader {
  constructor(port) {
    super(port);
    this.socket = io(`http://127.0.0.1:${port}`, {
      transports: ["websocket"], forceNew: true, reconnectionDelay: 10, reconnectionDelayMax: 50,
    });
    this.socket.on("new-message", ({ text }) => this.hear(text));
    this.socket.on("disconnect", () => this.losses++);
    this.socket.on("connect", () => {
      if (this.socket.recovered) return;
      if (this.losses > 0) this.gap("not recovered");
      this.join();
    });
  }

  join() {
    this.socket.emit("join-room", ROOM, () => (this.isOpen = true));
  }

  close() {
    this.socket.disconnect();
  }
}

/** Says numbers, each until it is answered; @said gets [id, text]. */
async function speak(name, port, said, state, random) {
  for (let n = 0; state.isTalking; n++) {
    const text = `${name}:${n}`;
    said.push([await publish(port, text), text]);
    await pause(random() * 20);
  }
}

async function publish(port, text) {
  const until = Date.now() + LATE_MS;
  for (;;) {
    try {
      const answer = await fetch(`http://127.0.0.1:${port}/api/rooms/${ROOM}/messages`, {
        method: "POST", body: JSON.stringify({ text }), headers: { "Idempotency-Key": text },
      });
      const { id } = await answer.json();
      if (answer.ok) return id;
      assert.equal(answer.status, 503, `${text}: ${answer.status}`);
    } catch (error) {
      if (error instanceof assert.AssertionError) throw error;
    }
    assert.ok(Date.now() < until, `${text} found nobody who takes it`);
    await pause(5);
  }
}

/** "<ms>-<seq>" and maybe an epoch, as numbers. */
function compareIds([a], [b]) {
  const [x, y] = [a, b].map((id) => id.split(".")[0].split("-").map(Number));
  return x[0] - y[0] || x[1] - y[1];
}

async function storm(t, servers, rounds, everyRound) {
  const random = randomOf(SEED);
  const cables = [];
  const lay = async () => cables[cables.push(await Cable.lay(() => servers.next()?.port)) - 1];
  const readers = [];
  for (const Kind of [Follower, Plain, Sio]) {
    for (let i = 0; i < OF_EACH_KIND; i++) readers.push(new Kind((await lay()).port));
  }
  for (let i = 0; browser !== undefined && i < 2; i++) {
    const browsed = new Browsed((await lay()).port);
    await browsed.open(browser);
    readers.push(browsed);
  }
  t.after(() => readers.forEach((reader) => reader.close()));
  await until("all are in", () => readers.every(({ isOpen }) => isOpen), LATE_MS);
  const said = [];
  const state = { isTalking: true };
  const talks = [];
  for (let i = 0; i < SPEAKERS; i++) {
    talks.push(speak(`s${i}`, (await lay()).port, said, state, random));
  }
  for (let round = 0; round < rounds; round++) {
    await pause(random() * 10);
    cables[Math.floor(random() * cables.length)].cut();
    await everyRound?.(round, random);
  }
  state.isTalking = false;
  await Promise.all(talks);
  said.push([await publish((await lay()).port, "end"), "end"]);
  await until("all hear the end", () => readers.every((reader) => reader.has("end")), LATE_MS)
    .catch(() => {}); // the judge says it better
  const order = said.sort(compareIds).map(([, text]) => text);
  const gaps = readers.reduce((sum, reader) => sum + reader.gaps, 0);
  const losses = readers.reduce((sum, reader) => sum + reader.losses, 0);
  t.diagnostic(`${rounds} cuts, ${losses} connections lost, ${order.length} messages, ${gaps} gaps`);
  assert.equal(faultIn(readers.map(({ heard }) => heard), order), null, `SEED=${SEED}`);
  assert.ok(losses >= rounds / 2, `only ${losses} connections were lost`);
  /* A socket.io client cannot come back before it has heard anything, nor twice as the same one when
   * it was cut off in the middle of that. */
  const [known, others] = [true, false].map((isSio) => readers.filter((r) => isSio === r instanceof Sio));
  const falseGaps = others.map(({ why }) => why).filter(Boolean);
  assert.deepEqual(falseGaps, [], `SEED=${SEED}: the history held all of it`);
  const strange = known.reduce((sum, reader) => sum + reader.gaps, 0);
  assert.ok(strange <= losses / 50, `SEED=${SEED}: ${strange} of ${losses} losses were not recovered`);
}

let browser;

describe("coming back", { skip: isReference && "its own transports", timeout: 590_000 }, () => {
  before(async () => {
    if (existsSync(CHROMIUM)) {
      browser = await chromium.launch({
        executablePath: CHROMIUM, args: ["--no-sandbox", "--disable-gpu", "--no-first-run"],
      });
    }
  });
  after(() => browser?.close());

  test("in memory", async (t) => {
    const servers = new Servers(...FLAGS);
    t.after(() => servers.stop());
    await servers.start();
    await storm(t, servers, ROUNDS);
  });

  test("over a stream, on any server, while they are killed", async (t) => {
    const redis = await startRedis();
    t.after(() => redis.stop());
    const servers = new Servers(...FLAGS, "--cluster", `redis+streams://127.0.0.1:${redis.port}`);
    t.after(() => servers.stop());
    for (let i = 0; i < 3; i++) await servers.start();
    await storm(t, servers, ROUNDS, async (round, random) => {
      if (round % KILL_EVERY !== KILL_EVERY - 1) return;
      await servers.kill(Math.floor(random() * servers.living.length));
      await servers.start();
    });
  });
});
