"""HTTP as a browser and a proxy use it: keep-alive, pipelining, static files, methods."""

import os
import pathlib
import tempfile

from belfry_test import Closed, SystemTest, read_response, tcp
from belfry_test.websocket import TEXT, frame


def request(path, *lines, method="GET"):
    head = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", *lines]
    return "\r\n".join(head).encode() + b"\r\n\r\n"


class Connections(SystemTest):
    options = {}

    def test_keep_alive_serves_one_after_the_other(self):
        with tcp(self.server.port) as sock:
            for _ in range(5):
                sock.sendall(request("/healthz"))
                self.assertEqual(read_response(sock)[0], 200)

    def test_pipelined_requests_are_answered_in_order(self):
        paths = ["/healthz", "/no-such-page", "/readyz", "/"] * 10
        with tcp(self.server.port) as sock:
            sock.sendall(b"".join(request(path) for path in paths))
            statuses = [read_response(sock)[0] for _ in paths]
        self.assertEqual(statuses, [200, 404, 200, 200] * 10)

    def test_an_upgrade_behind_responses_that_wait_keeps_the_order(self):
        upgrade = request("/ws", "Upgrade: websocket", "Connection: Upgrade",
                          "Sec-WebSocket-Version: 13",
                          "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")
        for count in (1, 20, 300):
            with tcp(self.server.port, receive_buffer=2048) as sock:
                sock.sendall(request("/") * count + upgrade +
                             frame(TEXT, b'{"type":"ping"}'))
                data = b""
                while b'"pong"' not in data:
                    more = sock.recv(1 << 20)
                    self.assertTrue(more, "closed")
                    data += more
                self.assertEqual(data.count(b"HTTP/1.1 200 OK"), count)
                self.assertLess(data.rindex(b"HTTP/1.1 200 OK"), data.index(b"HTTP/1.1 101 "))
                self.assertLess(data.index(b"HTTP/1.1 101 "), data.index(b'"welcome"'))

    def test_connection_close_is_honoured(self):
        with tcp(self.server.port) as sock:
            sock.sendall(request("/healthz", "Connection: close"))
            status, headers, _ = read_response(sock)
            self.assertEqual((status, headers["connection"].lower()), (200, "close"))
            self.assertEqual(sock.recv(1), b"")

    def test_http_1_0_closes(self):
        with tcp(self.server.port) as sock:
            sock.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
            self.assertEqual(read_response(sock)[0], 200)
            self.assertEqual(sock.recv(1), b"")

    def test_a_body_is_not_the_next_request(self):
        body = request("/healthz")
        with tcp(self.server.port) as sock:
            head = request("/no-such-page", f"Content-Length: {len(body)}", method="POST")
            sock.sendall(head + body)
            self.assertIn(read_response(sock)[0], {404, 405})
            try:
                sock.sendall(request("/no-such-page"))
                self.assertEqual(read_response(sock)[0], 404)
            except (Closed, ConnectionError):
                pass  # closing after a refusal is right too; answering the body is not

    def test_a_chunked_body_is_read_past(self):
        with tcp(self.server.port) as sock:
            head = request("/no-such-page", "Transfer-Encoding: chunked", method="POST")
            sock.sendall(head + b"3;a=b\r\nabc\r\n0\r\nA: b\r\n\r\n")
            self.assertIn(read_response(sock)[0], {404, 405})

    def test_methods(self):
        status, headers, _ = self.server.get("/healthz", method="DELETE")
        self.assertEqual(status, 405)
        self.assertIn("GET", headers["allow"])
        self.assertEqual(self.server.get("/no-such-page")[0], 404)
        self.assertIn(self.server.get("/healthz", method="BREW")[0], {405, 501})

    def test_a_plain_get_of_a_websocket_path_says_so(self):
        status, headers, body = self.server.get("/ws")
        self.assertEqual(status, 426)
        self.assertEqual(headers["upgrade"].lower(), "websocket")
        self.assertGreater(len(body), 10)

    def test_the_demo_page_is_there(self):
        status, headers, body = self.server.get("/")
        self.assertEqual(status, 200)
        self.assertTrue(headers["content-type"].startswith("text/html"))
        self.assertIn(b"<html", body.lower())
        self.assertEqual(headers["x-content-type-options"], "nosniff")

    def test_an_idle_connection_is_closed(self):
        server = self.start(keep_alive_timeout_ms="200ms")
        with tcp(server.port) as sock:
            sock.sendall(request("/healthz"))
            self.assertEqual(read_response(sock)[0], 200)
            self.assertEqual(sock.recv(1), b"")


