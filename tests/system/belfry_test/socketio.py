"""A Socket.IO client of the standard library alone: Engine.IO 4 over polling or WebSocket, with
the upgrade between them; binary, acks, several namespaces on one connection, coming back.

    with SocketIO(port) as socket:
        socket.emit("join-room", "general")
        self.assertEqual(socket.next_event(), ("new-message", {"text": "hi"}))
        self.assertEqual(socket.call("sum", 1, 2), [3])

Nothing runs beside the caller: what comes is read when somebody waits for it.
"""

import base64
import collections
import json
import socket
import time
import urllib.parse

from .websocket import BINARY, TEXT, TIMEOUT, Closed, WebSocket, read_response, tcp

CONNECT, DISCONNECT, EVENT, ACK, CONNECT_ERROR, BINARY_EVENT, BINARY_ACK = range(7)
SEPARATOR = "\x1e"

Packet = collections.namedtuple("Packet", "type nsp id data")


class Refused(Exception):
    """CONNECT_ERROR: a middleware or the server said no; @data as the application gave it."""

    def __init__(self, answer):
        super().__init__(answer["message"])
        self.message = answer["message"]
        self.data = answer.get("data")


class HttpError(Exception):
    """A request was answered with anything but 200."""

    def __init__(self, status, headers, body):
        super().__init__(f"{status} {body!r}")
        self.status, self.headers, self.body = status, headers, body


# --- Engine.IO ------------------------------------------------------------------------------------

class Engine:
    """One session. Messages are str or bytes; pings are answered where they are met."""

    def __init__(self, port, transport="polling", path="/socket.io/", query=(), headers=(),
                 secure=False):
        self.port, self.path, self.headers, self.secure = port, path, headers, secure
        self.query = {**dict(query), "EIO": "4"}
        self.received = collections.deque()
        self.socket = None  # the WebSocket
        self.poller = None  # the connection of GET requests
        if transport == "websocket":
            self.socket = self._open_websocket()
            self.received.append(self.socket.next_message()[1].decode())
        else:
            self._poll()
        opened = self.received.popleft()
        assert opened[0] == "0", opened
        self.handshake = json.loads(opened[1:])
        self.query["sid"] = self.handshake["sid"]

    @property
    def sid(self):
        return self.handshake["sid"]

    def url(self, transport):
        return f"{self.path}?{urllib.parse.urlencode({**self.query, 'transport': transport})}"

    def _send_request(self, sock, method="GET", body=b""):
        lines = [f"{method} {self.url('polling')} HTTP/1.1", f"Host: 127.0.0.1:{self.port}",
                 *(f"{name}: {value}" for name, value in self.headers)]
        if method == "POST":
            lines += ["Content-Type: text/plain;charset=UTF-8", f"Content-Length: {len(body)}"]
        sock.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    def request(self, method="GET", body=b"", sock=None):
        """One polling request; its body. Raises HttpError unless it is answered 200."""
        used = sock or tcp(self.port, self.secure)
        try:
            self._send_request(used, method, body)
            status, self.response_headers, answer = read_response(used)
        finally:
            if sock is None:
                used.close()
        if status != 200:
            raise HttpError(status, self.response_headers, answer)
        return answer

    def _poll(self):
        self.poller = self.poller or tcp(self.port, self.secure)  # kept alive, as clients do
        self.received += self.request(sock=self.poller).decode().split(SEPARATOR)

    def _open_websocket(self):
        return WebSocket(self.port, self.url("websocket"), self.headers, self.secure)

    def upgrade(self):
        """From polling to WebSocket (engine.io-client does it unasked)."""
        websocket = self._open_websocket()
        websocket.send_text("2probe")
        answer = websocket.next_message()[1]
        assert answer == b"3probe", answer
        while "6" not in self.received:  # the poll that is under way is let go by a noop
            self._poll()
        self.received.remove("6")
        websocket.send_text("5")
        self.socket = websocket

    def send(self, *packets):
        """Whole packets, type digit included; bytes are binary messages."""
        if self.socket is None:
            coded = [p if isinstance(p, str) else "b" + base64.b64encode(p).decode()
                     for p in packets]
            self.request("POST", SEPARATOR.join(coded).encode())
            return
        for packet in packets:
            if isinstance(packet, str):
                self.socket.send_text(packet)
            else:
                self.socket.send(BINARY, packet)

    def next_packet(self):
        """The next packet as it came, type digit included."""
        while not self.received:
            if self.socket is None:
                self._poll()
            else:
                kind, payload = self.socket.next_message()
                self.received.append(payload.decode() if kind == TEXT else payload)
        packet = self.received.popleft()
        if isinstance(packet, str) and packet.startswith("b"):
            return base64.b64decode(packet[1:])
        return packet

    def next_message(self):
        """The next message; the server's pings, which it answers, do not put off its deadline."""
        end = time.monotonic() + TIMEOUT
        while True:
            packet = self.next_packet()
            if isinstance(packet, bytes):
                return packet
            if packet[0] == "4":
                return packet[1:]
            if time.monotonic() > end:
                raise TimeoutError("no message")
            if packet[0] == "2":
                self.send("3")
            elif packet[0] == "1":
                raise Closed(None, "packet 1")

    def lose(self):
        """Ends as if the network had gone, no packet, no close frame, and returns when the server
        knows. Over polling that takes a poll under way; read what has come before, or it goes
        with it."""
        if self.socket is None:
            self._send_request(self.poller)
        sock = self.socket.sock if self.socket is not None else self.poller
        try:
            sock.shutdown(socket.SHUT_WR)
            while sock.recv(1 << 16):
                pass
        except ConnectionError:
            pass
        self.close()

    def close(self):
        for sock in (self.socket and self.socket.sock, self.poller):
            if sock is not None:
                sock.close()


