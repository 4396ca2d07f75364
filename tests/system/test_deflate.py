"""permessage-deflate (RFC 7692): what is negotiated is kept to, and bombs stay small."""

import os
import threading
import zlib

from belfry_test import (BINARY, CONTINUATION, PING, TEXT, SystemTest, WebSocket, tcp,
                         read_response)

EXTENSION = "Sec-WebSocket-Extensions"
OFFER = [(EXTENSION, "permessage-deflate")]


def deflated(data, **how):
    """@data as the payload of a message: raw deflate, flushed, without the four tail bytes."""
    packer = zlib.compressobj(wbits=-15, **how)
    return (packer.compress(data) + packer.flush(zlib.Z_SYNC_FLUSH))[:-4]


def inflated(payload, unpacker=None):
    return (unpacker or zlib.decompressobj(wbits=-15)).decompress(payload + b"\0\0\xff\xff")


# offer: (is it accepted?, parameters that the answer must have, parameters it must not have)
OFFERS = {
    "permessage-deflate": (True, [], ["client_max_window_bits"]),
    "permessage-deflate; client_max_window_bits": (True, [], []),
    "permessage-deflate; client_max_window_bits=10": (True, [], []),
    "permessage-deflate; server_no_context_takeover": (True, ["server_no_context_takeover"], []),
    "permessage-deflate; client_no_context_takeover": (True, [], []),
    "permessage-deflate; server_max_window_bits=10": (True, ["server_max_window_bits=10"], []),
    'permessage-deflate; server_max_window_bits="10"': (True, ["server_max_window_bits=10"], []),
    "permessage-deflate; unknown": (False, [], []),
    "permessage-deflate; server_max_window_bits": (False, [], []),
    "permessage-deflate; server_max_window_bits=7": (False, [], []),
    "permessage-deflate; server_max_window_bits=16": (False, [], []),
    "permessage-deflate; server_max_window_bits=08": (False, [], []),
    "permessage-deflate; server_max_window_bits=1000000000000": (False, [], []),
    "permessage-deflate; client_max_window_bits=7": (False, [], []),
    "permessage-deflate; client_max_window_bits=x": (False, [], []),
    "permessage-deflate; server_no_context_takeover=1": (False, [], []),
    "permessage-deflate; server_no_context_takeover; server_no_context_takeover": (False, [], []),
    "x-webkit-deflate-frame": (False, [], []),
    "__proto__": (False, [], []),
    "permessage-deflate; unknown, permessage-deflate": (True, [], ["unknown"]),
    "foo; bar=\"a,b;c\", permessage-deflate": (True, [], ["foo"]),
}

# Not the grammar of an extension list: the handshake may be refused or the header ignored.
MALFORMED = ["permessage-deflate;", "permessage-deflate; a=\"" + "x" * 5000, ",,,", ";", "=",
             "permessage-deflate; server_max_window_bits=\"10", "a " * 2000, "\"\\" * 2000]


class Negotiation(SystemTest):
    options = {}

    def test_offers(self):
        for offer, (accepted, have, have_not) in OFFERS.items():
            with self.subTest(offer), \
                    WebSocket(self.server.port, "/echo", [(EXTENSION, offer)]) as peer:
                answer = peer.headers.get(EXTENSION.lower(), "")
                self.assertEqual("permessage-deflate" in answer, accepted, answer)
                for parameter in have:
                    self.assertIn(parameter, answer)
                for parameter in have_not:
                    self.assertNotIn(parameter, answer)
                self.assertEqual(peer.echo("hi"), "hi")

    def test_malformed_offers_crash_nothing(self):
        for offer in MALFORMED:
            with self.subTest(offer[:40]), tcp(self.server.port) as sock:
                model = WebSocket.__new__(WebSocket)
                sock.sendall(model.request(self.server.port, "/echo", [(EXTENSION, offer)]))
                status, headers, _ = read_response(sock)
                self.assertIn(status, (101, 400))
                self.assertNotIn(EXTENSION.lower(), headers)
        self.assert_serves()

    def test_off_means_off(self):
        server = self.start(deflate="off")
        peer = self.connect("/echo", server, headers=OFFER)
        self.assertNotIn(EXTENSION.lower(), peer.headers)


