"""WebSocket frames, right and wrong, over real sockets."""

import os
import struct

from belfry_test import (BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, Closed, SystemTest,
                         WebSocket, eventually, frame, tcp)

LIMIT = 65536  # max_message_bytes of the server under test
FRAGMENTS = 16


def close(code, reason=b""):
    return frame(CLOSE, struct.pack(">H", code) + reason)


# name: (frames, the close code that is right)
HOSTILE = {
    "reserved opcode 3": (frame(3, b"a"), 1002),
    "reserved opcode 11": (frame(11), 1002),
    "reserved opcode 15": (frame(15), 1002),
    "RSV1 without an extension": (frame(TEXT, b"a", rsv=4), 1002),
    "RSV2": (frame(TEXT, b"a", rsv=2), 1002),
    "RSV3 on a ping": (frame(PING, rsv=1), 1002),
    "unmasked text": (frame(TEXT, b"a", mask=b""), 1002),
    "unmasked empty": (frame(TEXT, b"", mask=b""), 1002),
    "unmasked ping": (frame(PING, b"", mask=b""), 1002),
    "fragmented ping": (frame(PING, fin=False), 1002),
    "ping of 126 bytes": (frame(PING, bytes(126)), 1002),
    "close of 126 bytes": (frame(CLOSE, b"\x03\xe8" + bytes(124)), 1002),
    "continuation of nothing": (frame(CONTINUATION, b"a"), 1002),
    "continuation after the end": (
        frame(TEXT, b"a", fin=False) + frame(CONTINUATION, b"b") + frame(CONTINUATION, b"c"), 1002),
    "text within a message": (frame(TEXT, b"a", fin=False) + frame(TEXT, b"b"), 1002),
    "binary within a message": (frame(TEXT, b"a", fin=False) + frame(BINARY, b"b"), 1002),
    "16-bit length for 5 bytes": (frame(BINARY, b"12345", form=16), 1002),
    "64-bit length for 5 bytes": (frame(BINARY, b"12345", form=64), 1002),
    "64-bit length for 65535 bytes": (frame(BINARY, bytes(65535), form=64), 1002),
    "64-bit length, top bit": (frame(BINARY, length=1 << 63, form=64), 1002),
    "64-bit length, all bits": (frame(BINARY, length=(1 << 64) - 1, form=64), 1002),
    "absurd length, nothing behind": (frame(BINARY, length=(1 << 63) - 1, form=64), 1009),
    "one byte over, from the header alone": (frame(BINARY, length=LIMIT + 1), 1009),
    "fragments over in sum": (
        frame(BINARY, bytes(LIMIT - 1), fin=False) + frame(CONTINUATION, b"ab", fin=False), 1009),
    "fragments whose sum overflows 64 bits": (
        frame(BINARY, b"ab", fin=False) +
        frame(CONTINUATION, length=(1 << 63) - 1, form=64), 1009),
    "too many empty fragments": (
        frame(TEXT, fin=False) + frame(CONTINUATION, fin=False) * (FRAGMENTS + 1), 1009),
    "too many tiny fragments": (
        frame(TEXT, b"a", fin=False) + frame(CONTINUATION, b"b", fin=False) * 1000, 1009),
    "close of one byte": (frame(CLOSE, b"\x03"), 1002),
    "close with 0": (close(0), 1002),
    "close with 999": (close(999), 1002),
    "close with 1004": (close(1004), 1002),
    "close with 1005": (close(1005), 1002),
    "close with 1006": (close(1006), 1002),
    "close with 1015": (close(1015), 1002),
    "close with 1016": (close(1016), 1002),
    "close with 2999": (close(2999), 1002),
    "close with 5000": (close(5000), 1002),
    "close with 65535": (close(65535), 1002),
    "close reason that is no text": (close(1000, b"\xff"), 1007),
    "close reason cut in a character": (close(1000, b"\xe2\x82"), 1007),
    "overlong slash": (frame(TEXT, b"\xc0\xaf"), 1007),
    "overlong in 3 bytes": (frame(TEXT, b"\xe0\x80\xaf"), 1007),
    "overlong in 4 bytes": (frame(TEXT, b"\xf0\x80\x80\xaf"), 1007),
    "surrogate": (frame(TEXT, b"\xed\xa0\x80"), 1007),
    "beyond U+10FFFF": (frame(TEXT, b"\xf4\x90\x80\x80"), 1007),
    "0xff": (frame(TEXT, b"hello \xff"), 1007),
    "a tail alone": (frame(TEXT, b"\x80"), 1007),
    "text that ends in a character": (frame(TEXT, b"\xe2\x82"), 1007),
    "fragments that end in a character": (
        frame(TEXT, b"\xe2", fin=False) + frame(CONTINUATION, b"\x82"), 1007),
    "bad text, before its message is complete": (frame(TEXT, b"ok \xff", fin=False), 1007),
    "bad text, before its frame is complete": (frame(TEXT, b"\xff\xff", length=100), 1007),
}

