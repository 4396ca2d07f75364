"""Every example runs: it takes its address as its first argument, serves, and stops."""

import pathlib
import subprocess
import unittest

from belfry_test import Server, binary, free_port

EXAMPLES = pathlib.Path(binary()).parent / "examples"
SOURCES = pathlib.Path(__file__).resolve().parents[2] / "examples"


class Examples(unittest.TestCase):
    def test_each_is_built(self):
        self.assertGreater(len(self.sources()), 0)
        for source in self.sources():
            self.assertTrue((EXAMPLES / source.stem).exists(), f"{source} is not built")

    def test_each_serves_and_ends_with_0(self):
        for source in self.sources():
            with self.subTest(source.name):
                port = free_port()
                server = Server(demo=False, port=port,
                                program=[str(EXAMPLES / source.stem), f"127.0.0.1:{port}"])
                try:
                    server.get("/")
                    self.assertEqual(server.stop(), 0, server.output())
                finally:
                    server.kill()

    def test_each_is_short(self):
        for source in self.sources():
            self.assertLess(len(source.read_text().splitlines()), 100, source.name)

    def test_a_taken_port_is_an_error(self):
        port = free_port()
        first = Server(demo=False, port=port)
        self.addCleanup(first.kill)
        for source in self.sources():
            with self.subTest(source.name):
                done = subprocess.run([EXAMPLES / source.stem, f"127.0.0.1:{port}"],
                                      capture_output=True, timeout=30)
                self.assertGreater(done.returncode, 0, done.stderr)

    @staticmethod
    def sources():
        return sorted([*SOURCES.glob("*.c"), *SOURCES.glob("*.cpp")])


if __name__ == "__main__":
    unittest.main()
