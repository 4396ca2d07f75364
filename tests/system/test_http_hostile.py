"""Hostile request heads over real sockets: each gets one answer and an end."""

import os
import time

from belfry_test import Closed, SystemTest, read_response, tcp

HOST = b"Host: 127.0.0.1\r\n"


def get(*lines, target=b"/healthz", host=HOST, end=b"\r\n"):
    return b"GET " + target + b" HTTP/1.1\r\n" + host + b"".join(lines) + end


def post(*lines, body=b""):
    return b"POST /healthz HTTP/1.1\r\n" + HOST + b"".join(lines) + b"\r\n" + body


def chunked(body, coding=b"chunked"):
    return post(b"Transfer-Encoding: " + coding + b"\r\n", body=body)


LAST = b"0\r\n\r\n"  # the last chunk

# name: (bytes, the statuses that are right); None is a bare close. The connection must end. Where
# only the body is wrong, 405 is right too: the head alone was enough to refuse it.
HEADS = {
    "line feed alone": (b"GET /healthz HTTP/1.1\n" + HOST + b"\r\n", {400}),
    "line feed after a field": (get(b"A: b\n", b"C: d\r\n"), {400}),
    "carriage return in a value": (get(b"A: b\rc\r\n"), {400}),
    "obs-fold": (get(b"A: b\r\n c\r\n"), {400}),
    "blank before the first field": (get(host=b" " + HOST), {400}),
    "blank before the colon": (get(b"A : b\r\n"), {400}),
    "no colon": (get(b"nonsense\r\n"), {400}),
    "empty field name": (get(b": b\r\n"), {400}),
    "blank in a field name": (get(b"A B: c\r\n"), {400}),
    "NUL in a value": (get(b"A: b\0c\r\n"), {400}),
    "NUL in a name": (get(b"A\0: b\r\n"), {400}),
    "control character in a value": (get(b"A: b\x01c\r\n"), {400}),
    "control character in the target": (get(target=b"/a\x01"), {400}),
    "blank in the target": (get(target=b"/a b"), {400}),
    "two blanks": (b"GET  /healthz HTTP/1.1\r\n" + HOST + b"\r\n", {400}),
    "tab between": (b"GET\t/healthz\tHTTP/1.1\r\n" + HOST + b"\r\n", {400}),
    "no target": (b"GET HTTP/1.1\r\n" + HOST + b"\r\n", {400}),
    "relative target": (get(target=b"healthz"), {400}),
    "no version": (b"GET /healthz\r\n" + HOST + b"\r\n", {400}),
    "version 2.0": (b"GET /healthz HTTP/2.0\r\n" + HOST + b"\r\n", {400, 505}),
    "version 1.10": (b"GET /healthz HTTP/1.10\r\n" + HOST + b"\r\n", {400, 505}),
    "lower-case version": (b"GET /healthz http/1.1\r\n" + HOST + b"\r\n", {400}),
    "HTTP/2 preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", {400, 405, 501, 505}),
    "TLS to a plain port": (
        bytes.fromhex("1603010200010001fc0303") + bytes(64), {400, 408, None}),
    "binary rubbish": (bytes(range(128, 256)) * 8 + b"\r\n\r\n", {400, 414}),
    "method with a bracket": (b"GE[T /healthz HTTP/1.1\r\n" + HOST + b"\r\n", {400}),
    "no Host": (get(host=b""), {400}),
    "two Hosts": (get(HOST), {400}),
    "Host with a blank": (get(host=b"Host: a b\r\n"), {400}),
    "Host list": (get(host=b"Host: a, b\r\n"), {400}),
    "Host with user": (get(host=b"Host: u@a\r\n"), {400}),
    "two Content-Lengths that differ": (
        post(b"Content-Length: 1\r\n", b"Content-Length: 2\r\n", body=b"ab"), {400}),
    "two equal Content-Lengths": (
        post(b"Content-Length: 1\r\n", b"Content-Length: 1\r\n", body=b"a"), {400}),
    "Content-Length list": (post(b"Content-Length: 1, 1\r\n", body=b"a"), {400}),
    "Content-Length +1": (post(b"Content-Length: +1\r\n", body=b"a"), {400}),
    "Content-Length -1": (post(b"Content-Length: -1\r\n"), {400}),
    "Content-Length 0x1": (post(b"Content-Length: 0x1\r\n", body=b"a"), {400}),
    "Content-Length 1 2": (post(b"Content-Length: 1 2\r\n", body=b"a"), {400}),
    "Content-Length empty": (post(b"Content-Length:\r\n"), {400}),
    "Content-Length beyond 64 bits": (
        post(b"Content-Length: 18446744073709551617\r\n"), {400, 413}),
    "Content-Length over the limit": (post(b"Content-Length: 99999999999\r\n"), {413}),
    "length and chunked": (
        post(b"Content-Length: 4\r\n", b"Transfer-Encoding: chunked\r\n", body=LAST), {400}),
    "chunked twice": (chunked(coding=b"chunked, chunked", body=LAST), {400, 501}),
    "chunked not last": (chunked(coding=b"chunked, identity", body=LAST), {400, 501}),
    "unknown coding": (chunked(coding=b"xchunked", body=LAST), {400, 501}),
    "coding with vertical tab": (chunked(coding=b"\x0bchunked", body=LAST), {400}),
    "chunked in HTTP/1.0": (
        b"POST /healthz HTTP/1.0\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n" + LAST, {400}),
    "chunk size with a sign": (chunked(b"+1\r\na\r\n0\r\n\r\n"), {400, 405}),
    "chunk size empty": (chunked(b"\r\n\r\n"), {400, 405}),
    "chunk size 0x": (chunked(b"0x1\r\na\r\n0\r\n\r\n"), {400, 405}),
    "chunk size beyond 64 bits": (
        chunked(b"10000000000000001\r\na\r\n"), {400, 405, 413}),
    "chunk without its line end": (chunked(b"1\r\nabc\r\n0\r\n\r\n"), {400, 405}),
    "chunk line ended by LF": (chunked(b"1\na\r\n0\r\n\r\n"), {400, 405}),
    "endless chunk extension": (
        chunked(b"1;" + b"a" * 100000), {400, 405, 413, 431}),
    "endless trailers": (
        chunked(b"0\r\n" + b"A: b\r\n" * 20000), {400, 405, 413, 431}),
    "huge target": (get(target=b"/" + b"a" * 100000), {414}),
    "endless request line": (b"GET /" + b"a" * 100000, {414}),
    "endless method": (b"A" * 100000, {400, 414, 501}),
    "huge field": (get(b"A: " + b"b" * 100000 + b"\r\n"), {431}),
    "endless field": (get(b"A: " + b"b" * 100000, end=b""), {431}),
    "very many fields": (get(*[b"A: b\r\n"] * 1000), {431}),
    "only empty lines": (b"\r\n" * 20000, {400, 414, 431, None}),
}

