/*
 * cluster-node.mjs - one node of the mixed cluster, on socket.io: cluster_fixture.c, operation for
 * operation.
 *
 *     node cluster-node.mjs --cluster redis+sharded://127.0.0.1:6379 --key KEY --name NAME
 */
import { createServer } from "node:http";
import { createAdapter, createShardedAdapter } from "@socket.io/redis-adapter";
import { createAdapter as createStreamsAdapter } from "@socket.io/redis-streams-adapter";
import { createClient } from "redis";
import { Server } from "socket.io";

const flags = {};
for (let i = 2; i < process.argv.length; i += 2) flags[process.argv[i].slice(2)] = process.argv[i + 1];
const { protocol, host } = new URL(flags.cluster);

async function adapter() {
  const client = createClient({ url: `redis://${host}` });
  await client.connect();
  if (protocol === "redis+streams:")
    return createStreamsAdapter(client, { streamName: flags.key, channelPrefix: flags.key });
  const subscriber = client.duplicate();
  await subscriber.connect();
  return protocol === "redis+sharded:"
    ? createShardedAdapter(client, subscriber, { channelPrefix: flags.key })
    : createAdapter(client, subscriber, { key: flags.key });
}

const http = createServer();
const io = new Server(http, { adapter: await adapter() });

function target({ nsp = "/", rooms = [], except = [], flags: how = {} }) {
  let to = io.of(nsp).to(rooms).except(except);
  if (how.volatile) to = to.volatile;
  if (how.local) to = to.local;
  if (how.uncompressed) to = to.compress(false);
  return to;
}

const readable = (value) => (Buffer.isBuffer(value) ? { hex: value.toString("hex") } : value);

async function answers(promise) {
  try {
    return { failed: false, responses: (await promise).map(readable) };
  } catch (error) {
    return { failed: true, responses: (error.responses ?? []).map(readable) };
  }
}

const operations = {
  emit: (socket, c) => void target(c).emit(c.event, ...c.args),
  broadcast: (socket, c) => void target(c).except(socket.id).emit(c.event, ...c.args),
  emitWithAck: (socket, c) =>
    answers(target(c).timeout(c.timeout).emitWithAck(c.event, ...c.args)),
  serverSideEmit: (socket, c) => void io.of(c.nsp ?? "/").serverSideEmit(c.event, ...c.args),
  serverSideEmitWithAck: (socket, c) =>
    answers(io.of(c.nsp ?? "/").serverSideEmitWithAck(c.event, ...c.args)),
  fetchSockets: async (socket, c) => ({
    failed: false,
    sockets: (await target(c).fetchSockets()).map(({ id, rooms, data, handshake }) => ({
      id,
      rooms: [...rooms],
      data,
      address: handshake.address,
    })),
  }),
  serverCount: () => io.of("/").adapter.serverCount(),
  socketsJoin: (socket, c) => void target(c).socketsJoin(c.room),
  socketsLeave: (socket, c) => void target(c).socketsLeave(c.room),
  disconnectSockets: (socket, c) => void target(c).disconnectSockets(true),
  join: (socket, c) => void socket.join(c.room),
  leave: (socket, c) => void socket.leave(c.room),
  setData: (socket, c) => void (socket.data = c.args[0]),
};

for (const name of ["/", "/admin"]) {
  const nsp = io.of(name);
  nsp.on("connection", (socket) => {
    socket.on("run", async (command, done) => {
      const result = await operations[command.op](socket, command);
      done(result === undefined ? true : result);
    });
  });
  nsp.on("sse", (...args) => nsp.local.emit("sse", ...args));
  nsp.on("ping", (...args) => args.at(-1)(`pong-${flags.name}`));
  nsp.on("silent", () => {});
}

http.listen(0, "127.0.0.1", () => {
  console.log(`listening http://127.0.0.1:${http.address().port}`);
});
