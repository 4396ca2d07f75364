"""Several servers and one Redis: one room space, whatever the contract; no sticky sessions."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import unittest

from belfry_test import (Engine, EventStream, HttpError, Proxy, Redis, SocketIO, SystemTest, WebSocket, eventually,
                         free_port, read_response, tcp)

SCHEMES = {"classic": "redis", "sharded": "redis+sharded", "streams": "redis+streams"}


@unittest.skipUnless(Redis.is_installed(), "redis-server is not installed")
class ClusterTest(SystemTest):
    """One Redis for the class; each test has servers of its own."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.redis = Redis()

    @classmethod
    def tearDownClass(cls):
        cls.redis.close()
        super().tearDownClass()

    keys = 0

    def nodes(self, count=2, contract="classic", port=None, **options):
        """@count servers that are joined; a key of their own keeps tests apart."""
        ClusterTest.keys += 1
        options.setdefault("cluster_key", f"t{ClusterTest.keys}")
        url = f"{SCHEMES[contract]}://127.0.0.1:{port or self.redis.port}"
        servers = [self.start(cluster=url, **options) for _ in range(count)]
        for server in servers:
            self.await_ready(server)
        return servers

    @staticmethod
    def lose(server):
        """kill -9"""
        server.signal(signal.SIGKILL)
        server.wait()

    def await_ready(self, server, status=200):
        eventually(lambda: server.get("/readyz")[0] == status, f"/readyz is {status}")

    @staticmethod
    def opened(port):
        """An Engine.IO session that was opened by polling, and no connection."""
        engine = Engine(port)
        engine.close()
        engine.poller = None
        return engine

    def each_contract(self):
        for contract in SCHEMES:
            with self.subTest(contract=contract):
                yield contract