UPGRADE = {
    "Host": "127.0.0.1", "Upgrade": "websocket", "Connection": "Upgrade",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version": "13",
}

# name: (changed fields; None leaves one out, a list repeats it), the statuses that are right
UPGRADES = {
    "as it should be": ({}, {101}),
    "Connection as a list": ({"Connection": "keep-alive, Upgrade"}, {101}),
    "Upgrade in capitals": ({"Upgrade": "WebSocket"}, {101}),
    "Upgrade as a list": ({"Upgrade": "h2c, websocket"}, {101}),
    "no key": ({"Sec-WebSocket-Key": None}, {400}),
    "short key": ({"Sec-WebSocket-Key": "AAAA"}, {400}),
    "key that is no base64": ({"Sec-WebSocket-Key": "*GhlIHNhbXBsZSBub25jZQ=="}, {400}),
    "key of 24 letters": ({"Sec-WebSocket-Key": "A" * 24}, {400}),
    "two keys": ({"Sec-WebSocket-Key": ["dGhlIHNhbXBsZSBub25jZQ=="] * 2}, {400}),
    "no version": ({"Sec-WebSocket-Version": None}, {400, 426}),
    "version 8": ({"Sec-WebSocket-Version": "8"}, {426}),
    "version 013": ({"Sec-WebSocket-Version": "013"}, {400, 426}),
    "version 13x": ({"Sec-WebSocket-Version": "13x"}, {400, 426}),
    "version +13": ({"Sec-WebSocket-Version": "+13"}, {400, 426}),
    "two versions": ({"Sec-WebSocket-Version": ["13", "13"]}, {400, 426}),
    "no Upgrade": ({"Upgrade": None}, {400, 426}),
    "Upgrade to a substring": ({"Upgrade": "websockets"}, {400, 426}),
    "no Connection": ({"Connection": None}, {400, 426}),
    "Connection to a substring": ({"Connection": "Upgrades"}, {400, 426}),
    "no Host": ({"Host": None}, {400}),
}


def upgrade(changes, method="GET", version="1.1", path="/echo"):
    lines = [f"{method} {path} HTTP/{version}"]
    for name, value in {**UPGRADE, **changes}.items():
        values = value if isinstance(value, list) else [value]
        lines += [f"{name}: {v}" for v in values if v is not None]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


