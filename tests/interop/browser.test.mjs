/*
 * browser.test.mjs - the browser bundle of socket.io-client in headless Chromium.
 *
 * Pages load the bundle from /socket.io/ of the server under test; those from elsewhere get the same
 * file from us.
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { after, afterEach, before, describe, test } from "node:test";
import { chromium } from "playwright-core";
import { startServer } from "./support/server.mjs";
import { within } from "./support/wait.mjs";
import { request } from "./support/wire.mjs";

const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
const DIST = path.dirname(
  createRequire(import.meta.url).resolve("socket.io-client/dist/socket.io.js"),
);
const skip = existsSync(CHROMIUM) ? false : `no ${CHROMIUM}`;
/* A page that is from elsewhere; nothing is ever asked for there, the tests answer themselves. */
const ELSEWHERE = "http://elsewhere.example";
const STRANGER = "http://stranger.example";

const WAYS = {
  polling: ["polling"],
  websocket: ["websocket"],
  upgrade: ["polling", "websocket"],
};

describe("the browser bundle", { skip }, async () => {
  let browser;
  const server = await startServer({ recovery: 20_000, clientDir: DIST });
  const packed = await startServer({ parser: "msgpack", clientDir: DIST });
  const open = await startServer({ cors: ELSEWHERE, cookie: true });
  const servers = [server, packed, open];

  before(async () => {
    browser = await chromium.launch({
      executablePath: CHROMIUM,
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        /* The pages are made by us, not fetched from the loopback, which they could not reach. */
        "--disable-features=LocalNetworkAccessChecks,LocalNetworkAccessChecksWebSockets",
      ],
    });
  });
  after(async () => {
    await browser?.close();
    await Promise.all(servers.map((each) => each.stop()));
  });

  const contexts = new Set();
  afterEach(async () => {
    for (const context of contexts) await context.close();
    contexts.clear();
  });

  /** A page of @origin that has loaded @bundle; errors on its console are in page.faults. */
  async function openPage(target, { origin = target.origin, bundle = "socket.io.min.js" } = {}) {
    const context = await browser.newContext();
    contexts.add(context);
    const page = await context.newPage();
    page.setDefaultTimeout(10_000);
    page.faults = [];
    const evaluate = page.evaluate.bind(page);
    page.evaluate = (...args) => within("the page", evaluate(...args)); // a page waits for ever
    page.on("pageerror", (error) => page.faults.push(String(error)));
    await context.route(`${origin}/page`, (route) => {
      const script = `<script src="/socket.io/${bundle}"></script>`;
      return route.fulfill({ contentType: "text/html", body: `<!doctype html>${script}` });
    });
    await context.route(`${origin}/socket.io/${bundle}`, (route) => {
      if (origin === target.origin) return route.continue();
      return route.fulfill({ path: path.join(DIST, bundle) });
    });
    await page.goto(`${origin}/page`);
    await page.evaluate(makeWords);
    return page;
  }

  /** Runs in the page: a few words that the tests there are written in. */
  function makeWords() {
    window.connect = async (url, options) => {
      const socket = window.io(url, { forceNew: true, ...options });
      await new Promise((resolve, reject) => {
        socket.once("connect", resolve).once("connect_error", reject);
      });
      return socket;
    };
    window.upgraded = async ({ io: { engine } }) => {
      const isDone = engine.transport.name === "websocket";
      if (!isDone) await new Promise((resolve) => engine.once("upgrade", resolve));
    };
    window.heard = (emitter, event) => {
      return new Promise((resolve) => emitter.once(event, (...args) => resolve(args)));
    };
  }

  for (const [way, transports] of Object.entries(WAYS)) {
    test(`${way}: text, binary, acks, and the transport`, async () => {
      const page = await openPage(server);
      const seen = await page.evaluate(async (transports) => {
        const socket = await connect("/", { transports, auth: { token: "page" } });
        if (transports.length === 2) await upgraded(socket);
        const back = heard(socket, "message-back");
        const bytes = new Uint8Array([0, 255, 7]).buffer;
        socket.emit("message", "€😀", { deep: [bytes] }, new Blob(["blob"]));
        const [text, object, blob] = await back;
        const call = heard(socket, "call-result");
        socket.on("call", (question, done) => done(question, new Uint8Array([9])));
        socket.emit("call-me", "how much?");
        const [answer, part] = await call;
        return {
          text,
          isBuffer: object.deep[0] instanceof ArrayBuffer,
          bytes: [...new Uint8Array(object.deep[0])],
          blob: new TextDecoder().decode(blob),
          ack: await socket.emitWithAck("message-with-ack", 42),
          call: [answer, ...new Uint8Array(part)],
          auth: (await socket.emitWithAck("handshake")).auth,
          transport: [socket.io.engine.transport.name, await socket.emitWithAck("transport")],
        };
      }, transports);
      const transport = way === "polling" ? "polling" : "websocket";
      assert.deepEqual(seen, {
        text: "€😀",
        isBuffer: true,
        bytes: [0, 255, 7],
        blob: "blob",
        ack: 42,
        call: ["how much?", 9],
        auth: { token: "page" },
        transport: [transport, transport],
      });
      assert.deepEqual(page.faults, []);
    });
  }

  test("the upgrade under traffic keeps the order", async () => {
    const page = await openPage(server);
    const seen = await page.evaluate(async () => {
      const socket = io("/", { forceNew: true });
      const numbers = [];
      socket.on("message-back", (n) => numbers.push(n));
      const upgraded = new Promise((resolve) => socket.io.engine.once("upgrade", resolve));
      for (let n = 0; n < 200; n++) {
        socket.emit("message", n, new Uint8Array([n]));
        if (n % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 2));
      }
      await upgraded;
      await socket.emitWithAck("message-with-ack");
      return numbers;
    });
    assert.deepEqual(
      seen,
      Array.from({ length: 200 }, (_, n) => n),
    );
  });

  test("two pages chat in a room; a refused namespace brings its data", async () => {
    const [one, other] = [await openPage(server), await openPage(server)];
    for (const page of [one, other]) {
      await page.evaluate(async () => {
        window.socket = await connect("/dyn-1");
        await socket.emitWithAck("join", "pages");
        window.told = heard(socket, "room-message");
      });
    }
    await one.evaluate(() => socket.emitWithAck("to-room", "pages", "hello"));
    assert.deepEqual((await other.evaluate(() => told))[0], "hello");
    const data = await one.evaluate(async () => {
      const error = await connect("/auth").catch((refused) => refused);
      return [error.message, error.data];
    });
    assert.deepEqual(data, ["not authorized", { content: "Please retry later" }]);
  });

  test("a page that was offline comes back with what it missed", async () => {
    const page = await openPage(server);
    const talker = await openPage(server);
    const id = await page.evaluate(async () => {
      window.socket = await connect("/", { transports: ["websocket"], reconnectionDelay: 50 });
      window.numbers = [];
      socket.on("room-message", (n) => numbers.push(n));
      await socket.emitWithAck("join", "offline");
      return socket.id;
    });
    await talker.evaluate(async () => {
      window.socket = await connect("/");
      await socket.emitWithAck("to-room", "offline", 1);
    });
    await page.waitForFunction(() => numbers.length === 1);
    /* The engine's own way to lose its connection; taking the network away would take minutes. */
    await page.evaluate(async () => {
      const lost = heard(socket, "disconnect");
      socket.io.engine.close();
      await lost;
    });
    await talker.evaluate(() => socket.emitWithAck("to-room", "offline", 2));
    await page.waitForFunction(() => numbers.length === 2);
    const after = await page.evaluate(() => ({ id: socket.id, isBack: socket.recovered, numbers }));
    assert.deepEqual(after, { id, isBack: true, numbers: [1, 2] });
  });

  test("the msgpack bundle", { skip: packed.unsupported }, async () => {
    const page = await openPage(packed, { bundle: "socket.io.msgpack.min.js" });
    const seen = await page.evaluate(async () => {
      const socket = await connect("/");
      const back = heard(socket, "message-back");
      socket.emit("message", 1.5, "€", { bytes: new Uint8Array([1, 2]).buffer });
      const [number, text, { bytes }] = await back;
      return [number, text, ...new Uint8Array(bytes)];
    });
    assert.deepEqual(seen, [1.5, "€", 1, 2]);
  });

  describe("from another origin", { skip: open.unsupported }, () => {
    for (const [way, transports] of Object.entries(WAYS)) {
      test(`a listed one, with credentials: ${way}`, async () => {
        const page = await openPage(open, { origin: ELSEWHERE });
        const seen = await page.evaluate(
          async ([url, transports]) => {
            const socket = await connect(url, {
              transports,
              withCredentials: true,
              extraHeaders: transports[0] === "polling" ? { "X-Test": "asked first" } : {},
            });
            const { headers } = await socket.emitWithAck("handshake");
            return [await socket.emitWithAck("message-with-ack", "hi"), headers["x-test"]];
          },
          [open.origin, transports],
        );
        assert.deepEqual(seen, ["hi", way === "websocket" ? undefined : "asked first"]);
      });
    }

    test("another one cannot poll", async () => {
      const page = await openPage(open, { origin: STRANGER });
      const message = await page.evaluate(async (url) => {
        const options = { transports: ["polling"], reconnection: false };
        return connect(url, options).then(
          () => "connected",
          (error) => error.message,
        );
      }, open.origin);
      assert.equal(message, "xhr poll error");
    });
  });

  test("the bundles are served with an ETag", async () => {
    const first = await request(server, "/socket.io/socket.io.min.js");
    assert.equal(first.status, 200);
    assert.match(first.headers["content-type"], /javascript/);
    assert.match(first.text, /Socket\.IO/);
    const { etag } = first.headers;
    for (const tag of [etag, `W/${etag.replace(/^W\//, "")}`]) {
      const headers = { "If-None-Match": tag };
      assert.equal((await request(server, "/socket.io/socket.io.min.js", { headers })).status, 304);
    }
    for (const name of ["socket.io.js", "socket.io.esm.min.js", "socket.io.msgpack.min.js"]) {
      assert.equal((await request(server, `/socket.io/${name}`)).status, 200, name);
    }
  });
});