class Rooms(ClusterTest):

    def test_a_message_reaches_members_on_every_server(self):
        for contract in self.each_contract():
            a, b = self.nodes(contract=contract)
            ada, bob = self.join("r", "ada", a), self.join("r", "bob", b)
            eve = self.join("r", "eve", a)
            for speaker, text in ((ada, "from a"), (bob, "from b")):
                speaker.send_json(type="message", text=text, ref=text)
                heard = [who.next_of("message") for who in (ada, bob, eve)]
                self.assertEqual([m["text"] for m in heard], [text] * 3)
                self.assertEqual([m["from"] for m in heard], [speaker.welcome["id"]] * 3)
                self.assertEqual(len({m["id"] for m in heard}), 1 if contract == "streams" else 2)

    def test_socketio_and_plain_clients_meet(self):
        for contract in self.each_contract():
            a, b = self.nodes(contract=contract)
            plain = self.join("r", "ada", a)
            with SocketIO(b.port, transport="websocket", auth={"user": "bob"}) as socket:
                socket.call("join-room", "r")
                self.assertEqual(plain.next_of("user-joined")["user"], "bob")
                socket.emit("cursor", {"x": 1}, b"\x01\x02")
                event = plain.next_of("event")
                self.assertEqual(event["data"], [{"x": 1}, {"base64": "AQI="}])
                self.assertEqual(event["from"], socket.id)
                plain.send_json(type="message", text="hi")
                self.assertEqual(socket.next_of("new-message")[0]["text"], "hi")
                plain.send_json(type="event", event="e", data=[1])
                self.assertEqual(socket.next_of("e")[0], [1])

    def test_who_has_joined_hears_what_is_said_elsewhere_from_then_on(self):
        """The answer to a join waits until the room is listened to."""
        a, b = self.nodes()
        ada, bob = self.connect(server=a), self.connect(server=b)
        for i in range(200):
            room = f"fresh {i}"
            ada.ask(type="join", room=room)
            bob.ask(type="join", room=room)
            bob.send_json(type="message", room=room, text=room)
            self.assertEqual(ada.next_of("message")["text"], room)
            ada.ask(type="leave", room=room)
            bob.ask(type="leave", room=room)

    def test_order_and_number_of_one_speakers_messages(self):
        for contract in self.each_contract():
            a, b = self.nodes(contract=contract, workers=2)
            ada = self.join("r", "ada", a)
            members = [self.join("r", None, b) for _ in range(4)]
            for i in range(500):
                ada.send_json(type="message", text=str(i))
            for member in (ada, *members):
                self.assertEqual([member.next_of("message")["text"] for _ in range(500)],
                                 [str(i) for i in range(500)])

    def test_a_message_for_rooms_of_others_is_not_even_heard(self):
        a, b = self.nodes()
        ada = self.join("only here", "ada", a)
        bob = self.join("r", "bob", b)
        before = b.metric('belfry_cluster_messages_total{direction="in"}'.replace("{", r"\{"))
        for i in range(50):
            ada.ask(type="message", text=str(i))
        ada.ask(type="join", room="r")
        ada.ask(type="message", text="now")
        self.assertEqual(bob.next_of("message")["text"], "now")
        after = b.metric('belfry_cluster_messages_total{direction="in"}'.replace("{", r"\{"))
        self.assertLessEqual(after - before, 3)  # that one, and who came

    def test_a_message_that_is_too_large_for_the_cluster_is_counted(self):
        a, b = self.nodes(cluster_message_bytes="2K")
        ada, bob = self.join("r", "ada", a), self.join("r", "bob", b)
        ada.ask(type="message", text="x" * 5000)
        ada.ask(type="message", text="small")
        self.assertEqual(bob.next_of("message")["text"], "small")
        self.assertEqual(a.metric("cluster_dropped_total.*too-large"), 1)

    def test_with_a_stream_too_large_is_refused(self):
        a, b = self.nodes(contract="streams", cluster_message_bytes="2K")
        ada, bob = self.join("r", "ada", a), self.join("r", "bob", b)
        reply = ada.ask(type="message", text="x" * 5000)
        self.assertEqual((reply["type"], reply["code"]), ("error", "too-large"))
        ada.ask(type="message", text="small")
        self.assertEqual(bob.next_of("message")["text"], "small")

    def test_rubbish_is_counted_and_nothing_else(self):
        a, b = self.nodes(cluster_key="rub")
        ada, bob = self.join("r", "ada", a), self.join("r", "bob", b)
        rubbish = [b"", b"\xff", b"{", b"\x93\xa1x\x80", b"[1,2]", os.urandom(200),
                   b"\x93\xa6emitter\x81\xa4type\x02\x80", b"{\"type\":99}", b"\xdd\xff\xff\xff\xff"]
        for channel in ("rub#/#", "rub-request#/#", "rub-response#/#", "rub#/#r#", "socketio"):
            for payload in rubbish:
                self.redis("PUBLISH", channel, payload)
        ada.ask(type="message", text="still here")
        self.assertEqual(bob.next_of("message")["text"], "still here")
        self.assertGreater(b.metric("cluster_dropped_total.*bad"), 10)

    def test_an_order_with_a_room_that_cannot_be(self):
        """The other rooms are joined all the same; so is what is said right behind it heard there."""
        a, = self.nodes(1, cluster_key="order", workers=3)
        members = [self.join("r", None, a) for _ in range(4)]
        order = {"uid": "x", "type": 2, "opts": {"rooms": ["r"], "except": []},
                 "rooms": ["", "x" * 5000, "ok"]}
        self.redis("PUBLISH", "order-request#/#", json.dumps(order))
        said = (b"\x93\xa1x\x83\xa4type\x02\xa4data\x92\xa1e\x07\xa3nsp\xa1/"
                b"\x82\xa5rooms\x91\xa2ok\xa6except\x90")  # ["x", a packet, {rooms, except}]
        self.redis("PUBLISH", "order#/#", said)
        for member in members:
            event = member.next_of("event")
            self.assertEqual((event["event"], event["room"]), ("e", "ok"))

    def test_rubbish_in_the_stream(self):
        a, b = self.nodes(contract="streams", cluster_key="rubbish")
        ada, bob = self.join("r", "ada", a), self.join("r", "bob", b)
        for fields in (["a", "b"], ["uid", "x", "nsp", "/", "type", "3"],
                       ["uid", "x", "nsp", "/", "type", "3", "data", "{"],
                       ["uid", "x", "nsp", "/", "type", "x", "data", "{}"],
                       ["uid", "x", "nsp", "/", "type", "3", "data", "!!!!"],
                       ["uid", "x", "nsp", "/no", "type", "3", "data", "{}"]):
            self.redis("XADD", "rubbish", "*", *fields)
        ada.ask(type="message", text="still here")
        self.assertEqual(bob.next_of("message")["text"], "still here")

    def test_names_with_any_characters_are_rooms(self):
        for contract in self.each_contract():
            a, b = self.nodes(contract=contract)
            ada, bob = self.connect(server=a), self.connect(server=b)
            for room in ("*", "a?[b]", "#", "a#b#", "123", "twenty characters ok", "ü€😀", "back\\slash"):
                for who in (ada, bob):
                    self.assertEqual(who.ask(type="join", room=room)["type"], "joined")
                bob.send_json(type="message", room=room, text=room)
                self.assertEqual(ada.next_of("message")["room"], room)


