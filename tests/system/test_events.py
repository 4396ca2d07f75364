"""Event streams at /events: what readers get, from where, and what happens to those that are slow."""

import shutil
import subprocess
import tempfile
import unittest

from belfry_test import Closed, EventStream, SystemTest, eventually, free_port


class EventsTest(SystemTest):
    options = {}

    def follow(self, rooms, server=None, **how):
        """A reader of @rooms (and more of a query), its `joined` read."""
        server = server or self.server
        stream = EventStream(server.port, f"/events?room={rooms}", secure=server.secure, **how)
        self.addCleanup(stream.close)
        self.assertEqual(stream.status, 200)
        return stream

    def say(self, room, *texts, server=None):
        member = self.join(room, "ada", server)
        ids = [member.ask(type="message", text=text)["id"] for text in texts]
        member.close()
        return ids


class Streams(EventsTest):

    def test_the_head_is_for_browsers_and_for_proxies(self):
        stream = self.follow("head")
        self.assertEqual(stream.headers["content-type"], "text/event-stream")
        self.assertIn("no-store", stream.headers["cache-control"])
        self.assertIn("no-transform", stream.headers["cache-control"])
        self.assertEqual(stream.headers["x-accel-buffering"], "no")
        self.assertNotIn("content-encoding", stream.headers)
        joined = stream.next()
        self.assertEqual((joined.name, joined.json["rooms"]), ("joined", ["head"]))
        self.assertFalse(joined.json["gap"])
        self.assertEqual(joined.id, joined.json["last"])
        self.assertEqual(stream.retry, 2000)

    def test_the_figures_of_the_server_are_said_in_a_room(self):
        member = self.join("belfry-stats", "ada")
        stream = self.follow("belfry-stats")
        first, second = (stream.next_of("stats") for _ in range(2))
        self.assertEqual(first.json["room"], "belfry-stats")
        self.assertIsNone(first.json.get("id"))  # nobody comes back to them
        figures, later = first.json["data"], second.json["data"]
        self.assertEqual((figures["sse"], figures["websocket"]), (1, 1))
        self.assertGreater(figures["memory"], 1 << 20)
        self.assertGreater(later["uptime"], figures["uptime"])
        self.assertGreaterEqual(later["bytesOut"], figures["bytesOut"])
        self.assertEqual(member.next_of("event")["event"], "stats")

    def test_messages_events_and_people(self):
        stream = self.follow("r1&room=r2&user=eve")
        stream.next_of("joined")
        ada = self.join("r1", "ada")
        self.assertEqual(ada.joined["members"], 2)  # a reader counts
        came = stream.next_of("user-joined").json
        self.assertEqual((came["user"], came["room"], came["members"]), ("ada", "r1", 2))
        ada.ask(type="join", room="r2")
        ada.send_json(type="message", text="héllo\nline", room="r1")
        heard = stream.next_of("message")
        self.assertEqual((heard.json["text"], heard.json["room"]), ("héllo\nline", "r1"))
        self.assertEqual(heard.id, heard.json["id"])
        ada.send_json(type="event", event="cursor", data={"x": 1}, room="r2")
        heard = stream.next_of("cursor")
        self.assertEqual((heard.json["data"], heard.json["room"]), ({"x": 1}, "r2"))
        before = heard.id
        ada.send_json(type="event", event="tick", room="r2", volatile=True)
        self.assertEqual(stream.next_of("tick").id, before)  # no place: nothing to resume from
        people = ada.ask(type="members", room="r1")["members"]
        self.assertEqual(sorted(p["user"] for p in people), ["ada", "eve"])
        stream.close()
        self.assertEqual(ada.next_of("user-left")["user"], "eve")

    def test_what_is_wrong_is_said(self):
        for query, words in (("", "no room"), ("room=", "empty"), ("room=%01", "control"),
                             ("room=%ff", "UTF-8"), (f"room={'x' * 300}", "too long"),
                             ("room=AAAAAAAAAAAAAAAAAAAA", ""),
                             ("room=a&user=%01", "user")):
            status, headers, body = self.server.get(f"/events?{query}")
            self.assertEqual(status, 400, query)
            self.assertIn(words, body.decode(), query)
        many = "&".join(f"room={i}" for i in range(1025))
        self.assertEqual(self.server.get(f"/events?{many}")[0], 400)
        self.assertEqual(self.server.get("/events?room=a", method="POST")[0], 405)
        self.assertEqual(self.server.get("/events?room=a", method="HEAD")[0], 200)

    def test_the_number_of_streams_is_shown(self):
        def streams_are(count):
            eventually(lambda: self.server.metric('connections.*"sse"') == count, f"{count} are open")

        streams_are(0)
        streams = [self.follow("count") for _ in range(3)]
        streams_are(3)
        for stream in streams:
            stream.close()
        streams_are(0)

    def test_what_a_reader_sends_is_nothing(self):
        stream = self.follow("rude")
        stream.next_of("joined")
        stream.sock.sendall(b"GET / HTTP/1.1\r\n\r\n" + bytes(100000))
        self.say("rude", "hi")
        self.assertEqual(stream.texts(1), ["hi"])


