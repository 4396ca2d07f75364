"""Redis and its faults: what a server does meanwhile, what it says, and that it comes back by
itself. Each of them asserts readiness, counters and memory."""

import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import unittest

from belfry_test import (Closed, DEADLINE, Proxy, Redis, RedisClient, binary, clean_environment,
                         eventually, free_port, read_response)
from test_cluster import ClusterTest

MIB = 1 << 20


class FaultTest(ClusterTest):
    """Each test has a Redis of its own, which it treats badly."""

    def setUp(self):
        self.own = Redis()
        self.addCleanup(self.own.close)

    def pair(self, contract="classic", port=None, **options):
        """Two servers with a member each, and what they count and hold now."""
        a, b = self.nodes(contract=contract, port=port or self.own.port, **options)
        ada, bob = self.join("r", "ada", a), self.join("r", "bob", b)
        ada.next_of("user-joined")
        self.before = {s: (s.metrics(), s.resident_bytes()) for s in (a, b)}
        return a, b, ada, bob

    def grown(self, server, name):
        return server.metrics()[name] - self.before[server][0][name]

    def counted(self, server, **reasons):
        """Exactly these drops have been counted since pair(), or are in a moment: an ack may come
        before the message is on its way to Redis."""
        for reason in ("away", "queue-full", "too-large", "memory", "unconfirmed", "refused", "bad"):
            name = f'belfry_cluster_dropped_total{{reason="{reason}"}}'
            want = reasons.get(reason.replace("-", "_"), 0)
            eventually(lambda: want(self.grown(server, name)) if callable(want)
                       else self.grown(server, name) == want, f"drops: {reason}")

    def assert_bounded(self, *servers, by=64 * MIB):
        for server in servers:
            self.assertLess(server.resident_bytes() - self.before[server][1], by)

    def assert_down(self, server):
        self.await_ready(server, 503)
        status, _, body = server.get("/readyz")
        self.assertEqual(status, 503)
        self.assertIn(b"Redis", body)
        self.assertEqual(server.metric("^belfry_cluster_up$"), 0)

    def assert_back(self, *servers):
        for server in servers:
            self.await_ready(server)
            eventually(lambda: server.metric("^belfry_cluster_up$") == 1, "it is up")

    def assert_said_once(self, server, times=1):
        self.assertEqual(server.output().count("event=cluster-down"), times, server.output())

    def hear(self, who, text):
        """Reads on until @text; the texts before it."""
        heard = []
        while (message := who.next_of("message"))["text"] != text:
            heard.append(message["text"])
        return heard

    def meets(self, ada, bob, text):
        """Both ways between the servers; what was heard before is passed over."""
        ada.send_json(type="message", text=text + " there")
        self.hear(bob, text + " there")
        bob.send_json(type="message", text=text + " back")
        for who in (ada, bob):
            self.hear(who, text + " back")

    def speaks_locally(self, ada, count=100):
        for i in range(count):
            reply = ada.ask(type="message", text=f"local {i}")
            self.assertEqual(reply["type"], "ack")


