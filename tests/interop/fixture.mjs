/*
 * fixture.mjs - the application that every suite talks to, on the reference server.
 *
 * fixture.c is the same application on libbelfry. README.md has the table of what it does; the two
 * may differ in nothing that a client can see.
 */
import { createServer } from "node:http";
import { Server } from "socket.io";
import msgpackParser from "socket.io-msgpack-parser";

const options = readFlags(process.argv.slice(2));
const http = createServer((request, response) => response.writeHead(404).end());
const io = new Server(http, serverOptions(options));

for (const name of ["/", "/custom", /^\/dyn-\d+$/]) serve(io.of(name));
const guarded = io.of("/auth");
guarded.use((socket, next) => next(refusal(socket.handshake.auth)));
serve(guarded);
const early = io.of("/early");
early.use((socket, next) => {
  socket.emit("early", 1);
  next();
});
serve(early);
const late = io.of("/later");
late.use((socket, next) => setTimeout(() => next(refusal(socket.handshake.auth)), 50));
serve(late);

http.listen(Number(options.port ?? 0), "127.0.0.1", () => {
  console.log(`listening http://127.0.0.1:${http.address().port}`);
});
process.on("SIGTERM", () => io.close(() => process.exit(0)));

/** `--ping-interval 300 --allow-eio3` becomes { "ping-interval": "300", "allow-eio3": true }. */
function readFlags(args) {
  const flags = {};
  for (let i = 0; i < args.length; i++) {
    const hasValue = i + 1 < args.length && !args[i + 1].startsWith("--");
    flags[args[i].replace(/^--/, "")] = hasValue ? args[++i] : true;
  }
  return flags;
}

function serverOptions(flags) {
  const number = (name, fallback) => Number(flags[name] ?? fallback);
  return {
    path: flags.path ?? "/socket.io",
    pingInterval: number("ping-interval", 25_000),
    pingTimeout: number("ping-timeout", 20_000),
    upgradeTimeout: number("upgrade-timeout", 10_000),
    connectTimeout: number("connect-timeout", 45_000),
    maxHttpBufferSize: number("max-payload", 1_000_000),
    transports: (flags.transports ?? "polling,websocket").split(","),
    allowUpgrades: flags["no-upgrades"] === undefined,
    allowEIO3: flags["allow-eio3"] !== undefined,
    perMessageDeflate: flags["per-message-deflate"] !== undefined,
    cookie: flags.cookie !== undefined,
    ...(flags.recovery && {
      connectionStateRecovery: {
        maxDisconnectionDuration: number("recovery"),
        skipMiddlewares: true,
      },
    }),
    ...(flags.cors && { cors: crossOrigin(flags.cors) }),
    ...(flags.parser === "msgpack" && { parser: msgpackParser }),
    ...(flags["refuse-header"] && {
      allowRequest: (request, callback) => {
        const word = request.headers["x-refuse"];
        callback(word ?? null, word === undefined);
      },
    }),
  };
}

function crossOrigin(origins) {
  return origins === "*" ? { origin: "*" } : { origin: origins.split(","), credentials: true };
}

function refusal(auth) {
  if (auth.token === "ok") return undefined;
  return Object.assign(new Error("not authorized"), { data: { content: "Please retry later" } });
}

function serve(namespace) {
  namespace.on("connection", (socket) => {
    socket.emit("auth", socket.handshake.auth);
    socket.use(([event], next) => next(event === "forbidden" ? new Error("forbidden") : undefined));
    socket.on("error", (error) => {
      if (error.message === "forbidden") socket.emit("middleware-error", error.message);
    });
    answerMessages(socket);
    answerRooms(socket);
    answerCalls(socket);
    answerAdministration(socket);
    answerQuestions(socket);
  });
}

