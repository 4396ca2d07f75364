// An echo server on Bun, whose WebSocket server is uWebSockets.   bun bun-echo.mjs PORT
Bun.serve({
    hostname: '127.0.0.1',
    port: Number(process.argv[2]),
    fetch(request, server) {
        return server.upgrade(request) ? undefined : new Response('WebSocket only', { status: 400 });
    },
    websocket: {
        message(socket, data) {
            socket.send(data);
        },
    },
});
