/*
 * wire-engineio3.test.mjs - Engine.IO revision 3 by hand, as Socket.IO 1 and 2 speak it.
 */
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { startServer } from "./support/server.mjs";
import {
  Polling,
  Socket,
  assertAlive,
  assertRefused,
  assertSessionUnknown,
  join,
  request,
} from "./support/wire.mjs";

const PING_INTERVAL_MS = 300;
const PING_TIMEOUT_MS = 200;

const server = await startServer({ allowEio3: true });
const quick = await startServer({
  allowEio3: true,
  pingInterval: PING_INTERVAL_MS,
  pingTimeout: PING_TIMEOUT_MS,
});
after(() => Promise.all([server.stop(), quick.stop()]));

/** Packets as revision 3 joins them: each behind its length in UTF-16 units. */
const encode = (...packets) => packets.map((each) => `${each.length}:${each}`).join("");

function decode(payload) {
  const packets = [];
  while (payload !== "") {
    const [prefix, length] = /^(\d+):/.exec(payload) ?? assert.fail(payload);
    packets.push(payload.slice(prefix.length, prefix.length + Number(length)));
    payload = payload.slice(prefix.length + Number(length));
  }
  return packets;
}

/** The records of a binary payload: a kind byte, digits, 0xff, the packet. */
function decodeBinary(bytes) {
  const packets = [];
  while (bytes.length > 0) {
    const end = bytes.indexOf(0xff);
    const start = end + 1;
    const size = Number([...bytes.subarray(1, end)].join(""));
    const packet = bytes.subarray(start, start + size);
    packets.push(bytes[0] === 0 ? packet.toString() : packet);
    bytes = bytes.subarray(start + size);
  }
  return packets;
}

function encodeBinary(...packets) {
  const records = packets.map((packet) => {
    const body = Buffer.from(packet);
    const digits = [...String(body.length)].map(Number);
    return Buffer.concat([
      Buffer.from([typeof packet === "string" ? 0 : 1, ...digits, 0xff]),
      body,
    ]);
  });
  return Buffer.concat(records);
}

class Polling3 {
  static async open(target, query = {}) {
    const answer = await request(target, { EIO: "3", ...query });
    assert.equal(answer.status, 200, answer.text);
    const session = new Polling3();
    /* The reference writes even this one as a binary payload where the client can take it. */
    const [open, ...more] = decode(answer.text);
    assert.equal(open[0], "0");
    session.server = target;
    session.handshake = JSON.parse(open.slice(1));
    session.query = { EIO: "3", ...query, sid: session.handshake.sid };
    session.inbox = more;
    return session;
  }

  poll() {
    return request(this.server, this.query);
  }

  post(body, headers = { "Content-Type": "text/plain;charset=UTF-8" }) {
    return request(this.server, this.query, { method: "POST", headers, body });
  }

  async send(...packets) {
    assert.equal((await this.post(encode(...packets))).text, "ok");
  }

  async next() {
    while (this.inbox.length === 0) {
      const answer = await this.poll();
      assert.equal(answer.status, 200, answer.text);
      this.inbox.push(...decode(answer.text));
    }
    return this.inbox.shift();
  }
}

/** Reads what the server sends to every new client of revision 3. */
async function greeted(session) {
  assert.equal(await session.next(), "40");
  assert.equal(await session.next(), '42["auth",{}]');
  return session;
}

