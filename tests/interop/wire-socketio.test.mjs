/*
 * wire-socketio.test.mjs - Socket.IO protocol 5 by hand: packets, namespaces, acks, binary, and what
 * happens to a client that sends what it must not.
 *
 * Most tests run over both transports: the rules are those of the session, not of its transport.
 */
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { startServer } from "./support/server.mjs";
import { pause } from "./support/wait.mjs";
import {
  Polling,
  SEPARATOR,
  Socket,
  Watcher,
  assertAlive,
  assertSessionUnknown,
  join,
} from "./support/wire.mjs";

const CONNECT_TIMEOUT_MS = 300;

const server = await startServer();
const impatient = await startServer({ connectTimeout: CONNECT_TIMEOUT_MS });
after(() => Promise.all([server.stop(), impatient.stop()]));

const TRANSPORTS = [
  ["polling", () => Polling.open(server)],
  ["WebSocket", () => Socket.open(server)],
];
const SID = /^[A-Za-z0-9_-]{20}$/;
const PLACEHOLDER = (num) => `{"_placeholder":true,"num":${num}}`;

/** @session has been closed by the server. */
async function assertClosed(session) {
  if (session instanceof Socket) {
    assert.equal(await session.closes(), 1005);
    return;
  }
  const answer = await session.poll();
  if (answer.status === 200) {
    assert.equal(answer.text.split(SEPARATOR).at(-1), "1", answer.text);
    await assertSessionUnknown(session);
  } else {
    assert.equal(JSON.parse(answer.text).code, 1);
  }
}

function everyTransport(name, body) {
  for (const [transport, open] of TRANSPORTS) {
    test(`${name} (${transport})`, async () => {
      const session = await open();
      await body(session);
      if (!session.isClosed) await session.close();
    });
  }
}

