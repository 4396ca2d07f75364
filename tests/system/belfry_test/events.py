"""A reader of event streams: WHATWG HTML 9.2.6 on a blocking socket, its headers shown."""

import json
import zlib

from .websocket import Closed, tcp


class Event:
    """One event as a client hears it: its name, its data, and the last id so far."""

    def __init__(self, name, data, last_id):
        self.name, self.data, self.id = name, data, last_id

    @property
    def json(self):
        return json.loads(self.data)

    def __repr__(self):
        return f"{self.name} {self.id} {self.data[:80]}"


class EventStream:
    """Follows @path; @last_id is what an EventSource says when it comes back."""

    def __init__(self, port, path, last_id=None, headers=(), gzip=False, secure=False,
                 receive_buffer=None):
        self.sock = tcp(port, secure=secure, receive_buffer=receive_buffer)
        lines = [f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", "Accept: text/event-stream"]
        lines += [f"Last-Event-ID: {last_id}"] if last_id else []
        lines += ["Accept-Encoding: gzip"] if gzip else []
        lines += [f"{name}: {value}" for name, value in headers]
        self.sock.sendall("\r\n".join(lines).encode() + b"\r\n\r\n")
        self.buffer = b""
        self.last_id, self.retry, self.comments = "", None, 0
        rest = self._read_head()
        self.is_chunked = "chunked" in self.headers.get("transfer-encoding", "")
        self.chunks = b""  # not cut up yet
        is_gzip = self.headers.get("content-encoding") == "gzip"
        self.inflater = zlib.decompressobj(31) if is_gzip else None
        self._take(rest)

    def _read_head(self):
        data = b""
        while b"\r\n\r\n" not in data:
            data += self._receive()
        head, _, rest = data.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        self.status = int(lines[0].split(" ")[1])
        self.headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            self.headers[name.strip().lower()] = value.strip()
        return rest

    def _receive(self):
        data = self.sock.recv(65536)
        if not data:
            raise Closed(None)
        return data

    def _take(self, data):
        if self.is_chunked:  # a proxy's
            data = self._dechunk(data)
        self.buffer += data if self.inflater is None else self.inflater.decompress(data)

    def _dechunk(self, data):
        self.chunks += data
        body = b""
        while b"\r\n" in self.chunks:
            size, _, rest = self.chunks.partition(b"\r\n")
            size = int(size, 16)
            if size == 0:
                raise Closed(None)
            if len(rest) < size + 2:
                break
            body, self.chunks = body + rest[:size], rest[size + 2:]
        return body

    def _next_block(self):
        while b"\n\n" not in self.buffer:
            self._take(self._receive())
        block, _, self.buffer = self.buffer.partition(b"\n\n")
        return block.decode()

    def next(self):
        """The next event; comments, `retry:` and blocks without data are taken note of."""
        while True:
            name, data = "message", None
            for line in self._next_block().split("\n"):
                field, _, value = line.partition(":")
                value = value.removeprefix(" ")
                if field == "":
                    self.comments += 1
                elif field == "id":
                    self.last_id = value
                elif field == "event":
                    name = value
                elif field == "retry":
                    self.retry = int(value)
                elif field == "data":
                    data = value if data is None else f"{data}\n{value}"
            if data is not None:
                return Event(name, data, self.last_id)

    def next_of(self, *names):
        """The next event of one of @names; others in between are skipped."""
        while (event := self.next()).name not in names:
            pass
        return event

    def texts(self, count):
        """The texts of the next @count messages."""
        return [self.next_of("message").json["text"] for _ in range(count)]

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