class Resuming(EventsTest):

    def test_what_was_missed_comes_first_and_once(self):
        stream = self.follow("miss")
        stream.next_of("joined")
        self.say("miss", "1", "2")
        self.assertEqual(stream.texts(2), ["1", "2"])
        last = stream.last_id
        stream.close()
        self.say("miss", "3", "4")
        for how in ({"last_id": last}, {}):
            query = "miss" if how else f"miss&since={last}"
            back = self.follow(query, **how)
            first = [back.next() for _ in range(2)]
            self.assertEqual([e.json["text"] for e in first if e.name == "message"][:1], ["3"])
            joined = back.next_of("joined")
            self.assertFalse(joined.json["gap"])
            self.say("miss", "5")
            self.assertEqual(back.texts(1), ["5"])
            back.close()

    def test_a_reader_that_heard_nothing_goes_on_from_where_it_joined(self):
        stream = self.follow("quiet")
        last = stream.next_of("joined").id
        stream.close()
        self.say("quiet", "1")
        self.assertEqual(self.follow("quiet", last_id=last).texts(1), ["1"])

    def test_one_position_is_for_all_rooms(self):
        stream = self.follow("p1&room=p2")
        last = stream.next_of("joined").id
        stream.close()
        for i in range(3):
            self.say("p1", f"a{i}")
            self.say("p2", f"b{i}")
        back = self.follow("p1&room=p2", last_id=last)
        self.assertEqual(back.texts(6), ["a0", "b0", "a1", "b1", "a2", "b2"])

    def test_a_header_counts_more_than_the_url(self):
        stream = self.follow("both")
        first = stream.next_of("joined").id
        self.say("both", "1", "2")
        stream.texts(2)
        self.assertEqual(self.follow(f"both&since={first}", last_id=stream.last_id).next().name,
                         "joined")

    def test_an_unknown_position_is_a_gap(self):
        self.say("gap", "1")
        for position in ("nonsense", "1-1.other", "99999999999999-0.other", "1-1"):
            stream = self.follow("gap", last_id=position)
            gap = stream.next()
            self.assertEqual(gap.name, "gap", position)
            self.assertIn("position", gap.json["reason"])
            self.assertTrue(stream.next_of("joined").json["gap"])
            self.assertNotEqual(stream.last_id, "")

    def test_a_gap_when_history_ends(self):
        server = self.start(log_bytes="64K")
        stream = self.follow("old", server)
        last = stream.next_of("joined").id
        stream.close()
        self.say("old", *["x" * 4000 for _ in range(40)], server=server)
        back = self.follow("old", server, last_id=last)
        self.assertEqual(back.next().name, "gap")
        last = back.next_of("joined").id
        back.close()
        self.assertEqual(self.follow("old", server, last_id=last).next().name, "joined")

    def test_the_latest_of_each_room(self):
        self.say("h1", "1", "2", "3")
        self.say("h2", "4", "5", "6")
        stream = self.follow("h1&room=h2&history=2")
        self.assertEqual(stream.texts(4), ["2", "3", "5", "6"])
        self.assertEqual(stream.next().name, "joined")
        self.assertEqual(self.follow("h1&history=0").next().name, "joined")
        self.assertEqual(self.follow("h1&history=x").next().name, "joined")


