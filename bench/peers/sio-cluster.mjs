// socket.io on Node as one node of several.   node sio-cluster.mjs PORT REDIS-PORT classic|sharded|streams
import { createServer } from 'node:http';
import { createAdapter, createShardedAdapter } from '@socket.io/redis-adapter';
import { createAdapter as createStreamsAdapter } from '@socket.io/redis-streams-adapter';
import { createClient } from 'redis';
import { Server } from 'socket.io';
import { serve } from './sio-events.mjs';

const [port, redisPort, contract] = process.argv.slice(2);
const client = createClient({ url: `redis://127.0.0.1:${redisPort}` });
await client.connect();

async function adapterOf(contract) {
    if (contract === 'streams')
        return createStreamsAdapter(client);
    const subscriber = client.duplicate();
    await subscriber.connect();
    return contract === 'sharded' ? createShardedAdapter(client, subscriber) : createAdapter(client, subscriber);
}

const server = createServer();
const options = { perMessageDeflate: false, serveClient: false, adapter: await adapterOf(contract) };
serve(new Server(server, options));
server.listen(Number(port), '127.0.0.1');
