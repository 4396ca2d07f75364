"""Every example runs, and does what its first lines promise: it takes its address as its first
argument, serves, and stops."""

import pathlib
import re
import subprocess
import unittest

from belfry_test import BINARY, EventStream, Refused, Server, SocketIO, WebSocket, binary, free_port

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

    def test_feed(self):
        server = self.example("14-feed")
        self.assertIn(b"EventSource", server.get("/")[2])
        with EventStream(server.port, "/feed") as first:
            first.next_of("joined")
            status = server.get("/posts", method="POST", body=b'{"title": "Hello"}')[0]
            self.assertEqual(status, 202)
            heard = first.next_of("message")
            self.assertEqual(heard.json, {"type": "new-post", "post": {"title": "Hello"}})
        self.assertEqual(server.get("/posts", method="POST", body=b"nonsense")[0], 400)
        with EventStream(server.port, "/feed?history=20") as later:
            self.assertEqual(later.next().data, heard.data)
        with EventStream(server.port, "/feed", last_id=heard.id) as back:
            self.assertEqual(back.next().name, "joined")

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


    # --- Socket.IO ---

    def socket(self, server, **how):
        socket = SocketIO(server.port, **how)
        self.addCleanup(socket.close)
        return socket

    def test_socketio(self):
        for transport in ("polling", "websocket"):
            with self.subTest(transport):
                server = self.example("07-socketio")
                ada = self.socket(server, transport=transport)
                ada.emit("join-room", "general")
                bob = self.socket(server)
                bob.emit("join-room", "general")
                self.assertEqual(ada.next_event(), ("user-joined", {"userId": bob.id}))
                bob.emit("send-message", {"roomId": "general", "text": "Hello!"})
                for who in (ada, bob):
                    event, message = who.next_event()
                    self.assertEqual((event, message["from"], message["text"]),
                                     ("new-message", bob.id, "Hello!"))
                    self.assertGreater(message["timestamp"], 1.7e12)
                ada.disconnect()
                bob.emit("join-room", {"not": "a name"})  # says nothing, does nothing
                bob.disconnect()
                self.assertEqual(server.stop(), 0)
                said = server.output()
                self.assertIn(f"User connected: {ada.id}\n", said)
                self.assertEqual(said.count("Disconnected: client namespace disconnect\n"), 2)

    def test_socketio_upgrades(self):
        server = self.example("07-socketio")
        ada = self.socket(server)
        ada.emit("join-room", "general")
        ada.engine.upgrade()
        ada.emit("send-message", {"roomId": "general", "text": "on WebSocket"})
        self.assertEqual(ada.next_event()[1]["text"], "on WebSocket")

    def test_socketio_allows_the_origin_of_its_page(self):
        server = self.example("07-socketio")
        path = "/socket.io/?EIO=4&transport=polling"
        for origin in ("https://myapp.com", "https://other.example"):
            allowed = server.get(path, [("Origin", origin)])[1].get("access-control-allow-origin")
            self.assertEqual(allowed, origin if "myapp" in origin else None)

    def test_socketio_chat(self):
        server = self.example("08-socketio-chat")
        for auth in (None, {}, {"name": ""}, {"name": "x" * 32}):
            with self.assertRaises(Refused) as refused:
                self.socket(server, auth=auth)
            self.assertEqual((refused.exception.message, refused.exception.data),
                             ("say who you are", {"mostBytes": 31}))
        ada = self.socket(server, auth={"name": "ada"})
        bob = self.socket(server, auth={"name": "bob"}, transport="websocket")
        self.assertEqual(ada.next_event()[:2], ("came", "bob"))
        self.assertEqual(bob.call("say", "hello"), [{"heard": 2}])
        for who in (ada, bob):
            self.assertEqual(who.next_event()[:2], ("said", {"name": "bob", "text": "hello"}))
        self.assertIn("error", ada.call("say", 42)[0])
        ada.emit("typing")
        self.assertEqual(bob.next_event(), ("typing", "ada"))
        ada.disconnect()
        self.assertEqual(bob.next_event()[:2], ("left", "ada"))

    def test_socketio_chat_forgives_a_lost_connection(self):
        server = self.example("08-socketio-chat")
        for transport in ("websocket", "polling"):
            with self.subTest(transport):
                ada = self.socket(server, auth={"name": "ada"}, transport=transport)
                bob = self.socket(server, auth={"name": "bob"}, transport="websocket")
                self.assertEqual(bob.call("say", "one"), [{"heard": 2}])
                ada.next_of("said")
                ada.lose()
                bob.call("say", "two")
                back = self.socket(server, back=ada, auth={"name": "ada"}, transport=transport)
                self.assertTrue(back.is_recovered)
                self.assertEqual(back.id, ada.id)
                self.assertEqual(back.next_event()[:2], ("said", {"name": "bob", "text": "two"}))
                back.call("say", "three")
                for who, texts in ((bob, ("one", "two", "three")), (back, ("three",))):
                    for text in texts:
                        self.assertEqual(who.next_event()[1]["text"], text)
                bob.disconnect()
                back.disconnect()

    def test_socketio_images(self):
        server = self.example("09-socketio-images")
        ada, bob = self.socket(server), self.socket(server, transport="websocket")
        picture = bytes(range(256)) * 4000  # more than Socket.IO's ordinary megabyte
        self.assertEqual(ada.call("image", "all bytes", picture), [{"bytes": len(picture)}])
        for who in (ada, bob):
            self.assertEqual(who.next_event(), ("image", "all bytes", picture))
        self.assertEqual(self.socket(server).next_event(), ("image", "the last one", picture))
        for wrong in ((), ("caption",), ("caption", "text"), (b"bytes", "caption"),
                      ("caption", b""), ("two", b"1", b"2")):
            self.assertIn("error", ada.call("image", *wrong)[0], wrong)

    def test_socketio_acks(self):
        server = self.example("10-socketio-acks")
        ada, bob = self.socket(server), self.socket(server, transport="websocket")
        for who, name in ((ada, "ada"), (bob, None)):
            question = who.next_event_packet()
            self.assertEqual(question.data, ["what's your name?"])
            if name is not None:
                who.answer(question, name)
        self.assertEqual(ada.call("sum", 1, 2.5), [3.5])
        self.assertIn("error", ada.call("sum", 1, "2")[0])
        vote = ada.ask("vote", "coffee?")
        for who, answer in ((ada, True), (bob, False)):
            question = who.next_event_packet()
            self.assertEqual(question.data, ["question", "coffee?"])
            who.answer(question, answer)
        result = ada.next_packet()
        self.assertEqual((result.id, result.data), (vote, [{"yes": 1, "of": 2}]))
        vote = bob.ask("vote", "tea?")
        bob.answer(bob.next_event_packet(), True)
        result = bob.next_packet()  # ada says nothing: after two seconds
        self.assertEqual((result.id, result.data), (vote, [{"yes": 1, "of": 2}]))
        ada.close()
        bob.close()
        self.assertEqual(server.stop(), 0)
        self.assertIn("ada is here\n", server.output())
        self.assertIn("somebody who gives no name: ", server.output())

    def test_socketio_later(self):
        server = self.example("11-socketio-later")
        ada, bob = self.socket(server, transport="websocket"), self.socket(server)
        self.assertEqual(ada.call("is-prime", 100003), [True])
        self.assertEqual(bob.call("is-prime", 100001), [False])
        asked = [ada.ask("is-prime", number) for number in (1000003, 4)]  # long, then short
        answers = [ada.next_packet() for _ in asked]
        self.assertEqual([(a.id, a.data) for a in answers], list(zip(asked, ([True], [False]))))
        self.assertIn("error", ada.call("is-prime", "7")[0])
        ada.ask("is-prime", 10000019)
        ada.lose()  # nobody waits any more
        self.assertEqual(bob.call("is-prime", 7), [True])

    def test_socketio_namespaces(self):
        server = self.example("12-socketio-namespaces")
        board = self.socket(server, nsp="/board-7", transport="websocket")
        other = self.socket(server, nsp="/board-7")
        elsewhere = self.socket(server, nsp="/board-8")
        with self.assertRaises(Refused) as refused:
            self.socket(server, nsp="/admin", engine=board.engine, auth={"token": "a guess"})
        self.assertEqual((refused.exception.message, refused.exception.data),
                         ("not authorized", {"hint": "ask for the token"}))
        with self.assertRaises(Refused) as refused:
            self.socket(server, nsp="/board-", engine=board.engine)
        self.assertEqual(refused.exception.message, "Invalid namespace")
        admin = self.socket(server, nsp="/admin", engine=board.engine,
                            auth={"token": "let me in"})
        self.assertNotEqual(admin.id, board.id)
        board.emit("line", [0, 0], [10, 5])
        self.assertEqual(other.next_event(), ("line", [0, 0], [10, 5]))
        admin.emit("announce", "we close at six")
        for who in (board, other, elsewhere):
            self.assertEqual(who.next_event(), ("announcement", "we close at six"))
        admin.disconnect()  # the connection stays
        board.emit("announce", "boards have no such event")
        other.emit("line", 1, 2)
        self.assertEqual(board.next_event(), ("line", 1, 2))

    def test_socketio_cpp(self):
        server = self.example("13-socketio-cpp")
        ada = self.socket(server, query={"name": "ada"}, transport="websocket")
        bob = self.socket(server)
        for who in (ada, bob):
            self.assertEqual(who.next_event(), ("highest", 0, "nobody"))
        self.assertEqual(ada.call("bid", 100), [{"accepted": True}])
        self.assertEqual(bob.call("bid", 99.5), [{"accepted": False}])
        self.assertEqual(bob.call("bid", 100.5), [{"accepted": True}])
        for who in (ada, bob):
            self.assertEqual(who.next_event(), ("highest", 100, "ada"))
            self.assertEqual(who.next_event(), ("highest", 100.5, "somebody"))
        self.assertIn("error", bob.call("bid", "all I have")[0])


class Documents(unittest.TestCase):
    def test_the_program_in_the_readme_is_the_example(self):
        text = (ROOT / "README.md").read_text()
        self.assertIn(f"```c\n{(SOURCES / '02-chat-room.c').read_text()}```\n", text)

    def test_the_c_in_the_manual_compiles(self):
        pages = [ROOT / name for name in ("README.md", "docs/c-api.md", "docs/socketio.md")]
        blocks = re.findall(r"```c\n(.*?)```", "".join(p.read_text() for p in pages), re.S)
        self.assertGreater(len(blocks), 11)
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
