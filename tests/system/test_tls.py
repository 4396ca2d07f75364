"""TLS: the same paths, wss, and peers that speak something else."""

import ssl

from belfry_test import SystemTest, WebSocket, eventually, tcp


class Tls(SystemTest):
    options = {"tls_self_signed": True}

    def test_https_and_wss(self):
        self.assert_serves()

    def test_versions(self):
        with tcp(self.server.port, secure=True) as sock:
            self.assertIn(sock.version(), ("TLSv1.2", "TLSv1.3"))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
        context.set_ciphers("ALL:@SECLEVEL=0")
        with tcp(self.server.port) as sock, self.assertRaises((ssl.SSLError, ConnectionError)):
            context.wrap_socket(sock)

    def test_large_messages_both_ways(self):
        peer = self.connect("/echo")
        text = "grüße " * 100000
        self.assertEqual(peer.echo(text), text)

    def test_rooms(self):
        ada, bob = self.join("tls", "ada"), self.join("tls", "bob")
        ada.send_json(type="message", text="over TLS")
        self.assertEqual(bob.next_of("message")["text"], "over TLS")

    def test_many_small_messages_in_one_record(self):
        peer = self.connect("/echo")
        peer.send_raw(b"".join(b"\x81\x81\0\0\0\0a" for _ in range(1000)))
        for _ in range(1000):
            self.assertEqual(peer.next_message()[1], b"a")

    def test_plain_text_and_rubbish_disturb_nobody(self):
        for data in (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"\x16\x03\x01\xff\xff" + b"\0" * 1000,
                     b"\x80\x2e\x01\x00\x02", b"\xff" * 4096):
            with tcp(self.server.port) as sock:
                sock.sendall(data)
                self.assert_ends(sock)
        self.assert_serves()

    def test_resets_in_the_handshake(self):
        self.assert_serves()
        before = self.server.descriptor_count()
        hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(99)
        for cut in (0, 1, 5, 40):
            for _ in range(25):
                peer = WebSocket.__new__(WebSocket)
                peer.sock = tcp(self.server.port)
                peer.sock.sendall(hello[:cut])
                peer.reset()
        eventually(lambda: self.server.descriptor_count() <= before, "descriptors are back")
        self.assert_serves()

    def test_a_silent_handshake_is_dropped(self):
        server = self.start(tls_self_signed=True, handshake_timeout_ms="300ms")
        with tcp(server.port) as sock:
            self.assert_ends(sock)
        self.assert_serves(server)
