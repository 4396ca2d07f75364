// The room protocol on Bun, whose WebSocket server is uWebSockets.   bun bun-rooms.mjs PORT
//
// Rooms are Bun's own topics, its fastest way to reach many sockets. Messages carry the fields that
// Belfry's carry, so that both sides write about the same bytes.
let lastId = 0;

const server = Bun.serve({
    hostname: '127.0.0.1',
    port: Number(process.argv[2]),
    fetch(request, bun) {
        const data = { id: crypto.randomUUID().slice(0, 20), room: '' };
        return bun.upgrade(request, { data }) ? undefined : new Response('WebSocket only', { status: 400 });
    },
    websocket: {
        message(socket, raw) {
            const message = JSON.parse(raw);
            switch (message.type) {
                case 'join':
                    socket.subscribe(message.room);
                    socket.data.room = message.room;
                    socket.send(JSON.stringify({
                        type: 'joined',
                        room: message.room,
                        members: server.subscriberCount(message.room),
                    }));
                    break;
                case 'message': {
                    const room = message.room ?? socket.data.room;
                    const timestamp = Date.now();
                    const payload = {
                        type: 'message',
                        room,
                        id: `${timestamp}-${++lastId}`,
                        from: socket.data.id,
                        text: message.text,
                        timestamp,
                    };
                    server.publish(room, JSON.stringify(payload)); // the sender hears it too
                    break;
                }
            }
        },
    },
});