# --- Socket.IO ------------------------------------------------------------------------------------

def take_binary(value, parts):
    """@value with placeholders for its bytes, which are appended to @parts."""
    if isinstance(value, bytes):
        parts.append(value)
        return {"_placeholder": True, "num": len(parts) - 1}
    if isinstance(value, dict):
        return {name: take_binary(item, parts) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [take_binary(item, parts) for item in value]
    return value


def put_binary(value, parts):
    if isinstance(value, dict):
        if value.get("_placeholder") is True:
            return parts[value["num"]]
        return {name: put_binary(item, parts) for name, item in value.items()}
    if isinstance(value, list):
        return [put_binary(item, parts) for item in value]
    return value


def encode(packet):
    """@packet as Engine.IO messages."""
    parts = []
    data = take_binary(packet.data, parts)
    kind = packet.type + (3 if parts else 0)  # EVENT, ACK: their binary forms
    text = f"4{kind}" + (f"{len(parts)}-" if parts else "")
    text += f"{packet.nsp}," if packet.nsp != "/" else ""
    text += "" if packet.id is None else str(packet.id)
    text += "" if data is None else json.dumps(data, separators=(",", ":"))
    return [text, *parts]


def decode(text):
    """(packet, how many binary messages follow)."""
    kind, rest, count, nsp = int(text[0]), text[1:], 0, "/"
    if kind in (BINARY_EVENT, BINARY_ACK):
        number, _, rest = rest.partition("-")
        count = int(number)
    if rest.startswith("/"):
        nsp, _, rest = rest.partition(",")
    digits = len(rest) - len(rest.lstrip("0123456789"))
    number, rest = rest[:digits], rest[digits:]
    data = json.loads(rest) if rest else None
    return Packet(kind, nsp, int(number) if number else None, data), count


class SocketIO:
    """A socket in namespace @nsp. @engine shares the connection of another one; @back is the one
    that lost its connection and is to be recovered."""

    def __init__(self, port=None, nsp="/", auth=None, engine=None, back=None, **how):
        self.nsp, self.last_offset, self.ack_id = nsp, back and back.last_offset, 0
        self.is_shared = engine is not None
        self.engine = engine or Engine(port, **how)
        if not hasattr(self.engine, "queues"):
            self.engine.queues = collections.defaultdict(collections.deque)
        try:
            if back is not None:
                auth = {"pid": back.pid, "offset": back.last_offset, **(auth or {})}
            self.early = collections.deque()  # comes before the answer: what was missed
            self.send(CONNECT, auth)
            while (packet := self.next_packet()).type != CONNECT:
                if packet.type == CONNECT_ERROR:
                    raise Refused(packet.data)
                self.early.append(packet)
            self.id, self.pid = packet.data["sid"], packet.data.get("pid")
            self.is_recovered = back is not None and self.pid == back.pid
        except BaseException:
            if not self.is_shared:
                self.engine.close()
            raise

    def send(self, kind, data=None, number=None):
        self.engine.send(*encode(Packet(kind, self.nsp, number, data)))

    def next_packet(self):
        """The next packet of this namespace, its binary in place."""
        queue = self.engine.queues[self.nsp]
        while not queue:
            packet, count = decode(self.engine.next_message())
            parts = [self.engine.next_message() for _ in range(count)]
            if parts:
                packet = packet._replace(type=packet.type - 3, data=put_binary(packet.data, parts))
            self.engine.queues[packet.nsp].append(packet)
        return queue.popleft()

    # --- saying ---

    def emit(self, event, *args):
        self.send(EVENT, [event, *args])

    def ask(self, event, *args):
        """Emits; the id of the ack that is to come."""
        self.ack_id += 1
        self.send(EVENT, [event, *args], self.ack_id)
        return self.ack_id

    def call(self, event, *args):
        """Emits, and waits for the ack: its arguments. Events that come before it are kept."""
        number = self.ask(event, *args)
        while (packet := self.next_packet()).type != ACK or packet.id != number:
            self.early.append(packet)
        return packet.data

    def answer(self, packet, *args):
        self.send(ACK, list(args), packet.id)

    # --- hearing ---

    def next_event_packet(self):
        """The next EVENT; its `id` is to be answered if it is not None."""
        while True:
            packet = self.early.popleft() if self.early else self.next_packet()
            if packet.type == DISCONNECT:
                raise Closed(None, "io server disconnect")
            if packet.type == EVENT:
                if packet.data and isinstance(packet.data[-1], str):
                    self.last_offset = packet.data[-1]  # as the official client takes it
                return packet

    def next_event(self):
        """(event, argument...)."""
        return tuple(self.next_event_packet().data)

    def next_of(self, event):
        """The arguments of the next event of that name; skips others."""
        while (heard := self.next_event())[0] != event:
            pass
        return heard[1:]

    # --- going ---

    def disconnect(self):
        self.send(DISCONNECT)

    def lose(self):
        self.engine.lose()

    def close(self):
        if not self.is_shared:
            self.engine.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