# Well-formed closes and what comes back.
CLOSES = {
    b"": 1005,
    struct.pack(">H", 1000): 1000,
    struct.pack(">H", 1001) + b"going": 1001,
    struct.pack(">H", 1011): 1011,
    struct.pack(">H", 3000): 3000,
    struct.pack(">H", 4999) + "grüße".encode(): 4999,
}


class Frames(SystemTest):
    options = {"max_message_bytes": LIMIT, "max_fragments": FRAGMENTS, "deflate": "off"}

    def test_hostile_frames_close_with_the_right_code(self):
        for name, (data, code) in HOSTILE.items():
            with self.subTest(name), WebSocket(self.server.port, "/echo") as peer:
                peer.send_raw(data)
                self.assertEqual(peer.close_code(), code)
                peer.at_end()
        self.assert_serves()

    def test_hostile_frames_byte_by_byte(self):
        for name, (data, code) in HOSTILE.items():
            if len(data) > 300:
                continue
            with self.subTest(name), WebSocket(self.server.port, "/echo") as peer:
                try:
                    for at in range(len(data)):
                        peer.send_raw(data[at:at + 1])
                except ConnectionError:
                    pass  # refused as early as the header allows
                self.assertIn(peer.close_code(), (code, None))

    def test_closes_are_echoed(self):
        for payload, code in CLOSES.items():
            with self.subTest(payload), WebSocket(self.server.port, "/echo") as peer:
                peer.send(CLOSE, payload)
                self.assertEqual(peer.close_code(), code)
                peer.at_end()

    def test_what_follows_a_close_is_ignored(self):
        with WebSocket(self.server.port, "/echo") as peer:
            peer.send_raw(close(1000) + frame(TEXT, b"more") + frame(3) + b"\xff" * 100)
            self.assertEqual(peer.close_code(), 1000)

    def test_lengths_at_every_form_come_back(self):
        with WebSocket(self.server.port, "/echo") as peer:
            for size in (0, 1, 125, 126, 127, 65535, LIMIT):
                payload = os.urandom(size)
                peer.send(BINARY, payload)
                self.assertEqual(peer.next_message(), (BINARY, payload))

    def test_every_cut_of_a_handshake_with_frames_behind_it(self):
        message = frame(TEXT, "grüße".encode()) + frame(PING, b"p") + close(1000)
        with WebSocket(self.server.port, "/echo") as model:
            head = model.request(self.server.port, "/echo", [])
        data = head + message
        for cut in [*range(0, len(head), 16), *range(len(head) - 4, len(data) + 1)]:
            with self.subTest(cut), tcp(self.server.port) as sock:
                peer = WebSocket.__new__(WebSocket)
                peer.sock, peer.received = sock, bytearray()
                sock.sendall(data[:cut])
                sock.sendall(data[cut:])
                while not peer.received.endswith(b"\r\n\r\n"):
                    peer.received += sock.recv(1)
                peer.received.clear()
                self.assertEqual(peer.next_message(), (TEXT, "grüße".encode()))
                self.assertEqual(peer.next_frame()[:2], (PONG, b"p"))
                self.assertEqual(peer.close_code(), 1000)

    def test_control_frames_between_fragments(self):
        with WebSocket(self.server.port, "/echo") as peer:
            peer.send(TEXT, b"one ", fin=False)
            peer.send(PING, b"are you there")
            peer.send(CONTINUATION, b"two")
            self.assertEqual(peer.next_frame()[:2], (PONG, b"are you there"))
            self.assertEqual(peer.next_message(), (TEXT, b"one two"))

    def test_a_pong_nobody_asked_for_is_fine(self):
        with WebSocket(self.server.port, "/echo") as peer:
            peer.send(PONG, b"hello")
            self.assertEqual(peer.echo("still open"), "still open")

    def test_a_message_left_unfinished_costs_only_its_connection(self):
        peers = [self.connect("/echo") for _ in range(50)]
        for peer in peers:
            peer.send(BINARY, bytes(60000), length=65000)
        self.assert_serves()