class Resuming(ClusterTest):

    def test_with_a_stream_a_plain_client_resumes_on_another_server(self):
        a, b = self.nodes(contract="streams")
        ada, bob = self.join("r", "ada", a), self.join("r", "bob", b)
        first = ada.ask(type="message", text="one")["id"]
        ada.close()
        for text in ("two", "three"):
            bob.ask(type="message", text=text)
        again = self.connect(server=b)
        joined = again.ask(type="join", room="r", since=first)
        self.assertEqual([m["text"] for m in joined["history"]], ["two", "three"])
        self.assertFalse(joined["gap"])

    def test_a_new_server_knows_what_the_stream_holds(self):
        a, b = self.nodes(contract="streams", cluster_key="known")
        ada = self.join("r", "ada", a)
        first = ada.ask(type="message", text="one")["id"]
        ada.ask(type="message", text="two")
        c, = self.nodes(1, contract="streams", cluster_key="known")
        joined = self.connect(server=c).ask(type="join", room="r", since=first)
        self.assertEqual([m["text"] for m in joined["history"]], ["two"])
        self.assertFalse(joined["gap"])

    def test_who_comes_and_goes_elsewhere_is_in_no_history(self):
        for contract in self.each_contract():
            a, b = self.nodes(contract=contract)
            ada = self.join("r", "ada", a)
            first = ada.ask(type="message", text="one")["id"]
            self.join("r", "bob", b).close()
            ada.next_of("user-joined")
            ada.next_of("user-left")
            ada.ask(type="message", text="two")
            joined = self.connect(server=a).ask(type="join", room="r", since=first)
            self.assertEqual([m.get("text") for m in joined["history"]], ["two"])

    def test_with_pub_sub_another_servers_position_is_a_gap(self):
        a, b = self.nodes()
        ada = self.join("r", "ada", a)
        first = ada.ask(type="message", text="one")["id"]
        self.assertTrue(self.connect(server=b).ask(type="join", room="r", since=first)["gap"])

    def test_with_pub_sub_the_same_server_knows_what_was_missed(self):
        a, b = self.nodes()
        ada, bob = self.join("r", "ada", a), self.join("r", "bob", b)
        ada.next_of("user-joined")
        first = ada.ask(type="message", text="one")["id"]
        bob.next_of("message")
        ada.close()
        eventually(lambda: a.metric("belfry_sockets") == 0, "she has gone")
        heard = a.metric('belfry_cluster_messages_total.*"in"')
        bob.ask(type="message", text="two")
        eventually(lambda: a.metric('belfry_cluster_messages_total.*"in"') > heard, "two is there")
        back = self.connect(server=a)
        joined = back.ask(type="join", room="r", since=first)
        self.assertEqual([m["text"] for m in joined["history"]], ["two"])
        self.assertFalse(joined["gap"])
        # In a room that nobody here was in, something may have been said.
        self.assertTrue(back.ask(type="join", room="s", since=first)["gap"])

    def test_a_resend_to_another_server_counts_once(self):
        a, b = self.nodes(contract="streams")
        ada = self.join("r", "ada", a)
        bob = self.join("r", "bob", b)
        first = ada.ask(type="message", text="once", key="k")
        again = self.join("r", "ada", b).ask(type="message", text="once", key="k")
        self.assertEqual(first["id"], again["id"])
        ada.ask(type="message", text="end")
        self.assertEqual([bob.next_of("message")["text"] for _ in range(2)], ["once", "end"])

    def test_a_socket_comes_back_to_another_server(self):
        a, b = self.nodes(contract="streams")
        with SocketIO(b.port, transport="websocket") as bob:
            bob.call("join-room", "r")
            ada = SocketIO(a.port, transport="websocket", auth={"user": "ada"})
            self.addCleanup(ada.close)
            ada.call("join-room", "r")
            bob.call("send-message", {"roomId": "r", "text": "one"})
            ada.next_of("new-message")
            self.lose(a)
            for text in ("two", "three"):
                bob.call("send-message", {"roomId": "r", "text": text})
            with SocketIO(b.port, transport="websocket", back=ada) as back:
                self.assertTrue(back.is_recovered)
                self.assertEqual(back.id, ada.id)
                heard = [back.next_of("new-message")[0]["text"] for _ in range(2)]
                self.assertEqual(heard, ["two", "three"])
                bob.call("send-message", {"roomId": "r", "text": "four"})
                self.assertEqual(back.next_of("new-message")[0]["text"], "four")
                back.call("send-message", {"roomId": "r", "text": "mine"})
                message = [bob.next_of("new-message")[0] for _ in range(5)][-1]
                self.assertEqual((message["text"], message["user"]), ("mine", "ada"))

    def test_a_session_lives_once(self):
        """The one that came last has it."""
        a, b = self.nodes(contract="streams")
        ada = SocketIO(a.port, transport="websocket")
        ada.call("join-room", "r")
        ada.call("send-message", {"roomId": "r", "text": "one"})
        ada.next_of("new-message")
        self.lose(a)
        ada.close()
        with SocketIO(b.port, transport="websocket", back=ada) as first, \
                SocketIO(b.port, transport="websocket", back=ada) as second:
            self.assertEqual((first.is_recovered, second.is_recovered), (True, True))
            self.assert_ends(first.engine.socket.sock)
            second.call("send-message", {"roomId": "r", "text": "two"})
            self.assertEqual(second.next_of("new-message")[0]["text"], "two")

    def test_a_client_that_is_not_known_to_have_gone_may_come_back_elsewhere(self):
        a, b = self.nodes(contract="streams")
        ada = SocketIO(a.port, transport="websocket")
        self.addCleanup(ada.close)
        ada.call("join-room", "r")
        ada.call("send-message", {"roomId": "r", "text": "one"})
        ada.next_of("new-message")
        with SocketIO(b.port, transport="websocket", back=ada) as back:
            self.assertTrue(back.is_recovered)
            self.assert_ends(ada.engine.socket.sock)
            back.call("send-message", {"roomId": "r", "text": "two"})
            self.assertEqual(back.next_of("new-message")[0]["text"], "two")
        self.assertEqual(a.metric("belfry_sockets"), 0)

    def test_who_is_lost_again_on_the_way_back_may_come_once_more(self):
        a, b = self.nodes(contract="streams")
        ada = SocketIO(a.port, transport="websocket", auth={"user": "ada"})
        ada.call("join-room", "r")
        ada.call("send-message", {"roomId": "r", "text": "one"})
        ada.next_of("new-message")
        ada.lose()
        eventually(lambda: a.metric("belfry_sockets") == 0, "she has gone")
        with SocketIO(a.port, transport="websocket") as bob:
            bob.call("join-room", "r")
            bob.call("send-message", {"roomId": "r", "text": "two"})
        self.redis("CONFIG", "RESETSTAT")
        self.redis.freeze()
        lost = Engine(b.port, transport="websocket")
        lost.send("40" + json.dumps({"pid": ada.pid, "offset": ada.last_offset}))
        lost.lose()
        self.redis.thaw()
        eventually(lambda: b"cmdstat_del:" in self.redis("INFO", "commandstats"), "it was taken")
        eventually(lambda: self.redis("EXISTS", f"sio:session:{ada.pid}"), "and is there again")
        with SocketIO(b.port, transport="websocket", back=ada) as back:
            self.assertTrue(back.is_recovered)
            self.assertEqual(back.id, ada.id)
            self.assertEqual(back.next_of("new-message")[0]["text"], "two")
            back.call("send-message", {"roomId": "r", "text": "mine"})
            self.assertEqual(back.next_of("new-message")[0]["user"], "ada")