TRAVERSALS = [
    "/../secret.txt", "/a/../../secret.txt", "/%2e%2e/secret.txt", "/..%2fsecret.txt",
    "/%2e%2e%2fsecret.txt", "/..%5csecret.txt", "/..\\secret.txt", "/%252e%252e/secret.txt",
    "/a/%2e%2e/%2e%2e/secret.txt", "/%c0%ae%c0%ae/secret.txt", "/index.html%00.txt", "/%00",
    "//secret.txt", "/./../secret.txt", "/link.txt", "/linked/secret.txt", "/.hidden",
    "/.git/config", "/%2ehidden", "/a/.hidden", "/....//secret.txt", "/%", "/%4", "/%zz",
]


class StaticFiles(SystemTest):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        base = pathlib.Path(cls.folder.name)
        root = base / "root"
        (root / "a").mkdir(parents=True)
        (root / ".git").mkdir()
        (base / "secret.txt").write_text("secret")
        for hidden in (root / ".hidden", root / "a/.hidden", root / ".git/config"):
            hidden.write_text("secret")
        (root / "index.html").write_text("<!doctype html><html>home</html>")
        (root / "a/page.css").write_text("a{}")
        (root / "a/with space.txt").write_text("blank")
        (root / "big.bin").write_bytes(bytes(range(256)) * 16384)
        (root / "empty.txt").write_text("")
        os.symlink(base / "secret.txt", root / "link.txt")
        os.symlink(base, root / "linked")
        cls.options = {"demo": False, "static_dir": str(root)}
        super().setUpClass()

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.folder.cleanup()

    def test_files_and_types(self):
        for path, kind, size in [("/", "text/html", 32), ("/index.html", "text/html", 32),
                                 ("/a/page.css", "text/css", 3), ("/empty.txt", "text/plain", 0),
                                 ("/a/with%20space.txt", "text/plain", 5),
                                 ("/index.html?v=1", "text/html", 32),
                                 ("/big.bin", "application/octet-stream", 4 << 20)]:
            with self.subTest(path):
                status, headers, body = self.server.get(path)
                self.assertEqual((status, len(body)), (200, size))
                self.assertTrue(headers["content-type"].startswith(kind), headers)

    def test_nothing_outside_the_root_and_nothing_hidden(self):
        for path in TRAVERSALS:
            with self.subTest(path):
                status, _, body = self.server.get(path)
                self.assertIn(status, {400, 403, 404})
                self.assertNotIn(b"secret", body)

    def test_etag_answers_304(self):
        _, headers, _ = self.server.get("/index.html")
        tag = headers["etag"]
        for value in (tag, f'"other", {tag}', "*", f"W/{tag.removeprefix('W/')}"):
            status, again, body = self.server.get("/index.html", [("If-None-Match", value)])
            self.assertEqual((status, body), (304, b""))
            self.assertEqual(again["etag"], tag)
        self.assertEqual(self.server.get("/index.html", [("If-None-Match", '"other"')])[0], 200)

    def test_head_tells_the_size(self):
        status, headers, body = self.server.get("/big.bin", method="HEAD")
        self.assertEqual((status, headers["content-length"], body), (200, str(4 << 20), b""))

    def test_a_reader_that_leaves_in_the_middle(self):
        for _ in range(20):
            with tcp(self.server.port, receive_buffer=4096) as sock:
                sock.sendall(request("/big.bin"))
                sock.recv(1000)
        self.assertEqual(self.server.get("/healthz")[0], 200)