class Memory(EventsTest):
    options = {"history_rooms": "news-*=1000/4M/1h, tmp-*=off", "history_messages": "2"}

    def test_rooms_remember_by_their_names(self):
        for room, want in (("news-1", ["1", "2", "3"]), ("tmp-1", []), ("other", ["2", "3"])):
            self.say(room, "1", "2", "3")
            stream = self.follow(f"{room}&history=10")
            self.assertEqual(stream.texts(len(want)), want, room)
            self.assertEqual(stream.next().name, "joined", room)

    def test_who_comes_back_to_a_room_without_history_has_a_gap(self):
        stream = self.follow("tmp-2")
        last = stream.next_of("joined").id
        stream.close()
        self.assertEqual(self.follow("tmp-2", last_id=last).next().name, "gap")
        self.assertEqual(self.follow("news-2", last_id=last).next().name, "joined")

    def test_a_rule_that_means_nothing_is_refused(self):
        with self.assertRaisesRegex(AssertionError, "history_rooms"):
            self.start(history_rooms="x")


class Compression(EventsTest):

    def test_who_asks_gets_gzip_of_the_same(self):
        plain, packed = self.follow("zip"), self.follow("zip", gzip=True)
        self.assertEqual(packed.headers["content-encoding"], "gzip")
        self.assertIn("Accept-Encoding", packed.headers["vary"])
        long = "abc" * 5000
        self.say("zip", "short", long, "", "x" * 70000)
        for stream in (plain, packed):
            stream.next_of("joined")
            self.assertEqual(stream.texts(4), ["short", long, "", "x" * 70000])

    def test_who_asks_and_cannot_read_it_gets_none(self):
        headers = [("User-Agent", "python-requests/2.34")]
        self.assertNotIn("content-encoding", self.follow("zip", gzip=True, headers=headers).headers)

    def test_it_can_be_off(self):
        server = self.start(deflate="off")
        self.assertNotIn("content-encoding", self.follow("zip", server, gzip=True).headers)


class Slow(EventsTest):

    def reader(self, server):
        stream = EventStream(server.port, "/events?room=slow", receive_buffer=4096)
        self.addCleanup(stream.close)
        stream.next_of("joined")
        return stream

    def flood(self, server, count=60):
        member = self.join("slow", "ada", server)
        for i in range(count):
            member.ask(type="message", text=f"{i} " + "x" * 100000)
        return member

    def test_who_does_not_keep_up_is_closed_and_comes_back_to_all_of_it(self):
        server = self.start(max_queue_bytes="256K", history_bytes="64M", log_bytes="128M")
        stream = self.reader(server)
        self.flood(server)
        eventually(lambda: server.metric('disconnects_total.*"slow member"') == 1, "it is closed")
        heard = []
        try:
            while True:
                heard.append(stream.next_of("message"))
        except (Closed, ConnectionError):
            pass
        back = self.follow("slow", server, last_id=stream.last_id)
        heard += [back.next_of("message") for _ in range(60 - len(heard))]
        self.assertEqual([int(e.json["text"].split()[0]) for e in heard], list(range(60)))

    def test_or_is_told_of_what_was_dropped(self):
        server = self.start(max_queue_bytes="256K", slow_policy="drop-oldest")
        stream = self.reader(server)
        member = self.flood(server)
        member.ask(type="message", text="end")
        names = []
        while (event := stream.next()).name != "message" or event.json["text"] != "end":
            names.append(event.name)
        self.assertIn("gap", names)

    def test_a_reader_that_takes_nothing_is_gone_in_time(self):
        server = self.start(ping_interval_ms="200ms", max_queue_bytes="64M", log_bytes="128M")
        self.reader(server)
        self.flood(server)
        eventually(lambda: server.metric('disconnects_total.*"ping timeout"') == 1, "it is gone")

    def test_a_comment_shows_that_somebody_is_there(self):
        server = self.start(ping_interval_ms="100ms")
        stream = self.follow("idle", server)
        stream.next_of("joined")
        member = self.join("idle", "ada", server)
        while stream.comments < 3:
            member.send_json(type="message", text="x")
            stream.next_of("message")
        self.assertGreaterEqual(stream.comments, 3)


