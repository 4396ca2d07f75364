"""Rooms over several workers: connections land anywhere, and nobody can tell."""

from belfry_test import SystemTest, eventually


class Workers(SystemTest):
    options = {"workers": 4}

    def test_one_order_for_members_of_every_worker(self):
        members = [self.join("order") for _ in range(16)]
        for number in range(160):
            members[number % 16].send_json(type="message", room="order", text=str(number))
        heard = [[m.next_of("message")["id"] for _ in range(160)] for m in members]
        self.assertEqual(heard, [heard[0]] * 16)
        self.assertEqual(len(set(heard[0])), 160)

    def test_a_senders_messages_keep_their_order(self):
        sender, *members = [self.join("fifo") for _ in range(8)]
        for number in range(200):
            sender.send_json(type="message", room="fifo", text=str(number))
        for member in members:
            self.assertEqual([member.next_of("message")["text"] for _ in range(200)],
                             [str(n) for n in range(200)])

    def test_presence_counts_everybody(self):
        members = [self.join("presence") for _ in range(12)]
        page = members[0].ask(type="members", room="presence")
        self.assertEqual(page["count"], 12)
        self.assertEqual({m["id"] for m in page["members"]}, {m.welcome["id"] for m in members})
        for member in members[1:]:
            member.reset()
        eventually(lambda: members[0].ask(type="members", room="presence")["count"] == 1,
                   "those who left are gone")

    def test_joining_while_others_talk_misses_nothing(self):
        sender = self.join("resume")
        sent = []
        for _ in range(20):
            sent += [sender.ask(type="message", room="resume", text="x")["id"] for _ in range(3)]
            late = self.connect()
            sender.send_json(type="message", room="resume", text="x", ref="crossing")
            joined = late.ask(type="join", room="resume", since=sent[0])
            sent.append(sender.next_of("ack")["id"])
            end = sender.ask(type="message", room="resume", text="end")["id"]
            sent.append(end)
            heard = [m["id"] for m in joined["history"]]
            while not heard or heard[-1] != end:
                heard.append(late.next_of("message")["id"])
            self.assertEqual(heard, sent[1:])
            late.close()

    def test_churn_on_every_worker(self):
        for _ in range(5):
            members = [self.join(f"churn {n % 5}") for n in range(40)]
            for member in members:
                member.send_json(type="message", text="bye")
                member.reset()
        eventually(lambda: self.server.metric(r"^belfry_connections\b") <= 1, "all gone")
        self.assert_serves()

    def test_a_slow_member_on_another_worker(self):
        server = self.start(workers=4, max_queue_bytes="64K", close_timeout_ms="60s")
        slow = [self.join("feed", server=server, receive_buffer=4096) for _ in range(4)]
        sender = self.join("feed", server=server)
        for number in range(2000):
            sender.ask(type="message", room="feed", text="x" * 30000)
            if server.metric("slow member") >= 4:
                break
        for member in slow:
            self.assertEqual(member.close_code(), 1013)