class Histories(ClusterTest):
    """Rooms in keys of their own, beside a stream that is soon full of others."""

    SHORT = {"cluster_stream_length": 100}  # entries; Redis trims in steps of a hundred

    def setUp(self):
        super().setUp()
        self.key = self.id().rpartition(".")[2]

    def drown(self, server, count=500):
        """More than the stream holds, in another room."""
        body = json.dumps([{"text": "noise"}] * count).encode()
        self.assertEqual(server.get("/api/rooms/noise/messages", method="POST", body=body)[0], 200)

    def say(self, server, room, *texts):
        body = json.dumps([{"text": text} for text in texts]).encode()
        answer = server.get(f"/api/rooms/{room}/messages", method="POST", body=body)[2]
        return [message["id"] for message in json.loads(answer)["messages"]]

    def ask(self, server, room, **how):
        """(gap, texts) of who joins @room."""
        member = self.connect(server=server)
        joined = member.ask(type="join", room=room, **how)
        member.close()
        return joined["gap"], [message["text"] for message in joined["history"]]

    def node(self, **options):
        """A server of this test's cluster; the second knows only what Redis has."""
        return self.nodes(1, "streams", cluster_key=self.key, **{**self.SHORT, **options})[0]

    def follow(self, server, query, **how):
        stream = EventStream(server.port, f"/events?{query}", **how)
        self.addCleanup(stream.close)
        return stream

    def test_a_room_outlives_the_stream(self):
        a = self.node()
        ids = self.say(a, "quiet", *"12345")
        self.drown(a)
        b = self.node()
        self.assertEqual(self.ask(b, "quiet", history=100), (False, list("12345")))
        self.assertEqual(self.ask(b, "quiet", history=2), (False, list("45")))
        self.assertEqual(self.ask(b, "quiet", since=ids[1]), (False, list("345")))
        self.assertEqual(self.ask(b, "quiet", since=ids[4]), (False, []))
        more = self.say(b, "quiet", "6")
        self.assertEqual(self.ask(b, "quiet", since=ids[3]), (False, list("56")))
        self.assertEqual(self.ask(b, "quiet", history=3), (False, list("456")))
        self.assertEqual(self.ask(b, "quiet", since=more[0]), (False, []))
        self.assertEqual(self.ask(b, "unheard-of", history=10), (False, []))
        self.assertGreater(b.metric("^belfry_cluster_recalls_total"), 0)

    def test_event_streams_too_in_several_rooms_and_once(self):
        a = self.node()
        first = self.say(a, "x", "x1")[0]
        self.say(a, "y", "y1")
        self.say(a, "x", "x2")
        self.drown(a)
        b = self.node()
        stream = self.follow(b, f"room=x&room=y&since={first}")
        self.assertEqual(stream.texts(2), ["y1", "x2"])
        self.assertFalse(stream.next_of("joined").json["gap"])
        self.say(b, "y", "live")
        self.assertEqual(stream.texts(1), ["live"])
        self.assertEqual(self.follow(b, "room=x&room=y&history=1").texts(2), ["x2", "live"])
        self.assertEqual(self.follow(b, "room=y&room=x&history=9").texts(4), ["x1", "y1", "x2", "live"])

    def test_bounds_are_the_rooms_own(self):
        bounds = {"history_rooms": "five-*=5, bytes-*=1000/3K, off-*=off, brief-*=9/1M/1s"}
        a = self.node(**bounds)
        texts = [str(i) for i in range(10)]
        fives = self.say(a, "five-r", *texts)
        self.say(a, "bytes-r", *(text * 1000 for text in texts))
        off = self.say(a, "off-r", *texts)
        self.drown(a)
        b = self.node(**bounds)
        self.assertEqual(self.ask(b, "five-r", history=100), (False, texts[5:]))
        self.assertEqual(self.ask(b, "five-r", since=fives[4]), (False, texts[5:]))
        self.assertEqual(self.ask(b, "five-r", since=fives[3]), (True, texts[5:]))
        self.assertEqual(self.ask(b, "bytes-r", history=100), (False, [t * 1000 for t in texts[8:]]))
        self.assertEqual(self.ask(b, "off-r", history=100), (False, []))
        self.assertTrue(self.ask(b, "off-r", since=off[0])[0])
        stream = self.follow(b, "room=off-r&room=five-r&history=3")
        self.assertEqual(stream.texts(3), texts[7:])
        self.assertEqual(self.redis("XLEN", f"{self.key}:history:/,five-r"), 5)
        self.assertEqual(self.redis("EXISTS", f"{self.key}:history:/,off-r"), 0)
        self.assertLessEqual(self.redis("PTTL", f"{self.key}:history:/,five-r"), 120_000)
        self.say(a, "brief-r", "1")
        eventually(lambda: self.redis("EXISTS", f"{self.key}:history:/,brief-r") == 0, "it is forgotten")

    def test_what_others_add_to_the_stream_is_a_gap_once_it_is_gone(self):
        a = self.node()
        ids = self.say(a, "mixed", "1", "2")
        data = {"opts": {"rooms": ["mixed"], "except": [], "flags": {}},
                "packet": {"type": 2, "data": ["new-message", {"text": "foreign"}], "nsp": "/"}}
        self.redis("XADD", self.key, "*", "uid", "emitter", "nsp", "/", "type", "3", "data",
                   json.dumps(data))
        after = self.say(a, "mixed", "3")
        self.drown(a)
        b = self.node()
        self.assertTrue(self.ask(b, "mixed", since=ids[0])[0])
        self.assertEqual(self.ask(b, "mixed", since=after[0]), (False, []))

    def test_a_redis_that_lost_everything_is_a_gap(self):
        redis = Redis()
        self.addCleanup(redis.close)
        a = self.node(port=redis.port)
        ids = self.say(a, "r", "1", "2")
        redis("FLUSHALL")
        eventually(lambda: self.say(a, "r", "3") and True, "it is said")
        b = self.node(port=redis.port)
        self.assertTrue(self.ask(b, "r", since=ids[0])[0])

    def test_scripts_that_redis_forgot_are_loaded_again(self):
        redis = Redis()
        self.addCleanup(redis.close)
        a = self.node(port=redis.port)
        self.say(a, "r", "1")
        redis("SCRIPT", "FLUSH")
        self.say(a, "r", "2")
        self.drown(a)
        b = self.node(port=redis.port)
        redis("SCRIPT", "FLUSH")
        self.ask(b, "r", history=9)
        self.assertEqual(self.ask(b, "r", history=9), (False, ["1", "2"]))

    def test_without_them_the_stream_is_all(self):
        a = self.node(cluster_stream_only=True)
        ids = self.say(a, "r", "1", "2")
        self.drown(a)
        b = self.node(cluster_stream_only=True)
        self.assertEqual(self.redis("KEYS", self.key + ":history*"), [])
        self.assertEqual(self.ask(b, "r", since=ids[0]), (True, []))
        self.assertEqual(b.metric("^belfry_cluster_recalls_total"), 0)

    def test_what_is_said_behind_a_join_waits_for_it(self):
        a = self.node()
        ids = self.say(a, "r", "1", "2")
        self.drown(a)
        b = self.node()
        member = self.connect(server=b)
        member.send_json(type="join", room="r", since=ids[0], ref=1)
        member.send_json(type="message", text="mine", ref=2)
        member.send_json(type="ping", ref=3)
        joined = member.next_of("joined")
        self.assertEqual((joined["gap"], [m["text"] for m in joined["history"]]), (False, ["2"]))
        rest = [member.next_of("message", "ack", "pong")["type"] for _ in range(3)]
        self.assertEqual(sorted(rest), ["ack", "message", "pong"])

    def test_who_waits_may_go_and_so_may_redis_and_the_server(self):
        proxy = Proxy(self.redis.port)
        self.addCleanup(proxy.close)
        a = self.node()
        ids = self.say(a, "r", "1", "2")
        self.drown(a)
        b = self.node(port=proxy.port)
        proxy.is_silent = True
        gone = self.connect(server=b)
        gone.send_json(type="join", room="r", since=ids[0])
        gone.close()
        stream = self.follow(b, f"room=r&since={ids[0]}")
        member = self.connect(server=b)
        member.send_json(type="join", room="r", since=ids[0], ref=1)
        self.assertTrue(member.next_of("joined")["gap"])  # Redis has not answered in time
        self.assertTrue(stream.next_of("joined").json["gap"])
        late = self.connect(server=b)
        late.send_json(type="join", room="r", since="9" * 13 + "-0", ref=1)
        self.follow(b, "room=r&since=" + "9" * 13 + "-0")
        self.assertEqual(b.stop(), 0, b.output())

    def test_who_overtakes_a_server_is_let_wait(self):
        proxy = Proxy(self.redis.port)
        self.addCleanup(proxy.close)
        a, b = self.node(), self.node(port=proxy.port)
        ids = self.say(a, "r", "1", "2", "3")
        self.join("r", "sync", b)
        proxy.is_silent = True
        ids += self.say(a, "r", "4")
        member = self.connect(server=b)
        member.send_json(type="join", room="r", since=ids[3], ref=1)
        stream = self.follow(b, f"room=r&since={ids[3]}")
        self.say(a, "r", "5")
        proxy.is_silent = False
        joined = member.next_of("joined")
        heard = [m["text"] for m in joined["history"]]
        self.assertFalse(joined["gap"])
        if not heard:
            heard = [member.next_of("message")["text"]]
        self.assertEqual(heard, ["5"])
        self.assertEqual(stream.texts(1), ["5"])


