"""Every example runs, and does what its first lines promise: it takes its address as its first
argument, serves, and stops."""

import pathlib
import re
import subprocess
import unittest

from belfry_test import BINARY, Server, WebSocket, binary, free_port

EXAMPLES = pathlib.Path(binary()).parent / "examples"
ROOT = pathlib.Path(__file__).resolve().parents[2]
SOURCES = ROOT / "examples"


class Examples(unittest.TestCase):
    def test_each_is_built(self):
        self.assertGreater(len(self.sources()), 0)
        for source in self.sources():
            self.assertTrue((EXAMPLES / source.stem).exists(), f"{source} is not built")

    def test_each_serves_and_ends_with_0(self):
        for source in self.sources():
            with self.subTest(source.name):
                port = free_port()
                server = Server(demo=False, port=port,
                                program=[str(EXAMPLES / source.stem), f"127.0.0.1:{port}"])
                try:
                    server.get("/")
                    self.assertEqual(server.stop(), 0, server.output())
                finally:
                    server.kill()

    def test_each_is_short(self):
        for source in self.sources():
            self.assertLess(len(source.read_text().splitlines()), 100, source.name)

    def test_each_is_listed(self):
        listed = (SOURCES / "README.md").read_text()
        for source in self.sources():
            self.assertIn(f"]({source.name})", listed)

    def test_a_taken_port_is_an_error(self):
        port = free_port()
        first = Server(demo=False, port=port)
        self.addCleanup(first.kill)
        for source in self.sources():
            with self.subTest(source.name):
                done = subprocess.run([EXAMPLES / source.stem, f"127.0.0.1:{port}"],
                                      capture_output=True, timeout=30)
                self.assertGreater(done.returncode, 0, done.stderr)

    @staticmethod
    def sources():
        return sorted([*SOURCES.glob("*.c"), *SOURCES.glob("*.cpp")])


class Use(unittest.TestCase):
    """What a reader would try."""

    def example(self, name, **how):
        port = free_port()
        server = Server(demo=False, port=port, **how,
                        program=[str(EXAMPLES / name), f"127.0.0.1:{port}"])
        self.addCleanup(server.kill)
        self.addCleanup(lambda: self.assertEqual(server.stop(), 0, server.output()))
        return server

    def client(self, server, path):
        client = WebSocket(server.port, path)
        self.addCleanup(client.close)
        return client

    def hear(self, client, text):
        self.assertEqual(client.next_message()[1].decode(), text)

    def test_echo(self):
        client = self.client(self.example("01-echo"), "/echo")
        self.assertEqual(client.echo("grüße"), "grüße")
        client.send(BINARY, b"\x00\xff")
        self.assertEqual(client.next_message(), (BINARY, b"\x00\xff"))

    def test_chat_room(self):
        server = self.example("02-chat-room")
        ada, bob = self.client(server, "/chat"), self.client(server, "/chat")
        ada.send_text("ada")
        ada.send_text("anybody here?")
        self.hear(ada, "ada: anybody here?")
        bob.send_text("bob")
        self.hear(ada, "bob joined")
        bob.send_text("me")
        for who in (ada, bob):
            self.hear(who, "bob: me")

    def test_chat_room_wants_a_name(self):
        server = self.example("02-chat-room")
        for first in ("", "x" * 32):
            client = self.client(server, "/chat")
            client.send_text(first)
            self.assertEqual(client.close_code(), 1008)
        client = self.client(server, "/chat")
        client.send_text("x" * 31)
        client.send_text("y" * 1000)
        self.hear(client, f"{'x' * 31}: {'y' * 1000}")
        client.send_text("y" * 1001)
        self.assertEqual(client.close_code(), 1009)

    def test_broadcast_from_a_thread(self):
        client = self.client(self.example("03-broadcast-from-a-thread"), "/clock")
        ticks = [client.next_json() for _ in range(2)]
        self.assertEqual({(t["type"], t["room"], t["event"]) for t in ticks},
                         {("event", "clock", "tick")})
        self.assertGreater(ticks[1]["data"]["now"], ticks[0]["data"]["now"])

    def test_foreign_loop(self):
        server = self.example("04-foreign-loop", stdin=subprocess.PIPE)
        keyboard = server.process.stdin
        self.addCleanup(keyboard.close)
        clients = [self.client(server, "/") for _ in range(2)]
        for client in clients:
            self.hear(client, "hello; what is typed at the server follows")
        keyboard.write(b"typed\n")
        keyboard.flush()
        for client in clients:
            self.hear(client, "typed")
        keyboard.close()
        self.hear(self.client(server, "/"), "hello; what is typed at the server follows")

    def test_http_and_rooms(self):
        server = self.example("05-http-and-rooms")
        client = self.client(server, "/ws?user=ada")
        self.assertEqual(client.ask(type="join", room="news")["type"], "joined")
        self.assertEqual(server.get("/members/news")[2], b"1\n")
        self.assertEqual(server.get("/publish/news", method="POST", body=b'{"n":1}')[0], 202)
        event = client.next_of("event")
        self.assertEqual((event["event"], event["data"]), ("news", {"n": 1}))
        status, _, why = server.get("/publish/news", method="POST", body=b'{"n":')
        self.assertEqual(status, 400)
        self.assertIn(b"JSON", why)

    def test_cpp(self):
        server = self.example("06-cpp")
        ada = self.client(server, "/board")
        self.assertEqual(ada.next_json()["data"], 1)
        bob = self.client(server, "/board")
        self.assertEqual(ada.next_json()["data"], 2)
        bob.send_text('{"x":1,"y":2}')
        cursor = ada.next_json()
        self.assertEqual((cursor["event"], cursor["data"]), ("cursor", {"x": 1, "y": 2}))
        bob.send_text("here")
        self.assertEqual(bob.close_code(), 1007)
        self.assertEqual(ada.next_json()["data"], 1)


class Documents(unittest.TestCase):
    def test_the_program_in_the_readme_is_the_example(self):
        text = (ROOT / "README.md").read_text()
        self.assertIn(f"```c\n{(SOURCES / '02-chat-room.c').read_text()}```\n", text)

    def test_the_c_in_the_manual_compiles(self):
        blocks = re.findall(r"```c\n(.*?)```", (ROOT / "docs/c-api.md").read_text(), re.S)
        self.assertGreater(len(blocks), 5)
        headers = "".join(f"#include <{name}>\n" for name in
                          ("poll.h", "stdio.h", "string.h", "belfry/belfry.h"))
        flags = ["-std=c11", "-D_POSIX_C_SOURCE=200809L", "-Wall", "-Wextra", "-Wpedantic",
                 "-Werror", "-Wno-unused-function", "-fsyntax-only", f"-I{ROOT}/include"]
        for block in blocks:
            with self.subTest(block.splitlines()[0]):
                done = subprocess.run(["cc", *flags, "-xc", "-"], text=True, capture_output=True,
                                      input=headers + block)
                self.assertEqual(done.returncode, 0, done.stderr)

    def test_links_lead_somewhere(self):
        pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("src/*/README.md"),
                 *ROOT.glob("examples/*.md")]
        for page in pages:
            for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text()):
                if "://" not in link:
                    self.assertTrue((page.parent / link).exists(), f"{page}: {link}")


if __name__ == "__main__":
    unittest.main()
