"""The HTTP API: backends say something in a room."""

import json
import re
import subprocess

from belfry_test import EventStream, SystemTest, eventually, tcp, read_response


class ApiTest(SystemTest):
    options = {}

    def post(self, room, body, headers=(), server=None, raw=False):
        """(status, headers, answer)"""
        body = body if raw else json.dumps(body).encode()
        status, fields, answer = (server or self.server).get(
            f"/api/rooms/{room}/messages", headers, method="POST", body=body)
        return status, fields, json.loads(answer) if answer else None

    def follow(self, room, server=None):
        stream = EventStream((server or self.server).port, f"/events?room={room}")
        self.addCleanup(stream.close)
        stream.next_of("joined")
        return stream


class Publishing(ApiTest):

    def test_a_message_and_an_event(self):
        stream, member = self.follow("a"), self.join("a", "ada")
        status, headers, said = self.post("a", {"text": "hi", "user": "cron"})
        self.assertEqual((status, headers["content-type"]), (200, "application/json"))
        heard = stream.next_of("message")
        self.assertEqual((heard.json["text"], heard.json["user"]), ("hi", "cron"))
        self.assertEqual(heard.id, said["id"])
        self.assertEqual(member.next_of("message")["id"], said["id"])
        self.post("a", {"event": "new-post", "data": {"title": "ü"}})
        self.assertEqual(stream.next_of("new-post").json["data"], {"title": "ü"})
        self.assertEqual(member.next_of("event")["event"], "new-post")
        self.post("a", {"event": "bare"})
        self.assertIsNone(stream.next_of("bare").json["data"])

    def test_a_volatile_one_has_no_id(self):
        self.assertIsNone(self.post("v", {"event": "tick", "volatile": True})[2]["id"])

    def test_an_array_in_order(self):
        stream = self.follow("batch")
        status, _, said = self.post("batch", [{"text": str(i)} for i in range(1000)])
        self.assertEqual(status, 200)
        self.assertEqual(stream.texts(1000), [str(i) for i in range(1000)])
        ids = [message["id"] for message in said["messages"]]
        self.assertEqual(len(set(ids)), 1000)
        self.assertEqual(stream.last_id, ids[-1])
        self.assertEqual(self.post("batch", [])[2], {"messages": []})

    def test_a_key_makes_a_retry_one_message(self):
        stream = self.follow("key")
        first = self.post("key", {"text": "1", "key": "k"})[2]
        again = self.post("key", {"text": "1", "key": "k"})[2]
        self.assertEqual(again, {"id": first["id"], "repeat": True})
        header = [("Idempotency-Key", "h")]
        first = self.post("key", {"text": "2"}, header)[2]
        self.assertTrue(self.post("key", {"text": "2"}, header)[2]["repeat"])
        self.assertNotIn("repeat", self.post("key2", {"text": "2"}, header)[2])  # another room
        batch = [{"text": "3"}, {"text": "4", "key": "own"}]
        self.post("key", batch, [("Idempotency-Key", "b")])
        again = self.post("key", batch, [("Idempotency-Key", "b")])[2]["messages"]
        self.assertTrue(all(message["repeat"] for message in again))
        self.post("key", {"text": "end"})
        self.assertEqual(stream.texts(5), ["1", "2", "3", "4", "end"])

    def test_names_of_rooms_are_decoded(self):
        stream = self.follow("a%2Fb%20%2B%C3%BC")
        self.assertEqual(self.post("a%2Fb%20+%C3%BC", {"text": "hi"})[0], 200)
        self.assertEqual(stream.texts(1), ["hi"])

    def test_many_over_one_connection(self):
        stream = self.follow("alive")
        with tcp(self.server.port) as sock:
            for i in range(50):
                body = json.dumps({"text": str(i)}).encode()
                sock.sendall(b"POST /api/rooms/alive/messages HTTP/1.1\r\nHost: x\r\n"
                             b"Content-Length: %d\r\n\r\n" % len(body) + body)
                self.assertEqual(read_response(sock)[0], 200)
        self.assertEqual(stream.texts(50), [str(i) for i in range(50)])