describe("connecting", () => {
  everyTransport("to the main namespace", async (session) => {
    await session.send("40");
    const answer = await session.next();
    assert.match(answer, /^40\{"sid":"[^"]+"\}$/);
    const { sid } = JSON.parse(answer.slice(2));
    assert.match(sid, SID);
    assert.notEqual(sid, session.sid);
    assert.equal(await session.next(), '42["auth",{}]');
    await assertAlive(session);
  });

  everyTransport("with something for the application", async (session) => {
    await session.send('40{"token":"123","deep":{"a":[1,null]}}');
    assert.match(await session.next(), /^40\{"sid":/);
    assert.equal(await session.next(), '42["auth",{"token":"123","deep":{"a":[1,null]}}]');
  });

  for (const packet of ["40/custom,", "40/custom"]) {
    everyTransport(`to a custom namespace by ${packet}`, async (session) => {
      await session.send(packet);
      const answer = await session.next();
      assert.match(answer, /^40\/custom,\{"sid":"[^"]+"\}$/);
      assert.equal(await session.next(), '42/custom,["auth",{}]');
      await session.send('42/custom,["message",1]');
      assert.equal(await session.next(), '42/custom,["message-back",1]');
    });
  }

  everyTransport("to a custom namespace with something for the application", async (session) => {
    await session.send('40/custom,{"token":"abc"}');
    assert.match(await session.next(), /^40\/custom,\{"sid":/);
    assert.equal(await session.next(), '42/custom,["auth",{"token":"abc"}]');
  });

  everyTransport("to several namespaces over one connection", async (session) => {
    const { sid } = await join(session);
    const custom = await join(session, "/custom");
    const dynamic = await join(session, "/dyn-1");
    assert.equal(new Set([sid, custom.sid, dynamic.sid, session.sid]).size, 4);
    await session.send('42/dyn-1,["message",1]', '42["message",2]', '42/custom,["message",3]');
    assert.equal(await session.next(), '42/dyn-1,["message-back",1]');
    assert.equal(await session.next(), '42["message-back",2]');
    assert.equal(await session.next(), '42/custom,["message-back",3]');
  });

  everyTransport("several CONNECTs in one go", async (session) => {
    await session.send("40/custom,", "40", "40/dyn-9,");
    const seen = new Set();
    while (seen.size < 3) {
      const packet = await session.next();
      const answer = /^40(\/[^,]+)?/.exec(packet);
      if (answer) seen.add(answer[1] ?? "/");
    }
  });

  everyTransport("the CONNECTs of one connection make sockets of their own", async (session) => {
    const first = await join(session, "/dyn-10");
    const other = await Socket.open(server);
    const second = await join(other, "/dyn-10");
    assert.notEqual(first.sid, second.sid);
    await other.send('42/dyn-10,["broadcast","hi"]');
    assert.equal(await session.next(), '42/dyn-10,["room-message","hi"]');
    await other.close();
  });

  for (const namespace of ["/random", "/dyn-", "/dyn-1x", "/custom/", "/custom?token=ok", "/_0"]) {
    everyTransport(`a namespace that does not exist: ${namespace}`, async (session) => {
      await session.send(`40${namespace},`);
      assert.equal(await session.next(), `44${namespace},{"message":"Invalid namespace"}`);
      await join(session);
      await assertAlive(session);
    });
  }

  everyTransport("a middleware refuses, with data; the connection stays open", async (session) => {
    await session.send('40/auth,{"token":"no"}');
    const data = '{"message":"not authorized","data":{"content":"Please retry later"}}';
    assert.equal(await session.next(), `44/auth,${data}`);
    await session.send("40/auth,");
    assert.equal(await session.next(), `44/auth,${data}`);
    await session.send('40/auth,{"token":"ok"}');
    assert.match(await session.next(), /^40\/auth,\{"sid":/);
  });

  everyTransport("a middleware that takes its time, either way", async (session) => {
    await session.send('40/later,{"token":"no"}', "40");
    assert.match(await session.next(), /^40\{/);
    assert.equal(await session.next(), '42["auth",{}]');
    assert.match(await session.next(), /^44\/later,\{"message":"not authorized"/);
    await session.send('40/later,{"token":"ok"}');
    assert.match(await session.next(), /^40\/later,\{"sid":/);
  });

  everyTransport("what a middleware says comes before the answer", async (session) => {
    await session.send("40/early,");
    assert.equal(await session.next(), '42/early,["early",1]');
    assert.match(await session.next(), /^40\/early,\{"sid":/);
    assert.equal(await session.next(), '42/early,["auth",{}]');
  });

  for (const packet of ["40{}", '40{"sid":1}', "401"]) {
    everyTransport(`${packet} connects like any other`, async (session) => {
      await session.send(packet);
      assert.match(await session.next(), /^40\{"sid":"[^"]{20}"\}$/);
    });
  }

  for (const packet of ["40[]", "40null", '40"abc"', "40true", "40{", "40{}x", "40/custom,[]"]) {
    everyTransport(`${packet} ends the connection`, async (session) => {
      await session.send(packet);
      await assertClosed(session);
    });
  }

  everyTransport("twice to the same namespace ends the connection", async (session) => {
    await join(session);
    await session.send("40");
    await assertClosed(session);
  });

  for (const [name, open] of [
    ["polling", () => Polling.open(impatient)],
    ["WebSocket", () => Socket.open(impatient)],
  ]) {
    test(`nothing is asked for: the connection ends in time (${name})`, async () => {
      const begun = Date.now();
      const session = await open();
      await assertClosed(session);
      const waited = Date.now() - begun;
      assert.ok(
        waited > CONNECT_TIMEOUT_MS - 50 && waited < CONNECT_TIMEOUT_MS + 2000,
        `${waited}`,
      );
    });

    test(`a refusal does not stop that clock (${name})`, async () => {
      const session = await open();
      await session.send("40/random,");
      assert.match(await session.next(), /^44\/random,/);
      await assertClosed(session);
    });

    test(`a namespace does, also after it was left (${name})`, async () => {
      const session = await open();
      await join(session, "/custom");
      await session.send("41/custom,");
      await pause(CONNECT_TIMEOUT_MS + 150);
      await join(session);
      await assertAlive(session);
      await session.close();
    });
  }
});

describe("disconnecting", () => {
  everyTransport("from the main namespace; the connection stays open", async (session) => {
    const first = await join(session);
    await session.send("41");
    await pause(50);
    const second = await join(session);
    assert.notEqual(first.sid, second.sid);
    await assertAlive(session);
  });

  for (const packet of ["41/custom,", "41/custom"]) {
    everyTransport(`from one namespace of several by ${packet}`, async (session) => {
      await join(session);
      await join(session, "/custom");
      await session.send(packet);
      await assertAlive(session);
    });
  }

  everyTransport("is told to the application", async (session) => {
    const watcher = await Watcher.open(server);
    const { sid } = await join(session);
    await session.send('420["join","den"]');
    await session.next();
    await session.send("41");
    const left = await watcher.next();
    assert.deepEqual(left, [sid, "client namespace disconnect", [sid, "den"].sort()]);
    await watcher.close();
  });

  everyTransport("by the server: DISCONNECT, the connection stays open", async (session) => {
    await join(session);
    await join(session, "/custom");
    await session.send('42/custom,["disconnect-me",false]');
    assert.equal(await session.next(), "41/custom,");
    await assertAlive(session);
  });

  everyTransport("by the server: what was said before still arrives", async (session) => {
    await join(session);
    await session.send('42["bye"]');
    assert.equal(await session.next(), '42["last-words"]');
    assert.equal(await session.next(), "41");
  });

  everyTransport("by the server with the connection: every namespace is told", async (session) => {
    const watcher = await Watcher.open(server);
    await join(session);
    await join(session, "/custom");
    await session.send('42/custom,["disconnect-me",true]');
    const told = [await session.next(), await session.next()].sort();
    assert.deepEqual(told, ["41", "41/custom,"]);
    assert.equal(await watcher.nextReason(), "server namespace disconnect");
    await assertClosed(session);
    await watcher.close();
  });

  for (const packet of ["41{}", "41[]", "41/custom,{}", '41["x"]']) {
    everyTransport(`${packet} ends the connection`, async (session) => {
      await join(session);
      await session.send(packet);
      await assertClosed(session);
    });
  }
});

describe("events", () => {
  const VALUES = [
    "1",
    '"2"',
    '{"3":[true,null,-0.5,1e+21]}',
    "[[[[]]]]",
    '""',
    '"\\u0000\\"\\\\ €😀"',
    "false",
  ];
  everyTransport("all kinds of JSON, there and back", async (session) => {
    await join(session);
    await session.send(`42["message",${VALUES}]`);
    const answer = await session.next();
    assert.deepEqual(JSON.parse(answer.slice(2)), JSON.parse(`["message-back",${VALUES}]`));
  });

  everyTransport("lone surrogates stay what JSON.parse makes of them", async (session) => {
    await join(session);
    await session.send('42["message","a\\ud83d"]');
    const answer = await session.next();
    assert.deepEqual(JSON.parse(answer.slice(2)), ["message-back", "a\ud83d"]);
  });

  everyTransport("long integers and odd numbers are numbers", async (session) => {
    await join(session);
    await session.send('42["message",12345678901234567890,0.1,1E400,-0]');
    const [event, ...numbers] = JSON.parse((await session.next()).slice(2));
    assert.equal(event, "message-back");
    /* JSON.stringify makes null of Infinity and 0 of -0; keeping the text is as good. */
    assert.deepEqual(numbers.slice(0, 2), [12345678901234567890, 0.1]);
    assert.ok([null, Infinity].includes(numbers[2]), `${numbers[2]}`);
  });

  everyTransport("no arguments, blanks between them", async (session) => {
    await join(session);
    await session.send('42["message"]', '42[ "message" , 1 ] ', '42[\n"message"\t]');
    assert.equal(await session.next(), '42["message-back"]');
    assert.deepEqual(JSON.parse((await session.next()).slice(2)), ["message-back", 1]);
    assert.deepEqual(JSON.parse((await session.next()).slice(2)), ["message-back"]);
  });

  everyTransport("an escaped name is the name", async (session) => {
    await join(session);
    await session.send('42["mess\\u0061ge",1]');
    assert.equal(await session.next(), '42["message-back",1]');
  });

  for (const packet of [
    '42["nobody hears this",1]',
    '42[""]',
    '42[12,"x"]',
    "42",
    "430[]",
    "43",
    "431",
    '42["connection"]',
  ]) {
    everyTransport(`${packet} does nothing, and no harm`, async (session) => {
      await join(session);
      await session.send(packet);
      await assertAlive(session);
    });
  }

  everyTransport(
    "placeholders in a packet without attachments are only objects",
    async (session) => {
      await join(session);
      await session.send(`42["message",${PLACEHOLDER(0)}]`);
      assert.equal(await session.next(), `42["message-back",${PLACEHOLDER(0)}]`);
    },
  );

  everyTransport("a per-packet middleware stops what it does not like", async (session) => {
    await join(session);
    await session.send('42["forbidden"]');
    assert.equal(await session.next(), '42["middleware-error","forbidden"]');
    await assertAlive(session);
  });

  everyTransport("many in one go keep their order, across namespaces too", async (session) => {
    await join(session);
    await join(session, "/custom");
    const namespace = (n) => (n % 3 === 0 ? "/custom," : "");
    const count = 300;
    const packets = Array.from({ length: count }, (_, n) => `42${namespace(n)}["message",${n}]`);
    await session.send(...packets);
    for (let n = 0; n < count; n++) {
      assert.equal(await session.next(), `42${namespace(n)}["message-back",${n}]`);
    }
  });
});

describe("acknowledgements", () => {
  everyTransport("carry the id, the namespace and the arguments", async (session) => {
    await join(session);
    await join(session, "/custom");
    await session.send('42456["message-with-ack",1,"2",{"3":[false]}]');
    assert.equal(await session.next(), '43456[1,"2",{"3":[false]}]');
    await session.send('42/custom,0["message-with-ack"]');
    assert.equal(await session.next(), "43/custom,0[]");
  });

  everyTransport("are given once", async (session) => {
    await join(session);
    await session.send('427["ack-twice"]');
    assert.equal(await session.next(), '437["first"]');
    await assertAlive(session);
  });

  everyTransport("only where one is asked for", async (session) => {
    await join(session);
    await session.send('425["message","x"]', '42["join","here"]');
    assert.equal(await session.next(), '42["message-back","x"]');
    await assertAlive(session);
  });

  everyTransport("large ids come back as they were", async (session) => {
    await join(session);
    await session.send('429007199254740991["message-with-ack"]');
    assert.equal(await session.next(), "439007199254740991[]");
  });

  everyTransport("the client's answer reaches the application, late or early", async (session) => {
    await join(session);
    await session.send('42["call-me","how much?"]');
    const call = await session.next();
    const [, id] = /^42(\d+)\["call","how much\?"\]$/.exec(call) ?? assert.fail(call);
    await assertAlive(session);
    await session.send(`43${id}[42,"x"]`);
    assert.equal(await session.next(), '42["call-result",42,"x"]');
    await session.send(`43${id}[43]`);
    await assertAlive(session);
  });

  everyTransport("an answer with binary", async (session) => {
    await join(session);
    await session.send('42["call-me"]');
    const [, id] = /^42(\d+)\["call"\]$/.exec(await session.next());
    await session.send(`461-${id}[${PLACEHOLDER(0)}]`, Buffer.from([7, 8]));
    assert.equal(await session.next(), `451-["call-result",${PLACEHOLDER(0)}]`);
    assert.deepEqual(await session.next(), Buffer.from([7, 8]));
  });

  everyTransport("no answer in time", async (session) => {
    await join(session);
    await session.send('42["call-me-timeout",50]');
    const [, id] = /^42(\d+)\["call"\]$/.exec(await session.next());
    assert.match(await session.next(), /^42\["call-timeout-result","operation has timed out"/);
    await session.send(`43${id}["late"]`);
    await assertAlive(session);
  });

  everyTransport("an answer that nobody asked for is ignored", async (session) => {
    await join(session);
    await session.send('4399["x"]', "43100[]");
    await assertAlive(session);
  });
});

describe("binary", () => {
  everyTransport("attachments come back in order", async (session) => {
    await join(session);
    const parts = [Buffer.from([1, 2, 3]), Buffer.from([]), Buffer.from([255])];
    const json = `${PLACEHOLDER(0)},"x",{"a":[${PLACEHOLDER(1)},${PLACEHOLDER(2)}]}`;
    await session.send(`453-["message",${json}]`, ...parts);
    assert.equal(await session.next(), `453-["message-back",${json}]`);
    for (const part of parts) assert.deepEqual(await session.next(), part);
  });

  everyTransport("in a namespace with an ack", async (session) => {
    await join(session, "/custom");
    await session.send(`451-/custom,9["message-with-ack",${PLACEHOLDER(0)}]`, Buffer.from([5]));
    assert.equal(await session.next(), `461-/custom,9[${PLACEHOLDER(0)}]`);
    assert.deepEqual(await session.next(), Buffer.from([5]));
  });

  everyTransport("that the server made itself", async (session) => {
    await join(session);
    await session.send('42["make-binary",4]');
    assert.equal(
      await session.next(),
      `452-["binary",${PLACEHOLDER(0)},{"nested":${PLACEHOLDER(1)}}]`,
    );
    for (let n = 0; n < 2; n++) assert.deepEqual(await session.next(), Buffer.from([0, 1, 2, 3]));
  });

  everyTransport("ten attachments are allowed", async (session) => {
    await join(session);
    const parts = Array.from({ length: 10 }, (_, n) => Buffer.from([n]));
    await session.send(`4510-["message",${parts.map((_, n) => PLACEHOLDER(n))}]`, ...parts);
    assert.match(await session.next(), /^4510-\["message-back",/);
    for (const part of parts) assert.deepEqual(await session.next(), part);
  });

  everyTransport("placeholders may be swapped, repeated, or missing", async (session) => {
    await join(session);
    const [a, b] = [Buffer.from([1]), Buffer.from([2])];
    await session.send(
      `452-["message",${PLACEHOLDER(1)},${PLACEHOLDER(0)},${PLACEHOLDER(1)}]`,
      a,
      b,
    );
    assert.deepEqual(await resolved(session), ["message-back", b, a, b]);
    await session.send('451-["message","none"]', a);
    assert.deepEqual(await resolved(session), ["message-back", "none"]);
  });

  for (const [name, ...packets] of [
    ["an attachment without a header", Buffer.from([1])],
    ["text where an attachment is due", `451-["message",${PLACEHOLDER(0)}]`, '42["message"]'],
    ["too many attachments", `4511-["message",${PLACEHOLDER(0)}]`],
    ["an endless number of them", `45${"9".repeat(400)}-["message"]`],
    ["none of them", '450-["message"]'],
    ["a negative number", '45-1-["message"]'],
    ["no number", '45["message"]'],
    ["a broken number", '451.5-["message"]'],
    ["a blank number", '45 -["message"]'],
    ["a number without end", "451"],
    ["a placeholder out of range", `451-["message",${PLACEHOLDER(1)}]`, Buffer.from([1])],
    ["a negative placeholder", `451-["message",${PLACEHOLDER(-1)}]`, Buffer.from([1])],
    [
      "a placeholder without a number",
      '451-["message",{"_placeholder":true,"num":"0"}]',
      Buffer.from([1]),
    ],
    ["a placeholder without num", '451-["message",{"_placeholder":true}]', Buffer.from([1])],
    ["binary ack of an unknown shape", "461-1{}", Buffer.from([1])],
  ]) {
    everyTransport(`${name} ends the connection`, async (session) => {
      await join(session);
      await session.send(...packets);
      await assertClosed(session);
    });
  }

  /** The next event, with its attachments in the places of their placeholders. */
  async function resolved(session) {
    const [, count, json] = /^45(\d+)-(.*)$/.exec(await session.next().then(orPlain));
    const parts = [];
    for (let n = 0; n < Number(count); n++) parts.push(await session.next());
    return JSON.parse(json, (_, value) =>
      value?._placeholder === true ? parts[value.num] : value,
    );
  }

  /** An event without attachments, written as one with none. */
  function orPlain(packet) {
    return packet.startsWith("42") ? `450-${packet.slice(2)}` : packet;
  }
});

describe("packets that end the connection", () => {
  const WRONG = [
    ["no packet at all", "4"],
    ["no type", "4abc"],
    ["an unknown type", "47"],
    ["type 9", "49"],
    ["CONNECT_ERROR, which is the server's", '44{"message":"x"}'],
    ["an event that is an object", "42{}"],
    ["an event that is a string", '42"message"'],
    ["an event that is null", "42null"],
    ["an event without a name", "42[]"],
    ["a name that is null", "42[null]"],
    ["a name that is an object", "42[{}]"],
    ["a name that is a list", '42[["message"]]'],
    ["a name that is a boolean", "42[true]"],
    ["JSON that does not end", '42["message"'],
    ["JSON with something behind it", '42["message"]x'],
    ["JSON with a comma too many", '42["message",]'],
    ["JSON with a raw line end in a string", '42["mess\nage"]'],
    ["JSON with single quotes", "42['message']"],
    ["JSON with a number that starts with 0", '42["message",01]'],
    ["an ack that is an object", "431{}"],
    ["an ack that is a string", '431"x"'],
    ["a namespace without its comma", '42/custom["message"]'],
    ["a namespace that was never asked for", '42/custom,["message"]'],
    ["DISCONNECT from a namespace that was never asked for", "41/custom,"],
    ["an ack for a namespace that was never asked for", "43/custom,1[]"],
  ];
  for (const name of [
    "connect",
    "connect_error",
    "disconnect",
    "disconnecting",
    "newListener",
    "removeListener",
  ]) {
    WRONG.push([`the reserved name ${name}`, `42["${name}"]`]);
  }
  for (const [name, packet] of WRONG) {
    everyTransport(`${name}: ${JSON.stringify(packet)}`, async (session) => {
      await join(session);
      await session.send(packet);
      await assertClosed(session);
    });
  }

  for (const packet of ['42["message"]', "41", "431[]", '44{"message":"x"}', "abc"]) {
    everyTransport(`${packet} before any namespace`, async (session) => {
      await session.send(packet.startsWith("4") ? packet : `4${packet}`);
      await assertClosed(session);
    });
  }

  everyTransport("an event after the namespace was left", async (session) => {
    await join(session);
    await join(session, "/custom");
    await session.send("41/custom,");
    await pause(50);
    await session.send('42/custom,["message"]');
    await assertClosed(session);
  });

  everyTransport("the reason that the application is told", async (session) => {
    const watcher = await Watcher.open(server);
    await join(session);
    await session.send("42{}");
    await assertClosed(session);
    const reason = await watcher.nextReason();
    assert.ok(["forced close", "forced server close"].includes(reason), reason);
    await watcher.close();
  });
});

describe("volatile events", () => {
  test("are dropped for a polling client that has no poll pending", async () => {
    const session = await Polling.open(server);
    await join(session);
    await session.send('420["volatile",3]', '42["message","not volatile"]');
    assert.equal(await session.next(), "430[]");
    assert.equal(await session.next(), '42["message-back","not volatile"]');
    await session.close();
  });

  test("reach a polling client that has one", async () => {
    const session = await Polling.open(server);
    await join(session);
    const held = await session.hold();
    await session.send('42["volatile",1]');
    assert.equal((await held.answer).text, '42["tick",0]');
    await session.close();
  });

  test("are dropped during an upgrade while no poll is pending", async () => {
    const session = await Polling.open(server);
    await join(session);
    const socket = await session.probe();
    await socket.send("2probe");
    assert.equal(await socket.next(), "3probe");
    await session.send('420["volatile",3]');
    await socket.send("5");
    assert.equal(await socket.next(), "430[]");
    await assertAlive(socket);
    await socket.close();
  });
});

/* The reference looks a namespace up at once, but connects and dispatches a moment later. A server
 * that does everything in order is right too; no official client depends on it. */
describe("bursts, where the reference is one of two possible answers", () => {
  everyTransport(
    "an event right behind its CONNECT: served in order, or the end",
    async (session) => {
      await session.send("40", '42["message","early"]');
      if (session instanceof Socket) {
        const seen = [];
        for (;;) {
          const packet = await session.next().catch(() => null);
          if (packet === null) return;
          seen.push(packet);
          if (packet === '42["message-back","early"]') break;
        }
        assert.match(seen[0], /^40\{/);
        return;
      }
      const texts = [];
      for (let polls = 0; polls < 3; polls++) {
        const { status, text } = await session.poll();
        if (status !== 200) return;
        texts.push(...text.split(SEPARATOR));
        if (texts.at(-1) === "1") return;
        if (texts.at(-1) === '42["message-back","early"]') break;
      }
      assert.match(texts[0], /^40\{/);
    },
  );

  everyTransport(
    "an event right before DISCONNECT: heard or not, the connection lives",
    async (session) => {
      await join(session);
      await session.send('42["message","last"]', "41");
      await pause(50);
      await session.send("40");
      let packet = await session.next();
      if (packet === '42["message-back","last"]') packet = await session.next();
      assert.match(packet, /^40\{/);
    },
  );

  everyTransport(
    "an ack that is asked for right before DISCONNECT may still come",
    async (session) => {
      await join(session);
      await session.send('423["message-with-ack"]', "41");
      await pause(50);
      await session.send("40");
      let packet = await session.next();
      if (packet === "433[]") packet = await session.next();
      assert.match(packet, /^40\{/);
    },
  );
});

describe("handshake", () => {
  for (const [name, open] of [
    ["polling", (query) => Polling.open(server, query)],
    ["websocket", (query) => Socket.open(server, query)],
  ]) {
    test(`what the application knows of it (${name})`, async () => {
      const before = Date.now();
      const session = await open({ foo: "b ä&r" });
      const { sid } = await join(session, "/", { a: 1 });
      await session.send('421["handshake"]');
      const [told] = JSON.parse((await session.next()).slice(3));
      assert.equal(told.id, sid);
      assert.equal(told.address, "127.0.0.1");
      assert.equal(told.secure, false);
      assert.deepEqual(told.auth, { a: 1 });
      assert.deepEqual(told.query, { EIO: "4", transport: name, foo: "b ä&r" });
      assert.match(told.url, /^\/socket\.io\/\?EIO=4&transport=\w+&foo=b(\+|%20)%C3%A4%26r$/);
      assert.ok(told.issued >= before - 50 && told.issued <= Date.now() + 50, `${told.issued}`);
      await session.close();
    });
  }
});
