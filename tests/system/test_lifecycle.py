"""Start, stop, signals, health: what an operator does to the process."""

import http.client
import signal
import time
import unittest

from belfry_test import Closed, Server, SystemTest, WebSocket, eventually, tcp


class Lifecycle(SystemTest):
    def test_start_says_where_to_go_and_stop_ends_with_0(self):
        server = self.start()
        self.assertIn(str(server.port), server.output())
        self.assertEqual(server.stop(), 0)

    def test_sigint_ends_with_0_too(self):
        server = self.start()
        server.signal(signal.SIGINT)
        self.assertEqual(server.wait(), 0)

    def test_sigterm_closes_everyone_with_1001(self):
        server = self.start(workers=2)
        clients = [self.join("general", server=server) for _ in range(8)]
        idle = tcp(server.port)
        self.addCleanup(idle.close)
        server.signal(signal.SIGTERM)
        for client in clients:
            self.assertEqual(client.close_code(), 1001)
            client.close()
        self.assert_ends(idle)
        self.assertEqual(server.wait(), 0)

    def test_sigterm_ends_within_the_drain_time_though_nobody_reacts(self):
        server = self.start(drain_timeout_ms="500ms")
        for _ in range(3):
            self.join("general", server=server)  # reads nothing from now on
        half_a_head = tcp(server.port)
        self.addCleanup(half_a_head.close)
        half_a_head.sendall(b"GET / HT")
        server.signal(signal.SIGTERM)
        self.assertEqual(server.wait(), 0)

    def test_a_second_sigterm_is_harmless(self):
        server = self.start(drain_timeout_ms="1s")
        self.join("general", server=server)
        server.signal(signal.SIGTERM)
        server.signal(signal.SIGTERM)
        self.assertEqual(server.wait(), 0)

    def test_nobody_is_accepted_after_sigterm(self):
        server = self.start(drain_timeout_ms="30s")
        member = self.join("general", server=server)
        server.signal(signal.SIGTERM)
        with self.assertRaises(Closed) as closed:
            while True:
                member.next_message()
        self.assertEqual(closed.exception.code, 1001)
        eventually(lambda: self._is_refused(server), "new connections are refused")

    @staticmethod
    def _is_refused(server):
        try:
            WebSocket(server.port, "/echo").close()
            return False
        except (OSError, Closed, AssertionError):
            return True

    def test_restart_binds_at_once(self):
        server = self.start()
        client = self.connect("/echo", server)
        client.echo("so that a connection is left in TIME_WAIT")
        self.assertEqual(server.stop(), 0)
        again = self.start(port=server.port)
        self.assert_serves(again)

    def test_restart_after_a_kill_binds_at_once(self):
        server = self.start()
        self.connect("/echo", server).echo("hello")
        server.process.kill()
        server.wait()
        self.assert_serves(self.start(port=server.port))

    def test_a_taken_port_is_an_error_that_names_it(self):
        server = self.start()
        with self.assertRaisesRegex(AssertionError, f"it ended with [1-9].*{server.port}"):
            try:
                Server(program=[*server.process.args])
            except AssertionError as error:
                raise AssertionError(str(error).replace("\n", " ")) from None

    def test_stop_and_continue_loses_nothing(self):
        server = self.start(ping_interval_ms="200ms", ping_timeout_ms="500ms")
        client = self.connect("/echo", server)
        server.signal(signal.SIGSTOP)
        for number in range(100):
            client.send_text(f"message {number}")
        time.sleep(1)  # longer than every timer above: they must not all fire at SIGCONT
        server.signal(signal.SIGCONT)
        for number in range(100):
            self.assertEqual(client.next_message()[1], f"message {number}".encode())
        self.assert_serves(server)

    def test_sigpipe_does_not_end_it(self):
        server = self.start()
        server.signal(signal.SIGPIPE)
        self.assert_serves(server)


class Health(SystemTest):
    options = {}

    def test_healthz_and_readyz(self):
        self.assertEqual(self.server.get("/healthz")[0], 200)
        self.assertEqual(self.server.get("/readyz")[0], 200)

    def test_head_has_no_body(self):
        status, headers, body = self.server.get("/healthz", method="HEAD")
        self.assertEqual((status, body), (200, b""))
        self.assertGreater(int(headers["content-length"]), 0)

    def test_metrics_count_connections(self):
        before = self.server.metric(r"^belfry_connections.*websocket")
        member = self.join("metrics")
        eventually(lambda: self.server.metric(r"^belfry_connections.*websocket") > before, "counted")
        member.close()
        eventually(lambda: self.server.metric(r"^belfry_connections.*websocket") <= before, "uncounted")

    def test_metrics_have_help_and_type_and_build_info(self):
        status, headers, body = self.server.get("/metrics")
        self.assertEqual(status, 200)
        self.assertTrue(headers["content-type"].startswith("text/plain; version=0.0.4"))
        text = body.decode()
        for name in {line.split("{")[0].split(" ")[0] for line in text.splitlines()
                     if line and not line.startswith("#")}:
            family = name.removesuffix("_bucket").removesuffix("_sum").removesuffix("_count")
            self.assertRegex(text, rf"(?m)^# TYPE ({name}|{family}) ")
            self.assertRegex(text, rf"(?m)^# HELP ({name}|{family}) ")
        self.assertIn("belfry_build_info{", text)

    def test_readyz_while_draining(self):
        server = self.start(drain_timeout_ms="30s")
        self.join("general", server=server)
        keep = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        self.addCleanup(keep.close)
        keep.request("GET", "/readyz")
        self.assertEqual(keep.getresponse().read() and 200, 200)
        server.signal(signal.SIGTERM)
        deadline = time.monotonic() + 10
        status = 200
        while status == 200:  # until the signal has arrived
            self.assertLess(time.monotonic(), deadline)
            try:
                keep.request("GET", "/readyz")
                response = keep.getresponse()
                status = response.status
                response.read()
            except (http.client.HTTPException, OSError):
                return  # an idle connection may also be closed at once
        self.assertEqual(status, 503)


if __name__ == "__main__":
    unittest.main()
