"""The real program as a child process: started on a free port, asked, signalled, measured."""

import os
import pathlib
import re
import resource
import signal
import socket
import subprocess
import tempfile
import time

from .websocket import read_response, tcp

# How long anything may take before a test gives up. Generous: sanitizers are slow, CI is busy,
# and no test waits for it when all is well.
DEADLINE = float(os.environ.get("BELFRY_TEST_DEADLINE", "30"))


def binary():
    """The program under test, as tests/system/run says."""
    return os.path.abspath(os.environ.get("BELFRY", "build/belfry"))


def clean_environment():
    """Ours without BELFRY_*: the program would take those for settings."""
    return {name: value for name, value in os.environ.items() if not name.startswith("BELFRY")}


def free_port():
    """A port that nobody listens on now."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def eventually(condition, what, deadline=DEADLINE):
    """Polls @condition until it is true and returns what it returned; fails after @deadline."""
    end = time.monotonic() + deadline
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > end:
            raise AssertionError(f"not within {deadline:.0f} s: {what}")
        time.sleep(0.01)


class Server:
    """`belfry serve` on 127.0.0.1, ready when the constructor returns.

    Options are flags: max_queue_bytes="64K" passes --max-queue-bytes 64K, True a flag alone.
    """

    def __init__(self, demo=True, port=None, nofile=None, program=None,
                 stdin=subprocess.DEVNULL, **options):
        self.port = port or free_port()
        self.secure = bool(options.get("tls_self_signed") or options.get("tls_cert"))
        self.log = tempfile.TemporaryFile()
        command = [*(program or [binary(), "serve"]), *(["--demo"] if demo else [])]
        if program is None:
            command += ["--listen", f"127.0.0.1:{self.port}"]
        for name, value in options.items():
            command.append("--" + name.replace("_", "-"))
            if value is not True:
                command.append(str(value))
        limit = (lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (nofile, nofile))) \
            if nofile else None
        self.process = subprocess.Popen(command, stdin=stdin, stdout=self.log,
                                        stderr=subprocess.STDOUT, preexec_fn=limit,
                                        env=clean_environment(), cwd=tempfile.gettempdir())
        self.pid = self.process.pid
        eventually(self._is_ready, f"{' '.join(command)} answers on port {self.port}")

    def _is_ready(self):
        if self.process.poll() is not None:
            raise AssertionError(f"it ended with {self.process.returncode}:\n{self.output()}")
        try:
            tcp(self.port).close()
            return True
        except OSError:
            return False

    def output(self):
        """Everything it has printed so far."""
        return os.pread(self.log.fileno(), 1 << 20, 0).decode(errors="replace")

    # --- asking it ---

    def get(self, path, headers=(), method="GET", body=b"", connection=None):
        """One request on a fresh connection: (status, {lower-case name: value}, body)."""
        head = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{self.port}", "Connection: close"]
        head += [f"{name}: {value}" for name, value in headers]
        if body:
            head.append(f"Content-Length: {len(body)}")
        with connection or tcp(self.port, secure=self.secure) as sock:
            sock.sendall("\r\n".join(head).encode() + b"\r\n\r\n" + body)
            return read_response(sock, method)

    def metrics(self):
        """Every sample of /metrics by its full name, labels included."""
        text = self.get("/metrics")[2].decode()
        samples = re.findall(r"^([a-z_]+(?:\{[^}]*\})?) ([0-9.e+-]+)$", text, re.M)
        return {name: float(value) for name, value in samples}

    def metric(self, pattern):
        """The sum of the samples whose name, labels included, matches @pattern."""
        return sum(v for name, v in self.metrics().items() if re.search(pattern, name))

    # --- measuring it ---

    def descriptor_count(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def resident_bytes(self):
        pages = pathlib.Path(f"/proc/{self.pid}/statm").read_text().split()[1]
        return int(pages) * resource.getpagesize()

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    # --- ending it ---

    def signal(self, number):
        os.kill(self.pid, number)

    def wait(self):
        """Its exit status, once it has ended by itself."""
        return self.process.wait(DEADLINE)

    def stop(self):
        """SIGTERM, then the exit status."""
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        return self.wait()

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.log.close()
