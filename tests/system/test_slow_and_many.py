"""Members that do not read, senders that do not read, too many of them."""

import time

from belfry_test import TEXT, SystemTest, WebSocket, eventually, tcp

SLOW = {"max_queue_bytes": "64K", "close_timeout_ms": "60s"}
CHUNK = "x" * 30000


def fill(sender, room, enough, limit=2000):
    """Sends to @room until @enough() says so; the text begins with a number."""
    for number in range(limit):
        reply = sender.ask(type="message", room=room, text=f"{number} {CHUNK}")
        assert reply["type"] == "ack", reply
        if enough():
            return number + 1
    raise AssertionError(f"{limit} messages and the slow member is not noticed")


class SlowMembers(SystemTest):
    def test_a_slow_member_is_closed_with_1013_and_counted_and_holds_nobody_back(self):
        server = self.start(**SLOW)
        slow = self.join("feed", server=server, receive_buffer=4096)
        sender = self.join("feed", server=server)
        good = self.join("feed", server=server)
        heard = []

        def enough():
            heard.append(int(good.next_of("message")["text"].split(" ")[0]))
            return server.metric("slow member") > 0

        sent = fill(sender, "feed", enough)
        self.assertEqual(heard, list(range(sent)))
        self.assertEqual(slow.close_code(), 1013)  # whole frames up to it, or this had failed
        self.assertEqual(good.ask(type="ping")["type"], "pong")

    def test_policies_that_drop_keep_the_member(self):
        for policy in ("drop-newest", "drop-oldest", "latest"):
            with self.subTest(policy):
                server = self.start(slow_policy=policy, **SLOW)
                slow = self.join("feed", server=server, receive_buffer=4096)
                sender = self.join("feed", server=server)
                sent = fill(sender, "feed", lambda: server.metric("dropped_total.*slow-policy") > 0)
                sender.ask(type="message", room="feed", text="last")
                got = self.drain(slow)
                self.assertEqual(got, sorted(set(got)), "in order, each once")
                self.assertLess(len(got), sent + 1)
                if policy == "drop-newest":  # told before anything newer: it may leave with that id
                    self.assertEqual(self.holes_not_told, 0)
                if policy != "drop-newest":
                    self.assertGreaterEqual(got[-1], sent - 1)
                sender.close()
                slow.close()

    def drain(self, slow):
        """The numbers of the messages that a slow member still gets, up to its pong."""
        slow.send_json(type="ping", ref="end")
        got = []
        self.holes_not_told = 0
        is_told = False
        while True:
            message = slow.next_json()
            if message["type"] == "pong":
                return got
            is_told = is_told or message["type"] == "gap"
            if message["type"] == "message":
                text = message["text"].split(" ")[0]
                number = got[-1] + 1 if text == "last" and got else int(text)
                if got and number > got[-1] + 1 and not is_told:
                    self.holes_not_told += 1
                got.append(number)
                is_told = False

    def test_latest_keeps_the_last_of_each_event_and_sender(self):
        server = self.start(slow_policy="latest", **SLOW)
        slow = self.join("ticker", server=server, receive_buffer=4096)
        sender = self.join("ticker", server=server)
        number = 0
        while server.metric("dropped_total.*slow-policy") == 0:
            number += 1
            sender.ask(type="event", room="ticker", event="price",
                       data={"number": number, "pad": CHUNK})
            self.assertLess(number, 2000)
        slow.send_json(type="ping", ref="end")
        last = 0
        while (message := slow.next_json())["type"] != "pong":
            if message["type"] == "event":
                self.assertGreater(message["data"]["number"], last)
                last = message["data"]["number"]
        self.assertEqual(last, number)

    def test_an_echo_client_that_does_not_read_is_not_read_from(self):
        server = self.start()
        peer = self.connect("/echo", server, receive_buffer=4096)
        peer.echo("warm")
        before = server.resident_bytes()
        peer.sock.settimeout(1)
        payload, sent = b"y" * 100000, 0
        with self.assertRaises(TimeoutError, msg="it read on without end"):
            while sent < 256 << 20:
                peer.send(TEXT, payload)
                sent += len(payload)
        self.assertLess(server.resident_bytes() - before, 32 << 20)
        self.assert_serves(server)

    def test_a_slow_echo_client_loses_nothing(self):
        server = self.start(max_queue_bytes="64K")
        peer = self.connect("/echo", server, receive_buffer=4096)
        for number in range(40):
            peer.send_text(f"{number} {'z' * 5000}")
        for number in range(40):
            self.assertTrue(peer.next_message()[1].startswith(b"%d " % number))


class Many(SystemTest):
    def test_memory_returns_after_churn(self):
        server = self.start()

        def churn():
            for _ in range(4):
                members = [self.quick_member(server, n) for n in range(100)]
                for member in members:
                    member.reset()
            eventually(lambda: server.metric(r"^belfry_connections\b") <= 1, "all gone")

        churn()
        before = server.resident_bytes()
        for _ in range(3):
            churn()
        self.assertLess(server.resident_bytes() - before, 16 << 20)

    @staticmethod
    def quick_member(server, number):
        member = WebSocket(server.port, "/ws")
        member.send_json(type="join", room=f"room {number % 10}")
        member.send_json(type="message", text="hello " * 100)
        return member

    def test_out_of_descriptors_it_serves_on_without_spinning(self):
        server = self.start(nofile=64)
        member = self.connect("/echo", server)
        crowd = []
        for _ in range(150):
            crowd.append(tcp(server.port))
            self.addCleanup(crowd[-1].close)
        self.assertEqual(member.echo("old work goes on"), "old work goes on")
        before = server.cpu_seconds()
        time.sleep(1)  # the span that is measured
        self.assertLess(server.cpu_seconds() - before, 0.5)
        self.assertEqual(member.echo("still"), "still")
        for sock in crowd:
            sock.close()
        eventually(lambda: self.is_served(server), "new connections are served again")

    def test_a_limit_on_connections(self):
        server = self.start(max_connections=4)
        crowd = []
        for _ in range(10):
            crowd.append(tcp(server.port))
            self.addCleanup(crowd[-1].close)
        for sock in crowd:
            sock.close()
        eventually(lambda: self.is_served(server), "new connections are served again")

    @staticmethod
    def is_served(server):
        try:
            with WebSocket(server.port, "/echo") as peer:
                return peer.echo("new") == "new"
        except Exception:  # refused, reset or shed: not yet
            return False
