// The events that both Socket.IO peers serve; Belfry's answer to them are bench/sio_server.c (echo, ack) and the default
// application of `belfry serve` (rooms).
export function serve(io) {
    io.on('connection', (socket) => {
        socket.on('echo', (text) => socket.emit('echo', text));
        socket.on('ack', (text, reply) => reply(text));
        socket.on('join-room', (room, reply) => {
            socket.join(room);
            reply({ room });
        });
        socket.on('send-message', ({ roomId, text }, reply) => {
            io.to(roomId).emit('new-message', { from: socket.id, text, timestamp: Date.now(), room: roomId });
            reply?.({ room: roomId });
        });
    });
}