function answerMessages(socket) {
  socket.on("message", (...args) => {
    socket.emit("message-back", ...args.filter((each) => typeof each !== "function"));
  });
  socket.on("message-with-ack", (...args) => args.pop()(...args));
  socket.on("ack-twice", (ack) => {
    ack("first");
    ack("second");
  });
  socket.on("volatile", (count, done) => {
    for (let i = 0; i < count; i++) socket.volatile.emit("tick", i);
    done?.();
  });
  socket.on("number-me", (count, done) => {
    for (let i = 0; i < count; i++) socket.emit("number", i);
    done?.();
  });
  socket.on("big", (size, done) => done("x".repeat(size)));
  socket.on("make-binary", (size) => {
    const bytes = Buffer.from(Array.from({ length: size }, (_, i) => i % 256));
    socket.emit("binary", bytes, { nested: bytes });
  });
  socket.on("forbidden", () => socket.emit("forbidden-was-heard"));
}

/* What is said to a room comes as `room-message`; the last argument of each may be an ack. */
function answerRooms(socket) {
  const on = (event, act) => {
    socket.on(event, (...args) => {
      const done = typeof args.at(-1) === "function" ? args.pop() : () => {};
      act(...args);
      done();
    });
  };
  const all = socket.nsp;
  on("join", (rooms) => socket.join(rooms));
  on("leave", (room) => socket.leave(room));
  on("to-room", (rooms, ...args) => socket.to(rooms).emit("room-message", ...args));
  on("in-room", (rooms, ...args) => all.in(rooms).emit("room-message", ...args));
  on("except", (rooms, ...args) => all.except(rooms).emit("room-message", ...args));
  on("to-except", (rooms, but, ...args) =>
    all
      .to(rooms)
      .except(but)
      .emit("room-message", ...args),
  );
  on("broadcast", (...args) => socket.broadcast.emit("room-message", ...args));
  on("all", (...args) => all.emit("room-message", ...args));
  on("volatile-all", (...args) => all.volatile.emit("room-message", ...args));
}

function answerCalls(socket) {
  const outcome = (name) => (error, value) => socket.emit(name, error?.message ?? null, value);
  socket.on("call-me", (...args) => {
    socket.emit("call", ...args, (...answer) => socket.emit("call-result", ...answer));
  });
  socket.on("call-me-timeout", (ms) => {
    socket.timeout(ms).emit("call", outcome("call-timeout-result"));
  });
  socket.on("call-room", (room, ms, ...args) => {
    socket.nsp
      .to(room)
      .timeout(ms)
      .emit("call", ...args, outcome("call-room-result"));
  });
}

function answerAdministration(socket) {
  const all = socket.nsp;
  socket.on("disconnect-me", (close) => socket.disconnect(close));
  socket.on("bye", () => {
    socket.emit("last-words");
    socket.disconnect();
  });
  socket.on("disconnect-room", (room, close) => all.in(room).disconnectSockets(close));
  socket.on("sockets-join", (from, to, done) => {
    all.in(from).socketsJoin(to);
    done();
  });
  socket.on("sockets-leave", (from, room, done) => {
    all.in(from).socketsLeave(room);
    done();
  });
  let roomsAtTheEnd = [];
  socket.on("disconnecting", () => (roomsAtTheEnd = [...socket.rooms].sort()));
  socket.on("disconnect", (reason) => {
    all.to("watchers").emit("left", socket.id, reason, roomsAtTheEnd);
  });
}

function answerQuestions(socket) {
  socket.on("rooms", (done) => done([...socket.rooms].sort()));
  socket.on("fetch", async (room, done) => {
    const found = await socket.nsp.in(room).fetchSockets();
    const described = found.map(({ id, rooms }) => ({ id, rooms: [...rooms].sort() }));
    done(described.sort((a, b) => (a.id < b.id ? -1 : 1)));
  });
  socket.on("handshake", (done) => {
    const { address, secure, issued, url, auth, query, headers } = socket.handshake;
    const asked = { EIO: query.EIO, transport: query.transport, foo: query.foo };
    const told = { "user-agent": headers["user-agent"], "x-test": headers["x-test"] };
    done({ id: socket.id, address, secure, issued, url, auth, query: asked, headers: told });
  });
  socket.on("transport", (done) => done(socket.conn.transport.name));
  socket.on("set-data", (value, done) => {
    socket.data.value = value;
    done();
  });
  socket.on("recovered", (done) => done(socket.recovered, socket.data.value ?? null));
}
