"""The base of every system test: servers and sockets that go away with the test."""

import unittest

from .process import Server
from .websocket import Closed, WebSocket, read_response, tcp


class SystemTest(unittest.TestCase):
    """One server for the class, with the options in @options; self.start() gives a test its own."""

    options = None  # a dict starts the shared server

    @classmethod
    def setUpClass(cls):
        cls.server = Server(**cls.options) if cls.options is not None else None

    @classmethod
    def tearDownClass(cls):
        if cls.server is not None:
            try:
                status = cls.server.stop()
                if status != 0:
                    raise AssertionError(f"exit status {status}:\n{cls.server.output()}")
            finally:
                cls.server.kill()

    def start(self, **options):
        """A server of this test's own, which must not have crashed when the test is over."""
        server = Server(**options)
        self.addCleanup(server.kill)
        self.addCleanup(self._must_not_have_crashed, server)
        return server

    def _must_not_have_crashed(self, server):
        status = server.process.poll()
        self.assertIn(status, (None, 0, -9), server.output())
        self.assertNotIn("ERROR: ", server.output())  # how every sanitizer begins its report

    def connect(self, path="/ws", server=None, **how):
        server = server or self.server
        socket = WebSocket(server.port, path, secure=server.secure, **how)
        self.addCleanup(socket.close)
        return socket

    def join(self, room, user=None, server=None, **how):
        """A member of @room, its welcome and join reply read."""
        member = self.connect("/ws" + (f"?user={user}" if user else ""), server, **how)
        member.welcome = member.next_of("welcome")
        member.joined = member.ask(type="join", room=room)
        self.assertEqual(member.joined["type"], "joined")
        return member

    def send_raw(self, data, server=None):
        """Writes @data to a fresh connection: the status of the answer, None for a bare close."""
        sock = tcp((server or self.server).port)
        self.addCleanup(sock.close)
        try:
            sock.sendall(data)
            return read_response(sock)[0], sock
        except (Closed, ConnectionError):
            return None, sock

    def assert_ends(self, sock):
        """The server closes TCP by itself."""
        try:
            while sock.recv(65536):
                pass
        except ConnectionError:
            pass

    def assert_serves(self, server=None):
        """It still answers others, over HTTP and over WebSocket."""
        server = server or self.server
        self.assertEqual(server.get("/healthz")[0], 200)
        with WebSocket(server.port, "/echo", secure=server.secure) as socket:
            self.assertEqual(socket.echo("still here"), "still here")
