// The tutorial's chat server on npm's `ws`.   node ws-rooms.mjs PORT
//
// Its join and message cases are the tutorial's. Added for measuring: the reply to `join`, which
// tells the load generator that the member is in the room, and an `error` listener.
import { createServer } from 'node:http';
import { randomUUID } from 'node:crypto';
import { WebSocket, WebSocketServer } from 'ws';

const server = createServer();
const wss = new WebSocketServer({ server });

// Track connected clients by room
const rooms = new Map(); // roomId → Set<WebSocket>

wss.on('connection', (ws) => {
    ws.userId = randomUUID();

    ws.on('message', (rawMessage) => {
        const message = JSON.parse(rawMessage.toString());

        switch (message.type) {
            case 'join': {
                const room = rooms.get(message.room) ?? new Set();
                room.add(ws);
                rooms.set(message.room, room);
                ws.currentRoom = message.room;
                ws.send(JSON.stringify({ type: 'joined', room: message.room, members: room.size }));
                break;
            }
            case 'message': {
                // Broadcast to everyone in the same room
                const room = rooms.get(ws.currentRoom);
                if (!room) return;
                const payload = JSON.stringify({
                    type: 'message',
                    from: ws.userId,
                    text: message.text,
                    timestamp: Date.now(),
                });
                for (const client of room) {
                    if (client.readyState === WebSocket.OPEN) {
                        client.send(payload);
                    }
                }
                break;
            }
        }
    });

    ws.on('close', () => {
        const room = rooms.get(ws.currentRoom);
        room?.delete(ws);
    });
    ws.on('error', () => ws.terminate());
});

server.listen(Number(process.argv[2]), '127.0.0.1');