class HostileHeads(SystemTest):
    options = {"handshake_timeout_ms": "2s", "body_timeout_ms": "2s"}

    def test_every_hostile_head_is_refused_and_its_connection_ends(self):
        for name, (data, statuses) in HEADS.items():
            with self.subTest(name):
                status, sock = self.send_raw(data)
                self.assertIn(status, statuses)
                self.assert_ends(sock)
                sock.close()
        self.assert_serves()

    def test_every_hostile_head_byte_by_byte(self):
        for name, (data, statuses) in HEADS.items():
            if len(data) > 400:
                continue
            with self.subTest(name), tcp(self.server.port) as sock:
                try:
                    for at in range(len(data)):
                        sock.sendall(data[at:at + 1])
                    status = read_response(sock)[0]
                except (Closed, ConnectionError):
                    continue  # refused before we were done: a reset may overtake the answer
                self.assertIn(status, statuses)

    def test_upgrade_verdicts(self):
        for name, (changes, statuses) in UPGRADES.items():
            with self.subTest(name):
                status, sock = self.send_raw(upgrade(changes))
                self.assertIn(status, statuses)
                sock.close()
        self.assert_serves()

    def test_426_names_the_version(self):
        with tcp(self.server.port) as sock:
            sock.sendall(upgrade({"Sec-WebSocket-Version": "12"}))
            status, headers, _ = read_response(sock)
        self.assertEqual((status, headers["sec-websocket-version"]), (426, "13"))

    def test_upgrade_needs_get_and_http_1_1(self):
        self.assertIn(self.send_raw(upgrade({}, method="POST"))[0], {400, 405, 426})
        self.assertIn(self.send_raw(upgrade({}, version="1.0"))[0], {400, 426})

    def test_a_refused_upgrade_names_a_reason_in_its_body(self):
        with tcp(self.server.port) as sock:
            sock.sendall(upgrade({"Sec-WebSocket-Key": None}))
            self.assertGreater(len(read_response(sock)[2]), 10)

    def test_nothing_behind_an_ambiguous_head_is_served(self):
        smuggled = get(target=b"/metrics")
        data = post(b"Content-Length: 4\r\n", b"Transfer-Encoding: chunked\r\n",
                    body=LAST + smuggled)
        _, sock = self.send_raw(data)
        left = b""
        try:
            while more := sock.recv(65536):
                left += more
        except ConnectionError:
            pass
        self.assertNotIn(b"belfry_", left)


class SlowHeads(SystemTest):
    options = {"handshake_timeout_ms": "300ms"}

    def test_a_dribbled_head_has_one_deadline(self):
        with tcp(self.server.port) as sock:
            sock.settimeout(0.02)
            end = time.monotonic() + 30
            try:
                sock.sendall(b"GET /healthz HTTP/1.1\r\nA: ")
                while time.monotonic() < end:
                    sock.sendall(b"b")  # would restart a careless timer each time
                    try:
                        answer = sock.recv(4096)
                    except TimeoutError:
                        continue
                    if answer:
                        self.assertTrue(answer.startswith(b"HTTP/1.1 408 "), answer)
                    break
                else:
                    self.fail("still open after 30 s")
            except ConnectionError:
                pass

    def test_a_silent_connection_is_dropped(self):
        with tcp(self.server.port) as sock:
            self.assert_ends(sock)
        self.assert_serves()

    def test_others_are_served_meanwhile(self):
        slow = [tcp(self.server.port) for _ in range(50)]
        for sock in slow:
            self.addCleanup(sock.close)
            sock.sendall(b"GET / HTTP/1.1\r\n")
        self.assert_serves()


class SlowBodies(SystemTest):
    options = {"body_timeout_ms": "300ms"}

    def test_a_body_that_never_comes_is_given_up(self):
        status, sock = self.send_raw(post(b"Content-Length: 100\r\n", body=b"a"))
        self.assertIn(status, {404, 405, 408})
        self.assert_ends(sock)


class SmallLimits(SystemTest):
    options = {"max_head_bytes": 1024, "max_headers": 10}

    def test_limits_hold_at_the_byte(self):
        self.assertEqual(self.send_raw(get(b"A: " + b"b" * 700 + b"\r\n"))[0], 200)
        self.assertEqual(self.send_raw(get(b"A: " + b"b" * 1024 + b"\r\n"))[0], 431)
        self.assertEqual(self.send_raw(get(*[b"A: b\r\n"] * 9))[0], 200)
        self.assertEqual(self.send_raw(get(*[b"A: b\r\n"] * 10))[0], 431)

    def test_random_bytes_crash_nothing(self):
        for _ in range(100):
            with tcp(self.server.port) as sock:
                try:
                    sock.sendall(os.urandom(300) + b"\r\n\r\n")
                except ConnectionError:
                    pass
        self.assert_serves()