class Deadlines(SystemTest):
    options = {"close_timeout_ms": "200ms", "ping_interval_ms": "200ms", "ping_timeout_ms": "300ms"}

    def test_a_peer_that_never_answers_a_close_is_dropped(self):
        peer = self.connect("/echo")
        peer.send(TEXT, b"\xff")
        self.assertEqual(peer.close_code(), 1007)
        peer.at_end()

    def test_a_silent_peer_is_pinged_then_dropped(self):
        peer = self.connect("/echo")
        self.assertEqual(peer.next_frame()[0], PING)
        peer.at_end()  # no pong from us

    def test_a_peer_that_answers_stays(self):
        peer = self.connect("/echo")
        for _ in range(5):
            opcode, payload, _, _ = peer.next_frame()
            self.assertEqual(opcode, PING)
            peer.send(PONG, payload)
        self.assertEqual(peer.echo("here"), "here")


class PingFlood(SystemTest):
    options = {}

    def test_pings_from_a_peer_that_does_not_read_are_bounded(self):
        peer = self.connect("/echo", receive_buffer=4096)
        peer.echo("warm")
        before = self.server.resident_bytes()
        peer.sock.settimeout(0.5)
        flood = frame(PING, bytes(125)) * 500
        sent = 0
        try:
            while sent < 64 << 20:
                peer.send_raw(flood)
                sent += len(flood)
        except (TimeoutError, ConnectionError):
            pass  # it stopped reading from us, or dropped us: both are bounds
        self.assertLess(self.server.resident_bytes() - before, 32 << 20)
        self.assert_serves()

    def test_a_peer_that_reads_gets_its_pongs(self):
        peer = self.connect("/echo")
        for number in range(200):
            peer.send(PING, b"%d" % number)
            self.assertEqual(peer.next_frame()[:2], (PONG, b"%d" % number))


class Abrupt(SystemTest):
    """Any phase may end at any time: descriptors and counters return to where they were."""

    options = {"workers": 2}

    PHASES = {
        "after connect": b"",
        "in the head": b"GET /ws HTTP/1.1\r\nHost: a\r\nUpgr",
        "after a request": b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "in a body": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc",
        "in the upgrade": b"GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n"
                          b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                          b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    }

    def setUp(self):
        self.server.get("/metrics")
        eventually(self.is_quiet, "the server is quiet")
        self.descriptors = self.server.descriptor_count()

    def is_quiet(self):
        return self.server.metric(r"^belfry_connections\b") <= 1  # the one that asks

    def assert_back_to_normal(self):
        eventually(lambda: self.server.descriptor_count() <= self.descriptors,
                   "descriptors are back to where they were")
        eventually(self.is_quiet, "connections are back to where they were")
        self.assert_serves()

    def test_resets_in_every_phase_of_http(self):
        for name, data in self.PHASES.items():
            with self.subTest(name):
                for _ in range(100):
                    peer = WebSocket.__new__(WebSocket)
                    peer.sock = tcp(self.server.port)
                    if data:
                        peer.sock.sendall(data)
                    peer.reset()
                self.assert_back_to_normal()

    def test_resets_in_every_phase_of_a_websocket(self):
        phases = {
            "after the handshake": lambda peer: None,
            "in a frame's head": lambda peer: peer.send_raw(frame(TEXT, bytes(200))[:3]),
            "in a payload": lambda peer: peer.send_raw(frame(TEXT, bytes(200))[:50]),
            "in a message": lambda peer: peer.send(TEXT, b"a", fin=False),
            "after joining": lambda peer: peer.ask(type="join", room="abrupt"),
            "while joining": lambda peer: peer.send_json(type="join", room="abrupt"),
            "while a message comes back": lambda peer: (
                peer.send_json(type="join", room="abrupt"),
                peer.send_json(type="message", text="x" * 10000)),
            "in the close": lambda peer: peer.send(CLOSE, b"\x03\xe8"),
        }
        for name, act in phases.items():
            with self.subTest(name):
                for _ in range(30):
                    peer = WebSocket(self.server.port, "/ws")
                    act(peer)
                    peer.reset()
                self.assert_back_to_normal()

    def test_a_flood_of_connections_while_others_talk(self):
        member = self.connect("/echo")
        crowd = [tcp(self.server.port) for _ in range(500)]
        self.assertEqual(member.echo("through the crowd"), "through the crowd")
        for sock in crowd:
            sock.close()
        member.close()
        self.assert_back_to_normal()

    def test_fin_without_a_close_frame(self):
        peer = self.connect("/echo")
        peer.sock.shutdown(1)
        with self.assertRaises((Closed, ConnectionError)):
            while True:
                peer.next_message()
        peer.close()
        self.assert_back_to_normal()
