// socket.io on Bun, with the engine made for it.   bun sio-bun.mjs PORT
import { Server as Engine } from '@socket.io/bun-engine';
import { Server } from 'socket.io';
import { serve } from './sio-events.mjs';

const io = new Server();
const engine = new Engine({ path: '/socket.io/' });
io.bind(engine);
serve(io);
Bun.serve({ hostname: '127.0.0.1', port: Number(process.argv[2]), ...engine.handler() });
