"""Who may connect from a browser: same origin, listed origins, anybody when asked for."""

from belfry_test import SystemTest, WebSocket


class Origins(SystemTest):
    def verdict(self, server, *origins, host=None):
        headers = [("Origin", origin) for origin in origins]
        try:
            with WebSocket(server.port, "/ws", headers) as peer:
                return peer.status
        except AssertionError as refusal:
            return int(str(refusal).split("refused: ")[1].split(" ")[0])

    def test_the_default_is_the_same_origin_and_programs(self):
        server = self.start(demo=False)
        own = f"http://127.0.0.1:{server.port}"
        self.assertEqual(self.verdict(server), 101)  # no browser
        self.assertEqual(self.verdict(server, own), 101)
        for other in ("https://evil.example", f"https://127.0.0.1:{server.port}",
                      f"http://127.0.0.1:{server.port + 1}", "http://127.0.0.1", "null",
                      f"{own}.evil.example", f"{own}/", f"{own}, {own}", "", "http://"):
            with self.subTest(other):
                self.assertEqual(self.verdict(server, other), 403)
        self.assertEqual(self.verdict(server, own, own), 403)

    def test_listed_origins_are_compared_whole(self):
        server = self.start(demo=False, origins="https://app.example,http://localhost:8080")
        for origin, status in {
                "https://app.example": 101, "http://localhost:8080": 101,
                "http://app.example": 403, "https://app.example:8443": 403,
                "https://app.example.evil": 403, "https://evil-app.example": 403,
                "https://sub.app.example": 403, "http://localhost": 403}.items():
            with self.subTest(origin):
                self.assertEqual(self.verdict(server, origin), status)

    def test_a_star_allows_any(self):
        server = self.start(demo=False, origins="*")
        self.assertEqual(self.verdict(server, "https://anywhere.example"), 101)

    def test_the_demo_allows_any_localhost(self):
        server = self.start(demo=True)
        for origin in ("http://localhost:5173", "http://127.0.0.1:8080", "https://localhost"):
            self.assertEqual(self.verdict(server, origin), 101)