class PubSub(FaultTest):

    def test_redis_is_absent_at_start(self):
        port = free_port()
        self.own.close()
        ClusterTest.keys += 1
        a, b = (self.start(cluster=f"redis://127.0.0.1:{port}", cluster_key=f"t{self.keys}")
                for _ in range(2))
        self.before = {s: (s.metrics(), s.resident_bytes()) for s in (a, b)}
        for server in (a, b):
            self.assert_down(server)
        ada, bob = self.join("r", "ada", a), self.join("r", "bob", b)
        self.speaks_locally(ada)
        self.counted(a, away=lambda n: n >= 100)
        own = Redis(port)
        self.addCleanup(own.close)
        self.assert_back(a, b)
        self.meets(ada, bob, "hello")
        self.assert_bounded(a, b)
        for server in (a, b):
            self.assert_said_once(server)

    def test_redis_is_killed_and_restarted(self):
        for contract in ("classic", "sharded"):
            with self.subTest(contract=contract):
                a, b, ada, bob = self.pair(contract)
                self.own.kill()
                for server in (a, b):
                    self.assert_down(server)
                self.speaks_locally(ada)
                self.counted(a, away=100)
                self.own.start()
                self.assert_back(a, b)
                self.meets(ada, bob, "hello")
                self.assertEqual(b.metric("cluster_losses"), 2)  # both of its connections
                self.assert_bounded(a, b)
                for server in (a, b):
                    self.assert_said_once(server)

    def test_what_was_missed_meanwhile_is_a_gap(self):
        a, b, ada, bob = self.pair()
        last = bob.ask(type="message", text="before")["id"]
        self.own.kill()
        self.assert_down(b)
        self.own.start()
        self.assert_back(a, b)
        again = self.connect(server=b).ask(type="join", room="r", since=last)
        self.assertTrue(again["gap"])

    def test_with_a_queue_others_hear_it_late(self):
        a, b, ada, bob = self.pair(cluster_away="queue", cluster_queue_bytes="64K")
        self.own.kill()
        self.assert_down(a)
        self.speaks_locally(ada, 50)
        eventually(lambda: a.metric("cluster_queued_bytes") > 1000, "they wait")
        self.own.start()
        self.assert_back(a, b)
        ada.send_json(type="message", text="end")
        heard = self.hear(bob, "end")
        # The other server may have been back later than what was said.
        self.assertEqual(heard, [f"local {i}" for i in range(50)][50 - len(heard):])
        eventually(lambda: a.metric("cluster_queued_bytes") == 0, "nothing waits")

    def test_a_queue_has_an_end(self):
        a, b, ada, bob = self.pair(cluster_away="queue", cluster_queue_bytes="64K")
        self.own.kill()
        self.assert_down(a)
        for i in range(100):
            ada.ask(type="message", text="x" * 2000)
        self.counted(a, queue_full=lambda n: 50 < n < 90)
        self.assertLess(a.metric("cluster_queued_bytes"), 65536 + 1)
        self.assert_bounded(a)

    def test_redis_is_stopped(self):
        a, b, ada, bob = self.pair()
        self.own.freeze()
        self.addCleanup(self.own.thaw)
        self.assert_down(a)
        self.assert_down(b)
        self.speaks_locally(ada, 1000)
        self.own.thaw()
        self.assert_back(a, b)
        self.meets(ada, bob, "hello")
        self.assert_bounded(a, b)
        self.assert_said_once(a)

    def test_redis_is_slow(self):
        a, b, ada, bob = self.pair()
        client = threading.Thread(target=self.own, args=("DEBUG", "SLEEP", "1"))
        client.start()
        for i in range(100):
            ada.send_json(type="message", text=str(i))
        self.assertEqual([bob.next_of("message")["text"] for _ in range(100)],
                         [str(i) for i in range(100)])
        client.join()
        self.assertEqual(a.get("/readyz")[0], 200)
        self.counted(a)
        self.assertEqual(a.output().count("cluster-down"), 0)

    def test_redis_is_out_of_memory(self):
        a, b, ada, bob = self.pair()
        self.own("CONFIG", "SET", "maxmemory", "1")
        self.meets(ada, bob, "hello")  # Pub/Sub needs none
        self.assertEqual(a.get("/readyz")[0], 200)
        self.counted(a)

    def test_redis_cuts_a_listener_off(self):
        a, b, ada, bob = self.pair(log_bytes="8M")  # what is remembered is not what is measured
        last = bob.ask(type="message", text="before")["id"]
        self.own("CONFIG", "SET", "client-output-buffer-limit", "pubsub 256kb 128kb 1")
        b.signal(signal.SIGSTOP)
        try:
            for i in range(300):
                ada.ask(type="message", text="x" * 50000)
        finally:
            b.signal(signal.SIGCONT)
        eventually(lambda: b.metric("cluster_losses") > 0, "it was cut off")
        self.assert_back(a, b)
        self.meets(ada, bob, "hello")
        self.assertTrue(self.connect(server=b).ask(type="join", room="r", since=last)["gap"])
        self.assert_bounded(a, b)

    def test_the_password_changes(self):
        a, b, ada, bob = self.pair()
        self.own("CONFIG", "SET", "requirepass", "secret")
        self.kill_clients("secret")
        self.assert_down(a)
        self.speaks_locally(ada, 10)
        client = self.authenticated("secret")
        client("CONFIG", "SET", "requirepass", "")
        client.close()
        self.assert_back(a, b)
        self.meets(ada, bob, "hello")
        self.assert_said_once(a)

    def authenticated(self, password):
        client = RedisClient(self.own.port)
        client("AUTH", password)
        return client

    def kill_clients(self, password):
        client = self.authenticated(password)
        client("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        client("CLIENT", "KILL", "TYPE", "pubsub")
        client.close()

    def test_one_server_is_cut_off_without_a_word(self):
        proxy = Proxy(self.own.port)
        self.addCleanup(proxy.close)
        ClusterTest.keys += 1
        options = {"cluster_key": f"t{self.keys}"}
        a = self.start(cluster=f"redis://127.0.0.1:{self.own.port}", **options)
        b = self.start(cluster=f"redis://127.0.0.1:{proxy.port}", **options)
        self.assert_back(a, b)
        self.before = {s: (s.metrics(), s.resident_bytes()) for s in (a, b)}
        ada, bob = self.join("r", "ada", a), self.join("r", "bob", b)
        self.meets(ada, bob, "hello")
        proxy.silence()
        self.assert_down(b)
        self.assertEqual(a.get("/readyz")[0], 200)
        self.speaks_locally(ada, 10)
        self.speaks_locally(bob, 10)
        proxy.resume()
        self.assert_back(a, b)
        self.meets(ada, bob, "again")
        self.counted(b, away=lambda n: n <= 10, unconfirmed=lambda n: n <= 20)
        self.assert_bounded(a, b)
        self.assert_said_once(b)

    def test_a_server_that_dies_does_not_hold_the_others_up(self):
        a, b, ada, bob = self.pair()
        self.lose(b)
        self.speaks_locally(ada)
        self.counted(a)
        self.assertEqual(a.get("/readyz")[0], 200)

    def test_what_is_no_redis_costs_nothing(self):
        for answer in (b"HTTP/1.1 400 Bad Request\r\n\r\n", b"$99999999999\r\n", b"*1000000000\r\n",
                       b"+OK\r\n" * 1000, b"-ERR no\r\n", os.urandom(1000), b""):
            with socket.create_server(("127.0.0.1", 0)) as listener:
                listener.settimeout(DEADLINE)
                server = self.start(cluster=f"redis://127.0.0.1:{listener.getsockname()[1]}")
                for _ in range(3):
                    client, _ = listener.accept()
                    client.sendall(answer)
                    client.close()
                self.assertEqual(server.get("/readyz")[0], 503)
                ada = self.join("r", "ada", server)
                self.assertEqual(ada.ask(type="message", text="x")["type"], "ack")
                self.assertLess(server.resident_bytes(), 400 * MIB)
                self.lose(server)


class Stream(FaultTest):

    def test_redis_is_absent_at_start(self):
        port = free_port()
        self.own.close()
        a = self.start(cluster=f"redis+streams://127.0.0.1:{port}")
        self.before = {a: (a.metrics(), a.resident_bytes())}
        self.assert_down(a)
        ada = self.join("r", "ada", a)
        ada.send_json(type="message", text="held", ref=1)
        own = Redis(port)
        self.addCleanup(own.close)
        self.assert_back(a)
        self.assertEqual(ada.next_of("message")["text"], "held")
        self.assertEqual(ada.next_of("ack")["ref"], 1)
        self.assert_said_once(a)

    def test_hold_delivers_once_and_in_order(self):
        a, b, ada, bob = self.pair("streams")
        for round_ in range(3):
            self.own.kill()
            self.assert_down(a)
            for i in range(100):
                ada.send_json(type="message", text=f"{round_}.{i}", ref=i)
            self.own.start()
            self.assert_back(a, b)
            for who in (ada, bob):
                self.assertEqual([who.next_of("message")["text"] for _ in range(100)],
                                 [f"{round_}.{i}" for i in range(100)])
            self.assertEqual(ada.next_of("ack")["ref"], 99)
        self.counted(a)
        self.meets(ada, bob, "hello")
        self.assert_bounded(a, b)
        self.assert_said_once(a, 3)

    def test_a_kill_under_load_loses_and_doubles_nothing(self):
        """A Redis that keeps what it has said it has."""
        own = Redis(keeps=True)
        self.addCleanup(own.close)
        a, b, ada, bob = self.pair("streams", port=own.port)
        sent = 0
        for _ in range(5):
            for _ in range(200):
                ada.send_json(type="message", text=str(sent))
                sent += 1
            own.kill()
            own.start()
            self.assert_back(a, b)
        for who in (ada, bob):
            self.assertEqual([who.next_of("message")["text"] for _ in range(sent)],
                             [str(i) for i in range(sent)])
        self.meets(ada, bob, "hello")

    def test_what_is_trimmed_before_it_was_read_is_a_gap(self):
        a, b, ada, bob = self.pair("streams", cluster_stream_length=100, cluster_key="flood")
        first = ada.ask(type="message", text="first")["id"]
        self.assertFalse(self.connect(server=b).ask(type="join", room="r", since=first)["gap"])
        losses = b.metric("^belfry_cluster_losses_total")
        data = {"opts": {"rooms": ["r"], "except": [], "flags": {}},
                "packet": {"type": 2, "data": ["noise"], "nsp": "/"}}
        flood = RedisClient(self.own.port)
        self.addCleanup(flood.close)
        flood("MULTI")
        for _ in range(3000):
            flood("XADD", "flood", "MAXLEN", "=", "100", "*", "uid", "x", "nsp", "/",
                  "type", "3", "data", json.dumps(data))
        flood("EXEC")
        self.assertIn("missed", bob.next_of("gap")["reason"])
        self.meets(ada, bob, "hello")
        eventually(lambda: b.metric("^belfry_cluster_losses_total") > losses, "it is noticed")
        self.assertTrue(self.connect(server=b).ask(type="join", room="r", since=first)["gap"])

    def test_what_is_held_has_an_end(self):
        a, b, ada, bob = self.pair("streams", cluster_queue_bytes="64K")
        self.own.kill()
        self.assert_down(a)
        refused = 0
        for i in range(200):
            ada.send_json(type="message", text="x" * 2000, ref=i)
        while True:
            message = ada.next_of("error", "ack")
            self.assertEqual((message["type"], message["code"]), ("error", "busy"))
            refused += 1
            if message["ref"] == 199:
                break
        self.assertGreater(refused, 100)
        self.assert_bounded(a)
        self.own.start()
        self.assert_back(a, b)
        held = 200 - refused
        self.assertEqual(len([bob.next_of("message") for _ in range(held)]), held)
        self.meets(ada, bob, "hello")

    def test_local_goes_on_without_ids_and_later_is_a_gap(self):
        a, b, ada, bob = self.pair("streams", cluster_away="local")
        eve = self.join("r", "eve", a)
        last = ada.ask(type="message", text="before")["id"]
        self.hear(eve, "before")
        self.own.kill()
        self.assert_down(a)
        ack = ada.ask(type="message", text="here only")
        self.assertEqual(ack["type"], "ack")
        self.assertNotIn("id", ack)
        heard = eve.next_of("message")
        self.assertEqual(heard["text"], "here only")
        self.assertNotIn("id", heard)
        self.assertEqual(a.metric("cluster_local_total"), 1)
        self.own.start()
        self.assert_back(a, b)
        self.meets(ada, bob, "hello")
        self.assertTrue(self.connect(server=a).ask(type="join", room="r", since=last)["gap"])

    def test_redis_is_stopped(self):
        a, b, ada, bob = self.pair("streams")
        self.own.freeze()
        self.addCleanup(self.own.thaw)
        self.assert_down(a)
        for i in range(100):
            ada.send_json(type="message", text=str(i))
        self.own.thaw()
        self.assert_back(a, b)
        for who in (ada, bob):
            self.assertEqual([who.next_of("message")["text"] for _ in range(100)],
                             [str(i) for i in range(100)])
        self.meets(ada, bob, "hello")
        self.assert_bounded(a, b)

    def test_redis_is_out_of_memory(self):
        a, b, ada, bob = self.pair("streams")
        self.own("CONFIG", "SET", "maxmemory", "1")
        for i in range(20):
            ada.send_json(type="message", text=str(i))
        self.assert_down(a)
        self.own("CONFIG", "SET", "maxmemory", "0")
        self.assert_back(a, b)
        for who in (ada, bob):
            self.assertEqual([who.next_of("message")["text"] for _ in range(20)],
                             [str(i) for i in range(20)])
        self.counted(a, refused=lambda n: n >= 1)  # those behind it were not sent
        self.assert_said_once(a)

    def test_redis_comes_back_empty(self):
        a, b, ada, bob = self.pair("streams")
        last = ada.ask(type="message", text="before")["id"]
        self.own.kill()
        self.assert_down(a)
        self.own.start()  # keeps nothing
        self.assert_back(a, b)
        self.meets(ada, bob, "hello")
        self.assertTrue(self.connect(server=a).ask(type="join", room="r", since=last)["gap"])

    def test_one_server_is_cut_off_without_a_word(self):
        proxy = Proxy(self.own.port)
        self.addCleanup(proxy.close)
        ClusterTest.keys += 1
        key = f"t{self.keys}"
        a = self.start(cluster=f"redis+streams://127.0.0.1:{self.own.port}", cluster_key=key)
        b = self.start(cluster=f"redis+streams://127.0.0.1:{proxy.port}", cluster_key=key)
        self.assert_back(a, b)
        self.before = {s: (s.metrics(), s.resident_bytes()) for s in (a, b)}
        ada, bob = self.join("r", "ada", a), self.join("r", "bob", b)
        self.meets(ada, bob, "hello")
        proxy.silence()
        for i in range(50):
            ada.send_json(type="message", text=f"a{i}")
            bob.send_json(type="message", text=f"b{i}")
        self.assert_down(b)
        proxy.resume()
        self.assert_back(a, b)
        heard = [[who.next_of("message")["text"] for _ in range(100)] for who in (ada, bob)]
        self.assertEqual(heard[0], heard[1])
        self.assertEqual([t for t in heard[0] if t[0] == "a"], [f"a{i}" for i in range(50)])
        self.assertEqual([t for t in heard[0] if t[0] == "b"], [f"b{i}" for i in range(50)])
        self.assert_bounded(a, b)

    def test_a_stream_that_was_trimmed_is_a_gap(self):
        a, b, ada, bob = self.pair("streams", cluster_key="trimmed")
        last = ada.ask(type="message", text="before")["id"]
        self.hear(bob, "before")
        b.signal(signal.SIGSTOP)
        for i in range(50):
            ada.ask(type="message", text=str(i))
        self.own("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        self.own("XTRIM", "trimmed", "MAXLEN", "0")
        b.signal(signal.SIGCONT)
        self.assert_back(a, b)
        self.meets(ada, bob, "hello")
        self.assertTrue(self.connect(server=b).ask(type="join", room="r", since=last)["gap"])


@unittest.skipUnless(os.geteuid() == 0 and shutil.which("ip"),
                     "network namespaces need root and iproute2")
class Partition(FaultTest):
    """A server in a network namespace of its own, whose link is taken down."""

    def test_the_link_is_down_and_up_again(self):
        name = f"bft{os.getpid() % 10000}"
        run = lambda *words: subprocess.run(words, check=True, capture_output=True)
        try:
            run("ip", "netns", "add", name)
        except (subprocess.CalledProcessError, FileNotFoundError):
            self.skipTest("network namespaces cannot be made here")
        self.addCleanup(subprocess.run, ["ip", "netns", "del", name], capture_output=True)
        run("ip", "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", name)
        self.addCleanup(subprocess.run, ["ip", "link", "del", name], capture_output=True)
        net = f"10.{os.getpid() % 200 + 20}.7"
        run("ip", "addr", "add", f"{net}.1/24", "dev", name)
        run("ip", "link", "set", name, "up")
        run("ip", "-n", name, "addr", "add", f"{net}.2/24", "dev", "eth0")
        run("ip", "-n", name, "link", "set", "eth0", "up")
        run("ip", "-n", name, "link", "set", "lo", "up")
        self.own("CONFIG", "SET", "protected-mode", "no")
        self.own("CONFIG", "SET", "bind", f"127.0.0.1 {net}.1")
        port = free_port()
        log = open(os.devnull, "wb")
        self.addCleanup(log.close)
        process = subprocess.Popen(
            ["ip", "netns", "exec", name, binary(), "serve", "--listen",
             f"{net}.2:{port}", "--cluster", f"redis+streams://{net}.1:{self.own.port}"],
            stdout=log, stderr=log, env=clean_environment())
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)

        def ready(want):
            try:
                with socket.create_connection((f"{net}.2", port), 1) as sock:
                    sock.sendall(b"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                    return read_response(sock)[0] == want
            except (OSError, Closed):
                return False

        def ready_inside(want):
            out = subprocess.run(["ip", "netns", "exec", name, "curl", "-s", "-o", os.devnull, "-w",
                                  "%{http_code}", f"http://{net}.2:{port}/readyz"],
                                 capture_output=True, text=True)
            return out.stdout == str(want)

        eventually(lambda: ready(200), "it has joined")
        run("ip", "link", "set", name, "down")
        eventually(lambda: ready_inside(503), "it knows that it is alone")
        run("ip", "link", "set", name, "up")
        eventually(lambda: ready(200), "it has joined again")


if __name__ == "__main__":
    unittest.main()
