// An event stream on Node's own http, and who publishes into it.   node sse-node.mjs PORT
import { createServer } from 'node:http';

const readers = new Set();
let id = 0;

const server = createServer((request, response) => {
    if (request.method === 'GET') {
        response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
        response.flushHeaders();
        readers.add(response);
        response.on('close', () => readers.delete(response));
        return;
    }
    let body = '';
    request.setEncoding('utf8').on('data', (text) => (body += text)).on('end', () => {
        const { text } = JSON.parse(body);
        const event = `id: ${++id}\nevent: message\ndata: ${JSON.stringify({ type: 'message', room: 'bench', id: String(id), text, timestamp: Date.now() })}\n\n`;
        for (const reader of readers) reader.write(event);
        response.writeHead(200, { 'Content-Type': 'application/json' });
        response.end(JSON.stringify({ id }));
    });
});
server.keepAliveTimeout = 0;
server.listen(Number(process.argv[2]), '127.0.0.1');