class RoundRobin:
    """An Engine.IO session over polling, each request to the next server."""

    def __init__(self, ports):
        self.ports, self.turn = ports, 0
        self.engine = ClusterTest.opened(ports[0])

    def request(self, method="GET", body=b""):
        self.turn += 1
        self.engine.port = self.ports[self.turn % len(self.ports)]
        return self.engine.request(method, body).decode()

    def post(self, packet):
        assert self.request("POST", packet.encode()) == "ok"

    def poll_for(self, start):
        """Polls until a packet begins with @start."""
        while True:
            for packet in self.request().split("\x1e"):
                if packet == "2":
                    self.post("3")
                elif packet.startswith(start):
                    return packet


class NoStickySessions(ClusterTest):

    def test_requests_of_a_session_may_come_to_any_server(self):
        for contract in self.each_contract():
            servers = self.nodes(3, contract=contract)
            client = RoundRobin([s.port for s in servers])
            client.post("40")
            self.assertTrue(client.poll_for("40"))
            client.post('420["join-room","r"]')
            client.poll_for("430")
            for i in range(1, 100):
                client.post(f'42{i}["send-message",{{"roomId":"r","text":"{i}"}}]')
                client.poll_for(f"43{i}")
            self.assertEqual(sum(s.metric("belfry_relay_failures") for s in servers), 0)
            self.assertGreater(sum(s.metric("belfry_relayed") for s in servers), 100)

    def test_an_upgrade_may_come_to_any_server(self):
        for contract in self.each_contract():
            a, b = self.nodes(contract=contract)
            engine = self.opened(a.port)
            engine.port = b.port
            engine.upgrade()
            with SocketIO(engine=engine) as socket:
                socket.call("join-room", "r")
                text = "x" * 300000  # more than a window
                for i in range(3):
                    socket.call("send-message", {"roomId": "r", "text": text + str(i)})
                    self.assertEqual(socket.next_of("new-message")[0]["text"], text + str(i))
            engine.close()
            eventually(lambda: a.metric("belfry_sockets") == 0, "the socket has gone")

    def test_a_tunnel_ends_with_either_server(self):
        for who in (0, 1):
            servers = self.nodes()
            engine = self.opened(servers[0].port)
            engine.port = servers[1].port
            engine.upgrade()
            engine.send("40")
            engine.next_message()  # the owner has seen the upgrade
            self.lose(servers[who])
            self.assert_ends(engine.socket.sock)
            left = servers[1 - who]
            eventually(lambda: left.metric("belfry_connections.*engine") == 0, "it is gone here")

    def test_a_session_of_a_dead_server_is_unknown_at_once(self):
        a, b = self.nodes()
        client = self.opened(a.port)
        client.port = b.port
        self.lose(a)
        with self.assertRaises(HttpError) as caught:
            client.request()
        self.assertEqual(caught.exception.status, 400)
        self.assertEqual(json.loads(caught.exception.body)["code"], 1)

    def test_a_poll_that_waits_ends_when_its_server_dies(self):
        a, b = self.nodes()
        client = self.opened(a.port)
        client.port = b.port
        client.send("40")
        client.next_message()
        sock = tcp(b.port)
        self.addCleanup(sock.close)
        client._send_request(sock)
        eventually(lambda: a.metric('belfry_relayed_total.*"in"') >= 3, "the poll has arrived")
        self.lose(a)
        status, _, body = read_response(sock)
        self.assertEqual((status, json.loads(body)["code"]), (400, 1))

    def test_while_redis_is_away_it_is_not_unknown(self):
        redis = Redis()
        self.addCleanup(redis.close)
        a, b = self.nodes(port=redis.port)
        client = self.opened(a.port)
        redis.kill()
        self.await_ready(b, 503)
        client.port = b.port
        with self.assertRaises(HttpError) as caught:
            client.request()
        self.assertEqual(caught.exception.status, 503)