class Ends(EventsTest):

    def test_a_stop_ends_streams_in_order(self):
        server = self.start()
        stream = self.follow("stop", server)
        stream.next_of("joined")
        self.say("stop", "last", server=server)
        self.assertEqual(server.stop(), 0)
        self.assertEqual(stream.texts(1), ["last"])
        with self.assertRaises(Closed):
            stream.next_of("message")

    def test_over_tls(self):
        server = self.start(tls_self_signed=True)
        stream = self.follow("tls", server, gzip=True)
        stream.next_of("joined")
        self.say("tls", "x" * 50000, server=server)
        self.assertEqual(stream.texts(1), ["x" * 50000])


class Origins(EventsTest):
    options = {"origins": "https://app.example", "cors_credentials": True, "demo": False}

    def test_listed_origins_may_read(self):
        stream = self.follow("cors", headers=[("Origin", "https://app.example")])
        self.assertEqual(stream.headers["access-control-allow-origin"], "https://app.example")
        self.assertEqual(stream.headers["access-control-allow-credentials"], "true")

    def test_others_may_not(self):
        status, headers, _ = self.server.get("/events?room=cors",
                                             [("Origin", "https://evil.example")])
        self.assertEqual(status, 403)
        self.assertNotIn("access-control-allow-origin", headers)


NGINX = """
daemon off; worker_processes 1; error_log stderr; pid {folder}/pid;
events {{ }}
http {{
    access_log off;
    client_body_temp_path {folder}; proxy_temp_path {folder};
    fastcgi_temp_path {folder}; uwsgi_temp_path {folder}; scgi_temp_path {folder};
    gzip on; gzip_types text/event-stream; gzip_proxied any; gzip_min_length 1;
    server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://127.0.0.1:{to}; }} }}
}}
"""


@unittest.skipUnless(shutil.which("nginx"), "nginx is not installed")
class BehindNginx(EventsTest):
    """As Debian configures it: HTTP/1.0 to the server, buffering on, and here gzip too."""

    def test_events_come_at_once(self):
        folder = self.enterContext(tempfile.TemporaryDirectory())
        port = free_port()
        path = f"{folder}/nginx.conf"
        with open(path, "w", encoding="utf-8") as out:
            out.write(NGINX.format(folder=folder, port=port, to=self.server.port))
        nginx = subprocess.Popen(["nginx", "-p", folder, "-c", path], stderr=subprocess.DEVNULL)
        self.addCleanup(nginx.wait)
        self.addCleanup(nginx.terminate)
        eventually(lambda: self.is_up(port), "nginx listens")
        for gzip in (False, True):
            stream = EventStream(port, "/events?room=nginx", gzip=gzip)
            self.addCleanup(stream.close)
            last = stream.next_of("joined").id
            member = self.join("nginx", "ada")
            for i in range(20):  # each is waited for: one that is held back would end the test
                member.ask(type="message", text=str(i))
                self.assertEqual(stream.texts(1), [str(i)])
            stream.close()
            back = EventStream(port, "/events?room=nginx", last_id=last, gzip=gzip)
            self.addCleanup(back.close)
            self.assertEqual(back.texts(20), [str(i) for i in range(20)])

    @staticmethod
    def is_up(port):
        try:
            EventStream(port, "/events").close()
            return True
        except (OSError, Closed):
            return False
