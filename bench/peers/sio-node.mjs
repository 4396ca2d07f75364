// socket.io on Node.   node sio-node.mjs PORT
import { createServer } from 'node:http';
import { Server } from 'socket.io';
import { serve } from './sio-events.mjs';

const server = createServer();
serve(new Server(server, { perMessageDeflate: false, serveClient: false }));
server.listen(Number(process.argv[2]), '127.0.0.1');