describe("revision 3 over polling", () => {
  test("the handshake has a length in front, and the client is connected by itself", async () => {
    const answer = await request(server, { EIO: "3", b64: "1" });
    assert.match(answer.text, /^\d+:0\{/);
    const { sid, ...rest } = JSON.parse(decode(answer.text)[0].slice(1));
    assert.match(sid, /^[A-Za-z0-9_-]{20}$/);
    assert.deepEqual(rest.upgrades, ["websocket"]);
    assert.equal(rest.pingInterval, 25_000);
    assert.equal(rest.pingTimeout, 20_000);
    const session = await greeted(await Polling3.open(server, { b64: "1" }));
    await session.send('420["handshake"]');
    const [told] = JSON.parse((await session.next()).slice(3));
    assert.equal(told.id, session.handshake.sid, "the id of the socket is that of the session");
  });

  test("no EIO at all is revision 3", async () => {
    const answer = await request(server, { EIO: undefined, b64: "1" });
    assert.equal(answer.status, 200);
    assert.match(answer.text, /^\d+:0\{/);
  });

  test("lengths are those of JavaScript strings", async () => {
    const session = await greeted(await Polling3.open(server, { b64: "1" }));
    await session.send('42["message","a€😀"]', '42["message",2]');
    assert.equal(await session.next(), '42["message-back","a€😀"]');
    assert.equal(await session.next(), '42["message-back",2]');
  });

  test("b64: binary as base64 in text", async () => {
    const session = await greeted(await Polling3.open(server, { b64: "1" }));
    await session.send('451-["message",{"_placeholder":true,"num":0}]', "b4AQIDBA==");
    assert.equal(await session.next(), '451-["message-back",{"_placeholder":true,"num":0}]');
    assert.equal(await session.next(), "b4AQIDBA==");
  });

  test("without b64: a payload with binary is binary, and so may a request be", async () => {
    const session = await greeted(await Polling3.open(server));
    const header = '451-["message",{"_placeholder":true,"num":0},"€"]';
    const body = encodeBinary(header, Buffer.from([4, 1, 2, 3]));
    const answer = await session.post(body, { "Content-Type": "application/octet-stream" });
    assert.equal(answer.text, "ok");
    const poll = await session.poll();
    assert.equal(poll.headers["content-type"], "application/octet-stream");
    assert.deepEqual(decodeBinary(poll.bytes), [
      '451-["message-back",{"_placeholder":true,"num":0},"€"]',
      Buffer.from([4, 1, 2, 3]),
    ]);
  });

  test("without b64: a payload without binary is text", async () => {
    const session = await greeted(await Polling3.open(server));
    await session.send('42["message",1]');
    const poll = await session.poll();
    assert.match(poll.headers["content-type"], /^text\/plain/);
    assert.deepEqual(decode(poll.text), ['42["message-back",1]']);
  });

  test("JSONP", async () => {
    const query = { EIO: "3", j: "0", b64: "1" };
    const script = /^___eio\[0\]\((".*")\);$/s.exec((await request(server, query)).text);
    const { sid } = JSON.parse(decode(JSON.parse(script[1]))[0].slice(1));
    const answer = await request(
      server,
      { ...query, sid },
      {
        method: "POST",
        headers: { "Content-Type": "application/x-www-form-urlencoded" },
        body: `d=${encodeURIComponent(encode('42["message","x"]'))}`,
      },
    );
    assert.equal(answer.text, "ok");
    const poll = /^___eio\[0\]\((".*")\);$/s.exec((await request(server, { ...query, sid })).text);
    assert.deepEqual(decode(JSON.parse(poll[1])).at(-1), '42["message-back","x"]');
  });

  for (const body of ["abc", "5:40", "2:4x3", "x:40", ":40", "-1:4", "2:4abc", "1:9", ""]) {
    test(`the payload ${JSON.stringify(body)} ends the session`, async () => {
      const session = await greeted(await Polling3.open(server, { b64: "1" }));
      await session.post(body);
      const poll = await session.poll();
      if (poll.status === 200) assert.equal(decode(poll.text).at(-1), "1");
      await assertSessionUnknown(session);
    });
  }

  test("the client pings, the server answers", async () => {
    const session = await greeted(await Polling3.open(quick, { b64: "1" }));
    const end = Date.now() + 2 * (PING_INTERVAL_MS + PING_TIMEOUT_MS);
    while (Date.now() < end) {
      await new Promise((resolve) => setTimeout(resolve, PING_INTERVAL_MS));
      await session.send("2");
      assert.equal(await session.next(), "3");
    }
    await session.send("1");
  });

  test("a client that does not ping is dropped", async () => {
    const session = await greeted(await Polling3.open(quick, { b64: "1" }));
    const begun = Date.now();
    const poll = await session.poll();
    assert.equal(poll.text, "1:1");
    const waited = Date.now() - begun;
    assert.ok(waited > PING_INTERVAL_MS, `${waited} ms`);
    await assertSessionUnknown(session);
  });

  test("a pong from the client is the wrong direction: the end", async () => {
    const session = await greeted(await Polling3.open(server, { b64: "1" }));
    await session.send("3");
    const poll = await session.poll();
    if (poll.status === 200) assert.equal(poll.text, "1:1");
    await assertSessionUnknown(session);
  });

  test("another revision with this sid: code 3", async () => {
    const session = await greeted(await Polling3.open(server, { b64: "1" }));
    const answer = await request(server, { ...session.query, EIO: "4" });
    assertRefused(answer, 3, "Bad request");
  });

  test("revision 4 goes on working beside it", async () => {
    const session = await Polling.open(server);
    await join(session);
    await assertAlive(session);
    await session.close();
  });
});

describe("revision 3 over WebSocket", () => {
  test("text as ever, binary behind its type", async () => {
    const socket = await greeted(await Socket.open(server, { EIO: "3" }));
    await socket.send('451-["message",{"_placeholder":true,"num":0}]', Buffer.from([4, 1, 2]));
    assert.equal(await socket.next(), '451-["message-back",{"_placeholder":true,"num":0}]');
    assert.deepEqual(await socket.next(), Buffer.from([4, 1, 2]));
    await socket.close();
  });

  test("b64: binary as text", async () => {
    const socket = await greeted(await Socket.open(server, { EIO: "3", b64: "1" }));
    await socket.send('451-["message",{"_placeholder":true,"num":0}]', "b4AQID");
    assert.equal(await socket.next(), '451-["message-back",{"_placeholder":true,"num":0}]');
    assert.equal(await socket.next(), "b4AQID");
    await socket.close();
  });

  test("the client pings", async () => {
    const socket = await greeted(await Socket.open(server, { EIO: "3" }));
    await socket.send("2", "2abc");
    assert.equal(await socket.next(), "3");
    assert.match(await socket.next(), /^3(abc)?$/);
    await socket.close();
  });

  test("a client that does not ping is dropped", async () => {
    const begun = Date.now();
    const socket = await greeted(await Socket.open(quick, { EIO: "3" }));
    await socket.closes();
    const waited = Date.now() - begun;
    assert.ok(waited > PING_INTERVAL_MS + PING_TIMEOUT_MS - 50, `${waited} ms`);
  });

  test("a binary message without its type: ignored (as the reference does) or the end", async () => {
    const socket = await greeted(await Socket.open(server, { EIO: "3" }));
    await socket.send(Buffer.alloc(0), '42["message","still"]');
    const heard = await socket.next().catch(() => "closed");
    assert.ok(['42["message-back","still"]', "closed"].includes(heard), heard);
  });

  test("upgrade from polling", async () => {
    const session = await greeted(await Polling3.open(server, { b64: "1" }));
    const held = session.poll();
    const socket = await Socket.dial(server, { ...session.query, transport: "websocket" });
    await socket.send("2probe");
    assert.equal(await socket.next(), "3probe");
    assert.equal((await held).text, "1:6");
    await socket.send("5", '42["message","on"]');
    assert.equal(await socket.next(), '42["message-back","on"]');
    await socket.close();
  });
});

describe("Socket.IO for revision 3", () => {
  test("other namespaces, their query, refusals", async () => {
    const socket = await greeted(await Socket.open(server, { EIO: "3" }));
    await socket.send("40/custom,");
    assert.equal(await socket.next(), "40/custom,");
    assert.equal(await socket.next(), '42/custom,["auth",{}]');
    await socket.send("40/auth?token=ok&x=1&a%20b=c+d,");
    assert.equal(await socket.next(), "40/auth,");
    assert.equal(await socket.next(), '42/auth,["auth",{"token":"ok","x":"1","a b":"c d"}]');
    await socket.send('42/auth,1["handshake"]');
    const [told] = JSON.parse((await socket.next()).replace(/^43\/auth,1/, ""));
    assert.equal(told.id, `/auth#${socket.sid}`);
    await socket.close();
  });

  test("a refusal is its data alone", async () => {
    const socket = await greeted(await Socket.open(server, { EIO: "3" }));
    await socket.send("40/auth,");
    assert.equal(await socket.next(), '44/auth,{"content":"Please retry later"}');
    await socket.send("40/nowhere,");
    assert.equal(await socket.next(), '44/nowhere,{"message":"Invalid namespace"}');
    await assertAlive(socket);
    await socket.close();
  });

  test("acks both ways", async () => {
    const socket = await greeted(await Socket.open(server, { EIO: "3" }));
    await socket.send('427["message-with-ack",1]');
    assert.equal(await socket.next(), "437[1]");
    await socket.send('42["call-me","x"]');
    const [, id] = /^42(\d+)\["call","x"\]$/.exec(await socket.next());
    await socket.send(`43${id}["y"]`);
    assert.equal(await socket.next(), '42["call-result","y"]');
    await socket.close();
  });

  test("DISCONNECT, from either side", async () => {
    const socket = await greeted(await Socket.open(server, { EIO: "3" }));
    await socket.send("40/custom,");
    assert.equal(await socket.next(), "40/custom,");
    await socket.next();
    await socket.send('42/custom,["disconnect-me",false]');
    assert.equal(await socket.next(), "41/custom,");
    await assertAlive(socket);
    await socket.close();
  });
});
