"""Rooms over plain WebSocket, as docs/reference describes them."""

import json

from belfry_test import BINARY, Closed, SystemTest, WebSocket


class Rooms(SystemTest):
    options = {}
    rooms = 0

    def setUp(self):
        Rooms.rooms += 1
        self.room = f"room {Rooms.rooms}"  # nobody else's

    def member(self, user=None, **how):
        return self.join(self.room, user, **how)

    def assert_error(self, reply):
        self.assertEqual(reply["type"], "error", reply)
        self.assertTrue(reply["code"])
        self.assertGreater(len(reply["reason"]), 10)

    def test_the_tutorials_client_works_as_it_stands(self):
        ada, bob = self.connect(), self.connect()
        welcome = ada.next_of("welcome")
        for who in (ada, bob):
            who.send_json(type="join", room="general")
            who.next_of("joined")
        ada.send_json(type="message", text="Hello, world!")
        for who in (ada, bob):
            message = who.next_of("message")
            self.assertEqual(message["text"], "Hello, world!")
            self.assertEqual(message["from"], welcome["id"])
            self.assertGreater(message["timestamp"], 1_500_000_000_000)

    def test_welcome_names_the_user(self):
        ada = self.member("ada")
        self.assertEqual(ada.welcome["user"], "ada")
        self.assertGreaterEqual(len(ada.welcome["id"]), 16)
        self.assertNotEqual(ada.welcome["id"], self.member("ada").welcome["id"])

    def test_joining_tells_the_others(self):
        ada = self.member("ada")
        bob = self.member("bob")
        self.assertEqual((ada.joined["members"], bob.joined["members"]), (1, 2))
        heard = ada.next_of("user-joined")
        self.assertEqual((heard["room"], heard["userId"]), (self.room, bob.welcome["id"]))
        bob.ask(type="leave", room=self.room)
        heard = ada.next_of("user-left")
        self.assertEqual((heard["room"], heard["userId"]), (self.room, bob.welcome["id"]))

    def test_a_message_without_a_room_goes_where_was_joined_last(self):
        ada = self.member()
        other = self.room + " other"
        ada.ask(type="join", room=other)
        ada.ask(type="join", room=self.room)  # again: now this is the last one
        self.assert_room_of_next_message(ada, self.room)
        ada.ask(type="leave", room=self.room)
        self.assert_room_of_next_message(ada, other)

    def assert_room_of_next_message(self, who, room):
        who.send_json(type="message", text="where?")
        self.assertEqual(who.next_of("message")["room"], room)

    def test_the_largest_message_reaches_everyone(self):
        ada, bob = self.member(), self.member()
        text = "x" * (1024 * 1024 - 100)
        ada.send_json(type="message", text=text, ref=1)
        for who in (ada, bob):
            self.assertEqual(who.next_of("message")["text"], text)
        self.assertEqual(ada.next_of("ack")["ref"], 1)

    def test_what_no_queue_could_hold_is_refused(self):
        server = self.start(max_queue_bytes="4K")
        ada = self.join("small", server=server)
        reply = ada.ask(type="message", text="x" * 5000)
        self.assertEqual((reply["type"], reply["code"]), ("error", "too-large"))
        self.assertEqual(ada.ask(type="message", text="still here")["type"], "ack")

    def test_a_lost_connection_leaves(self):
        ada, bob = self.member(), self.member()
        bob.reset()
        self.assertEqual(ada.next_of("user-left")["userId"], bob.welcome["id"])

    def test_joining_twice_is_joining_once(self):
        ada = self.member()
        self.assertEqual(ada.ask(type="join", room=self.room)["members"], 1)
        ada.send_json(type="message", room=self.room, text="once")
        ada.next_of("message")
        self.assertEqual(ada.ask(type="ping")["type"], "pong")

    def test_the_ack_follows_the_senders_copy_and_carries_its_id(self):
        ada = self.member()
        ada.send_json(type="message", room=self.room, text="hi", ref="7")
        message, ack = ada.next_json(), ada.next_json()
        self.assertEqual((message["type"], ack["type"], ack["ref"]), ("message", "ack", "7"))
        self.assertEqual(message["id"], ack["id"])

    def test_refs_of_other_kinds_come_back_as_they_were(self):
        ada = self.connect()
        for ref in ("", "a\"b\\c", "grüße", 7, "x" * 30):
            ada.send_json(type="ping", ref=ref)
            self.assertEqual(ada.next_of("pong", "error").get("ref"), ref)

    def test_events_reach_the_others_only(self):
        ada, bob = self.member("ada"), self.member("bob")
        data = {"x": 1, "y": [True, None, "ü"], "z": 12345678901234567890, "f": 0.1}
        reply = ada.ask(type="event", room=self.room, event="cursor", data=data)
        self.assertEqual(reply["type"], "ack")
        event = bob.next_of("event")
        self.assertEqual((event["event"], event["from"], event["data"]),
                         ("cursor", ada.welcome["id"], data))
        ada.send_json(type="ping")
        self.assertNotEqual(ada.next_of("event", "pong")["type"], "event")

    def test_everybody_hears_one_order(self):
        members = [self.member() for _ in range(4)]
        for number in range(50):
            members[number % 4].send_json(type="message", room=self.room, text=str(number))
        heard = [[m.next_of("message")["id"] for _ in range(50)] for m in members]
        self.assertEqual(heard, [heard[0]] * 4)
        self.assertEqual(len(set(heard[0])), 50)

    def test_history_and_since(self):
        ada = self.member()
        ids = [ada.ask(type="message", room=self.room, text=str(n))["id"] for n in range(10)]
        late = self.connect()
        joined = late.ask(type="join", room=self.room, history=3)
        self.assertEqual([m["id"] for m in joined["history"]], ids[-3:])
        self.assertFalse(joined["gap"])
        again = self.connect().ask(type="join", room=self.room, since=ids[4])
        self.assertEqual([m["text"] for m in again["history"]], list("56789"))
        self.assertFalse(again["gap"])
        unknown = self.connect().ask(type="join", room=self.room, since="1-1.elsewhere")
        self.assertTrue(unknown["gap"] or unknown["type"] == "error", unknown)

    def test_history_that_rolled_off_is_a_gap(self):
        server = self.start(history_messages=5)
        ada = self.join("short", server=server)
        ids = [ada.ask(type="message", room="short", text=str(n))["id"] for n in range(10)]
        joined = self.connect(server=server).ask(type="join", room="short", since=ids[0])
        self.assertTrue(joined["gap"])
        joined = self.connect(server=server).ask(type="join", room="short", since=ids[5])
        self.assertFalse(joined["gap"])
        self.assertEqual([m["text"] for m in joined["history"]], list("6789"))

    def test_a_key_sent_again_is_delivered_once(self):
        ada, bob = self.member(), self.member()
        first = ada.ask(type="message", room=self.room, text="pay", key="k1")
        again = ada.ask(type="message", room=self.room, text="pay", key="k1")
        other = ada.ask(type="message", room=self.room, text="end", key="k2")
        self.assertEqual(first["id"], again["id"])
        self.assertNotEqual(first["id"], other["id"])
        self.assertEqual([bob.next_of("message")["text"] for _ in range(2)], ["pay", "end"])

    def test_members_are_paged(self):
        server = self.start(max_members_page=3)
        members = [self.join("page", f"user{n}", server=server) for n in range(7)]
        found, after, asker = [], None, members[0]
        while True:
            page = asker.ask(type="members", room="page", **({"after": after} if after else {}))
            self.assertEqual((page["type"], page["count"]), ("members", 7))
            if not page["members"]:
                break
            self.assertLessEqual(len(page["members"]), 3)
            found += page["members"]
            after = page["members"][-1]["id"]
        self.assertEqual(sorted(m["id"] for m in found), sorted(m.welcome["id"] for m in members))
        self.assertEqual({m["user"] for m in found}, {f"user{n}" for n in range(7)})

    def test_a_room_above_the_presence_limit_hears_counts(self):
        server = self.start(presence_limit=3)
        first = self.join("crowd", server=server)
        others = [self.join("crowd", server=server) for _ in range(4)]
        self.assertEqual(others[-1].joined["members"], 5)
        first.send_json(type="ping")
        kinds = []
        while not kinds or kinds[-1] != "pong":
            kinds.append(first.next_json()["type"])
        self.assertLessEqual(kinds.count("user-joined"), 3)

    def test_requests_that_are_wrong_get_a_reason(self):
        ada = self.member()
        for fields in ({"type": "dance"}, {"type": "join"}, {"type": "join", "room": ""},
                       {"type": "join", "room": 7}, {"type": "join", "room": "x" * 300},
                       {"type": "message"}, {"type": "message", "text": 7},
                       {"type": "message", "room": "not joined", "text": "hi"},
                       {"type": "event", "room": self.room},
                       {"type": "event", "room": self.room, "event": "user-joined", "data": 1},
                       {"type": "event", "room": self.room, "event": "new-message", "data": 1},
                       {"type": "leave", "room": "not joined"},
                       {"type": "members", "room": "not joined"},
                       {"type": "join", "room": self.room, "history": -1}):
            with self.subTest(fields):
                self.assert_error(ada.ask(**fields))
        self.assertEqual(ada.ask(type="ping")["type"], "pong")

    def test_a_message_with_no_room_joined(self):
        self.assert_error(self.connect().ask(type="message", text="to whom?"))

    def test_text_that_is_no_request(self):
        for text in ("", "{", "[]", "7", "null", "\"a\"", "{}", '{"type":7}', '{"type":"ping"} x',
                     '{"type":"ping",}', "[" * 1000, '{"a":' * 1000,
                     '{"type":"ping","ref":"\\ud800"}',
                     '{"type":"join","room":"a\\u0000b"}', '{"type":"ping","ref":1e999}',
                     '{"type":"ping","type":"ping"}'):
            with self.subTest(text[:30]), WebSocket(self.server.port) as peer:
                peer.next_of("welcome")
                peer.send_text(text)
                peer.send_json(type="ping", ref="after")
                try:
                    while peer.next_json().get("ref") != "after":
                        pass
                except Closed as closed:
                    self.assertIn(closed.code, (1002, 1003, 1007, 1008))
        self.assert_serves()

    def test_binary_is_not_a_request(self):
        with WebSocket(self.server.port) as peer:
            peer.next_of("welcome")
            peer.send(BINARY, json.dumps({"type": "ping"}).encode())
            try:
                self.assertIn(peer.next_json()["type"], ("error", "pong"))
            except Closed as closed:
                self.assertEqual(closed.code, 1003)

    def test_the_limit_on_rooms(self):
        server = self.start(max_rooms_per_socket=3)
        ada = self.connect(server=server)
        for number in range(3):
            self.assertEqual(ada.ask(type="join", room=str(number))["type"], "joined")
        self.assert_error(ada.ask(type="join", room="3"))
        ada.ask(type="leave", room="0")
        self.assertEqual(ada.ask(type="join", room="3")["type"], "joined")

    def test_text_goes_through_unchanged(self):
        ada, bob = self.member(), self.member()
        for text in ("", "\u0000", "\"\\/\b\f\n\r\t", "😀 grüße \u2028", "</script>",
                     "x" * 100000):
            ada.send_json(type="message", room=self.room, text=text)
            self.assertEqual(bob.next_of("message")["text"], text)

    def test_a_volatile_event_reaches_those_who_keep_up(self):
        ada, bob = self.member(), self.member()
        ada.send_json(type="event", room=self.room, event="tick", data=1, volatile=True)
        self.assertEqual(bob.next_of("event")["data"], 1)

