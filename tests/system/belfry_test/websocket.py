"""A WebSocket client that can misbehave: RFC 6455 on a blocking socket, nothing hidden."""

import base64
import hashlib
import json
import os
import socket
import ssl
import struct

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TIMEOUT = float(os.environ.get("BELFRY_TEST_DEADLINE", "30"))


class Closed(Exception):
    """The peer ended the connection: @code of its close frame, or None for none."""

    def __init__(self, code, reason=""):
        super().__init__(f"closed with {code} {reason!r}")
        self.code = code
        self.reason = reason


def tcp(port, secure=False, receive_buffer=None):
    """A connected socket to 127.0.0.1; nothing waits on it for ever."""
    sock = socket.socket()
    if receive_buffer:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    sock.settimeout(TIMEOUT)
    try:
        sock.connect(("127.0.0.1", port))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if secure:
            context = ssl.create_default_context()
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            sock = context.wrap_socket(sock, server_hostname="localhost")
    except BaseException:
        sock.close()
        raise
    return sock


def read_response(sock, method="GET"):
    """One response: (status, {lower-case name: value}, body); repeated fields join with commas."""
    data = read_until(sock, b"\r\n\r\n")
    head, _, rest = data.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    status = int(lines[0].split(" ")[1])
    headers = {}
    for line in lines[1:]:
        name, _, value = line.partition(":")
        name = name.strip().lower()
        headers[name] = f"{headers[name]}, {value.strip()}" if name in headers else value.strip()
    size = int(headers.get("content-length", 0))
    if method == "HEAD" or status in (101, 204, 304):
        size = 0
    while len(rest) < size:  # no more than that: the next response is not ours
        more = sock.recv(size - len(rest))
        if not more:
            raise Closed(None, "in the middle of a body")
        rest += more
    return status, headers, rest[:size] if status != 101 else rest


def read_until(sock, mark):
    """Bytes up to and including @mark; one at a time, so that nothing behind it is swallowed."""
    data = bytearray()
    while not data.endswith(mark):
        byte = sock.recv(1)
        if not byte:
            raise Closed(None, f"after {bytes(data)!r}")
        data += byte
    return bytes(data)


def frame(opcode, payload=b"", fin=True, rsv=0, mask=b"\x12\x34\x56\x78", length=None, form=None):
    """The bytes of a frame. @length lies about the size, @form (7, 16, 64) picks its form."""
    size = len(payload) if length is None else length
    form = form or (7 if size < 126 else 16 if size < 65536 else 64)
    head = bytearray([(0x80 if fin else 0) | rsv << 4 | opcode])
    marker = {7: size, 16: 126, 64: 127}[form]
    head.append((0x80 if mask else 0) | marker)
    head += {7: b"", 16: struct.pack(">H", size & 0xFFFF), 64: struct.pack(">Q", size)}[form]
    if not mask:
        return bytes(head) + payload
    return bytes(head) + mask + masked(payload, mask)


def masked(payload, mask):
    if not payload:
        return b""
    repeated = (mask * (len(payload) // 4 + 1))[:len(payload)]
    size = len(payload)
    return (int.from_bytes(payload, "big") ^ int.from_bytes(repeated, "big")).to_bytes(size, "big")


class WebSocket:
    """An open WebSocket. @headers are (name, value) pairs added to the handshake."""

    def __init__(self, port, path="/ws", headers=(), secure=False, receive_buffer=None, sock=None):
        self.sock = sock or tcp(port, secure, receive_buffer)
        self.received = bytearray()
        try:
            self.sock.sendall(self.request(port, path, headers))
            self.status, self.headers, early = read_response(self.sock)
            if self.status != 101:
                raise AssertionError(f"handshake refused: {self.status} {self.headers} {early!r}")
            want = base64.b64encode(hashlib.sha1(self.key + GUID).digest()).decode()
            assert self.headers["sec-websocket-accept"] == want, self.headers
            self.received += early
        except BaseException:
            self.sock.close()
            raise

    def request(self, port, path, headers):
        self.key = base64.b64encode(os.urandom(16))
        lines = [f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", "Upgrade: websocket",
                 "Connection: Upgrade", f"Sec-WebSocket-Key: {self.key.decode()}",
                 "Sec-WebSocket-Version: 13", *(f"{name}: {value}" for name, value in headers)]
        return "\r\n".join(lines).encode() + b"\r\n\r\n"

    # --- sending ---

    def send(self, opcode, payload=b"", **how):
        self.sock.sendall(frame(opcode, payload, **how))

    def send_raw(self, data):
        self.sock.sendall(data)

    def send_text(self, text):
        self.send(TEXT, text.encode())

    def send_json(self, **fields):
        self.send_text(json.dumps(fields))

    # --- receiving ---

    def _take(self, size):
        while len(self.received) < size:
            more = self.sock.recv(1 << 18)
            if not more:
                raise Closed(None)
            self.received += more
        taken = bytes(self.received[:size])
        del self.received[:size]
        return taken

    def next_frame(self):
        """(opcode, payload, fin, rsv) of the next frame."""
        first, second = self._take(2)
        assert not second & 0x80, "a server does not mask"
        size = second & 0x7F
        if size == 126:
            size, = struct.unpack(">H", self._take(2))
        elif size == 127:
            size, = struct.unpack(">Q", self._take(8))
        return first & 0x0F, self._take(size), bool(first & 0x80), first >> 4 & 7

    def next_message(self):
        """(opcode, payload) of the next message; answers pings; raises Closed at a close frame."""
        kind, whole = None, b""
        while True:
            opcode, payload, fin, _ = self.next_frame()
            if opcode == PING:
                self.send(PONG, payload)
            elif opcode == CLOSE:
                code = struct.unpack(">H", payload[:2])[0] if payload else 1005
                raise Closed(code, payload[2:].decode())
            elif opcode != PONG:
                kind = opcode if kind is None else kind
                whole += payload
                if fin:
                    return kind, whole

    def next_json(self):
        return json.loads(self.next_message()[1])

    def next_of(self, *types):
        """The next JSON message of one of @types; others in between are skipped."""
        while True:
            message = self.next_json()
            if message["type"] in types:
                return message

    def ask(self, **fields):
        """Sends a request with a ref and returns its reply, skipping what comes in between."""
        self.refs = getattr(self, "refs", 0) + 1
        ref = f"r{self.refs}"
        self.send_json(ref=ref, **fields)
        while True:
            message = self.next_json()
            if message.get("ref") == ref:
                return message

    def echo(self, text):
        """Sends @text to /echo and returns what came back."""
        self.send_text(text)
        return self.next_message()[1].decode()

    # --- ending ---

    def close_code(self):
        """Reads to the end: the code of the server's close frame, None when there was none."""
        try:
            while True:
                self.next_message()
        except Closed as closed:
            return closed.code
        except ConnectionError:
            return None

    def at_end(self):
        """True once the server has closed TCP; skips what still comes."""
        try:
            while self.sock.recv(1 << 18):
                pass
        except ConnectionError:
            pass
        return True

    def reset(self):
        """Ends with RST instead of FIN."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