class Refusing(ApiTest):

    def test_what_is_wrong_is_said_and_nothing_is_published(self):
        stream = self.follow("bad")
        for body, status, code in (
                (b"hello", 400, "bad-json"), (b"", 400, "bad-json"), (b"\xff", 400, "bad-json"),
                (b"{", 400, "bad-json"), (b"[", 400, "bad-json"), (b"[{}]x", 400, "bad-request"),
                (b"{}", 400, "bad-request"), (b'{"text":1}', 400, "bad-request"),
                (b'{"event":""}', 400, "bad-request"), (b'{"event":1}', 400, "bad-request"),
                (b'{"event":"user-joined"}', 400, "reserved-event"),
                (b'{"text":"a","key":"' + b"k" * 200 + b'"}', 400, "bad-request"),
                (b'{"text":"a","user":"\\u0001"}', 400, "bad-request"),
                (b'[{"text":"a"},{"text":2}]', 400, "bad-request"),
                (b"[" + b",".join([b'{"text":"a"}'] * 1001) + b"]", 413, "too-large"),
                (b'{"text":"a","data":' + b"[" * 100 + b"]" * 100 + b"}", 400, "bad-json")):
            got, _, answer = self.post("bad", body, raw=True)
            self.assertEqual((got, answer["code"]), (status, code), body[:60])
            self.assertTrue(answer["reason"])
        self.assertIn("message 1", self.post("bad", [{"text": "a"}, {}])[2]["reason"])
        self.post("bad", {"text": "end"})
        self.assertEqual(stream.texts(1), ["end"])

    def test_rooms_paths_and_methods(self):
        for room in ("%01", "%ff", "x" * 300, "AAAAAAAAAAAAAAAAAAAA"):
            self.assertEqual(self.post(room, {"text": "a"})[2]["code"], "bad-room", room)
        for path in ("/api/", "/api/rooms/messages", "/api/rooms//messages", "/api/rooms/a/b/messages",
                     "/api/rooms/a/message", "/api/x"):
            self.assertEqual(self.server.get(path, method="POST", body=b"{}")[0], 404, path)
        status, headers, _ = self.server.get("/api/rooms/a/messages")
        self.assertEqual((status, headers["allow"]), (405, "POST, OPTIONS"))

    def test_a_body_has_an_end(self):
        server = self.start(max_body_bytes="1K")
        status, _, answer = self.post("a", {"text": "x" * 2000}, server=server)
        self.assertEqual((status, answer["code"]), (413, "too-large"))

    def test_every_limit_has_its_answer(self):
        server = self.start(max_queue_bytes=4096, max_json_depth=1024)
        stream = self.follow("limits", server)
        deep = '{"event":"e","data":' + "[" * 1023 + "]" * 1023 + "}"
        for what, body, headers, status, code in (
                ("a key", b'{"text":"a"}', [("Idempotency-Key", "k" * 129)], 400, "bad-request"),
                ("a name", json.dumps({"text": "a", "user": "u" * 257}), (), 400, "bad-request"),
                ("a text", json.dumps({"text": "t" * 4095}), (), 413, "too-large"),
                ("data", json.dumps({"event": "e", "data": "d" * 4095}), (), 413, "too-large"),
                ("deeper", "[" + deep.replace("[]", "[[]]") + "]", (), 400, "bad-json")):
            body = body if isinstance(body, bytes) else body.encode()
            got, _, answer = self.post("limits", body, headers, server, raw=True)
            self.assertEqual((got, answer["code"]), (status, code), what)
        refused = server.metric("^belfry_api_refused_total")
        self.assertEqual(refused, 5)
        for body, headers in ((b'{"text":"a"}', [("Idempotency-Key", "k" * 128)]),
                              (json.dumps({"text": "b", "user": "u" * 256}).encode(), ()),
                              (json.dumps({"text": "t" * 4094}).encode(), ()),
                              (b'[{"text":"[]"}]', ())):
            self.assertEqual(self.post("limits", body, headers, server, raw=True)[0], 200)
        self.assertEqual(stream.texts(4)[2], "t" * 4094)


class Keys(ApiTest):
    options = {"demo": False, "api_keys": "first-key, second-key"}

    def test_one_of_the_keys(self):
        for value in ("Bearer first-key", "bearer second-key"):
            self.assertEqual(self.post("k", {"text": "a"}, [("Authorization", value)])[0], 200)
        for value in ("Bearer first", "Bearer first-keys", "Bearer ", "Basic first-key", "first-key",
                      "Bearer first-key, second-key"):
            status, headers, _ = self.post("k", {"text": "a"}, [("Authorization", value)])
            self.assertEqual((status, headers["www-authenticate"]), (401, "Bearer"), value)
        self.assertEqual(self.post("k", {"text": "a"})[0], 401)

    def test_without_keys_it_is_closed(self):
        server = self.start(demo=False)
        self.assertEqual(self.post("k", {"text": "a"}, server=server)[0], 403)
        eventually(lambda: "stop with" in server.output(), "the welcome")
        self.assertNotIn("  publish ", server.output())

    def test_the_commands_of_the_welcome_work_as_they_are(self):
        for server in (self.server, self.start()):
            eventually(lambda server=server: "stop with" in server.output(), "the welcome")

            def command(word, server=server):
                return "exec " + re.search(f"  {word} +(.*)", server.output())[1]

            said = subprocess.run(command("publish").replace("KEY", "first-key"), shell=True,
                                  check=True, capture_output=True, timeout=10).stdout
            with subprocess.Popen(command("follow").replace("?", "?history=1&"), shell=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as curl:
                heard = next(line for line in curl.stdout if line.startswith(b"data: "))
                curl.kill()
            message = json.loads(heard.removeprefix(b"data: "))
            self.assertEqual(message["text"], "hello")
            self.assertEqual(message["id"], json.loads(said)["id"])

    def test_pages_of_other_origins(self):
        headers = [("Origin", "https://evil.example"), ("Authorization", "Bearer first-key")]
        self.assertEqual(self.post("k", {"text": "a"}, headers)[0], 403)
        server = self.start(demo=False, origins="https://app.example", api_open=True)
        status, fields, _ = server.get(
            "/api/rooms/k/messages", [("Origin", "https://app.example"),
                                      ("Access-Control-Request-Method", "POST")], method="OPTIONS")
        self.assertEqual((status, fields["access-control-allow-origin"]),
                         (204, "https://app.example"))
        self.assertIn("Authorization", fields["access-control-allow-headers"])