class Messages(SystemTest):
    options = {"max_message_bytes": "1M", "deflate_threshold_bytes": 1}

    def open(self):
        peer = self.connect("/echo", headers=OFFER)
        self.assertIn(EXTENSION.lower(), peer.headers)
        return peer

    def answer_of(self, peer):
        opcode, payload, _, rsv = peer.next_frame()
        return opcode, inflated(payload) if rsv & 4 else payload

    def test_a_compressed_message_comes_back(self):
        for text in (b"", b"a", b"hello " * 1000, os.urandom(5000), bytes(1 << 20)):
            peer = self.open()
            peer.send(BINARY, deflated(text), rsv=4)
            self.assertEqual(self.answer_of(peer), (BINARY, text))
            peer.close()

    def test_fragments_of_a_compressed_message(self):
        peer = self.open()
        payload = deflated(b"hello " * 1000)
        peer.send(TEXT, payload[:7], fin=False, rsv=4)
        peer.send(CONTINUATION, payload[7:])
        self.assertEqual(self.answer_of(peer)[1], b"hello " * 1000)

    def test_plain_messages_are_still_fine(self):
        peer = self.open()
        peer.send(TEXT, b"plain")
        self.assertEqual(self.answer_of(peer), (TEXT, b"plain"))

    def test_a_block_marked_final_and_several_blocks(self):
        peer = self.open()
        packer = zlib.compressobj(wbits=-15)
        final = packer.compress(b"final") + packer.flush(zlib.Z_FINISH)
        peer.send(TEXT, final + b"\0", rsv=4)
        self.assertEqual(self.answer_of(peer), (TEXT, b"final"))
        packer = zlib.compressobj(wbits=-15)
        several = b"".join(packer.compress(b"part ") + packer.flush(zlib.Z_FULL_FLUSH)
                           for _ in range(5)) + packer.flush(zlib.Z_SYNC_FLUSH)
        peer.close()
        peer = self.open()
        peer.send(TEXT, several[:-4], rsv=4)
        self.assertEqual(self.answer_of(peer)[1], b"part " * 5)

    def test_hostile_payloads(self):
        bomb = deflated(bytes(64 << 20), level=9)
        for name, sending, codes in [
                ("a bomb", [(TEXT, bomb, True, 4)], {1009}),
                ("one byte over", [(BINARY, deflated(bytes((1 << 20) + 1)), True, 4)], {1009}),
                ("rubbish", [(TEXT, b"\xff" * 100, True, 4)], {1002, 1007}),
                ("a distance beyond the start", [(TEXT, b"\x4a\x04\x22", True, 4)], {1002, 1007}),
                ("text that is no UTF-8", [(TEXT, deflated(b"\xff\xfe"), True, 4)], {1007}),
                ("RSV1 on a continuation",
                 [(TEXT, b"", False, 4), (CONTINUATION, b"", True, 4)], {1002}),
                ("RSV1 on a ping", [(PING, b"", True, 4)], {1002}),
                ("RSV2 beside it", [(TEXT, deflated(b"a"), True, 6)], {1002})]:
            with self.subTest(name):
                peer = self.open()
                for opcode, payload, fin, rsv in sending:
                    peer.send(opcode, payload, fin=fin, rsv=rsv)
                self.assertIn(peer.close_code(), codes)
                peer.close()
        self.assert_serves()

    def test_many_bombs_stay_near_the_limit(self):
        before = self.server.resident_bytes()
        bomb = deflated(bytes(256 << 20), level=9)
        peers = [self.open() for _ in range(20)]
        for peer in peers:
            peer.send(TEXT, bomb, rsv=4)
        for peer in peers:
            self.assertEqual(peer.close_code(), 1009)
            peer.close()
        self.assertLess(self.server.resident_bytes() - before, 64 << 20)


class ContextTakeover(SystemTest):
    options = {"deflate": "dedicated", "deflate_threshold_bytes": 1}

    def test_a_dedicated_window_is_carried_over(self):
        peer = self.connect("/echo", headers=OFFER)
        if "server_no_context_takeover" in peer.headers[EXTENSION.lower()]:
            self.fail("a dedicated compressor was asked for")
        text = os.urandom(200).hex().encode()
        packer, unpacker = zlib.compressobj(wbits=-15), zlib.decompressobj(wbits=-15)
        sizes = []
        for _ in range(3):
            payload = (packer.compress(text) + packer.flush(zlib.Z_SYNC_FLUSH))[:-4]
            peer.send(TEXT, payload, rsv=4)
            _, answer, _, rsv = peer.next_frame()
            self.assertEqual(rsv, 4)
            self.assertEqual(inflated(answer, unpacker), text)
            sizes.append(len(answer))
        self.assertLess(sizes[1], sizes[0] / 4)

    def test_a_slow_reader_gets_what_was_meant(self):
        server = self.start(deflate="dedicated", max_queue_bytes="16M")
        peer = self.connect("/echo", server, headers=OFFER, receive_buffer=4096)
        # Large ones that do not shrink, and between them what shrinks to almost nothing.
        texts = [os.urandom(150000) if n % 3 else bytes(400000) for n in range(60)]
        sender = threading.Thread(target=lambda: [peer.send(BINARY, text) for text in texts],
                                  daemon=True)
        sender.start()
        unpacker = zlib.decompressobj(wbits=-15)
        for text in texts:
            opcode, payload, _, rsv = peer.next_frame()
            self.assertEqual(opcode, BINARY)
            self.assertEqual(inflated(payload, unpacker) if rsv & 4 else payload, text)
        sender.join()