HAPROXY = """
defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s
    timeout tunnel 60s
frontend front
    bind 127.0.0.1:{port}
    default_backend nodes
backend nodes
    balance roundrobin
    option redispatch
    retries 3
{servers}
"""


@unittest.skipUnless(shutil.which("haproxy"), "haproxy is not installed")
class BehindHaproxy(ClusterTest):
    """Round robin, no cookie, no configuration of ours."""

    def haproxy(self, servers):
        port = free_port()
        lines = [f"    server s{i} 127.0.0.1:{s.port} check inter 200 fall 1 rise 1"
                 for i, s in enumerate(servers)]
        config = tempfile.NamedTemporaryFile("w", suffix=".cfg")
        self.addCleanup(config.close)
        config.write(HAPROXY.format(port=port, servers="\n".join(lines)))
        config.flush()
        process = subprocess.Popen(["haproxy", "-db", "-f", config.name],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        eventually(lambda: self.answers(port), "haproxy passes requests on")
        return port

    @staticmethod
    def answers(port):
        try:
            with WebSocket(port, "/echo") as socket:
                return socket.echo("x") == "x"
        except (OSError, AssertionError, Exception):  # not up yet, whatever it says
            return False

    def test_polling_clients_never_meet_an_unknown_session(self):
        servers = self.nodes(3)
        port = self.haproxy(servers)
        clients = []
        for _ in range(10):
            client = RoundRobin([port])
            client.post("40")
            client.poll_for("40")
            client.post('420["join-room","r"]')
            client.poll_for("430")
            clients.append(client)
        for i in range(1, 101):
            for client in clients:
                client.post(f'42{i}["send-message",{{"roomId":"r","text":"{i}"}}]')
            for client in clients:
                client.poll_for(f"43{i}")
        requests = sum(client.turn for client in clients)
        self.assertGreater(requests, 2000)
        self.assertEqual(sum(s.metric("belfry_engineio_refused") for s in servers), 0)
        self.assertEqual(sum(s.metric("belfry_relay_failures") for s in servers), 0)
        self.assertGreater(sum(s.metric("belfry_relayed") for s in servers), requests / 2)

    def test_upgrades_through_it(self):
        servers = self.nodes(3)
        port = self.haproxy(servers)
        for i in range(9):
            engine = self.opened(port)
            engine.upgrade()
            with SocketIO(engine=engine) as socket:
                socket.call("join-room", f"r{i}")
                socket.call("send-message", {"roomId": f"r{i}", "text": "hi"})
                self.assertEqual(socket.next_of("new-message")[0]["text"], "hi")
            engine.close()

    def test_one_server_less(self):
        servers = self.nodes(3, contract="streams")
        port = self.haproxy(servers)
        socket = SocketIO(port, transport="websocket")
        self.addCleanup(socket.close)
        socket.call("join-room", "r")
        socket.call("send-message", {"roomId": "r", "text": "one"})
        socket.next_of("new-message")
        owner = next(s for s in servers if s.metric("belfry_sockets") == 1)
        owner.signal(signal.SIGKILL)
        back = SocketIO(eventually(lambda: self.answers(port) and port, "the others answer"),
                        transport="websocket", back=socket)
        self.addCleanup(back.close)
        self.assertTrue(back.is_recovered)


if __name__ == "__main__":
    unittest.main()
