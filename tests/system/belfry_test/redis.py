"""A real redis-server as a child, a few words of its protocol, and a proxy that can go silent."""

import os
import selectors
import shutil
import signal
import socket
import subprocess
import tempfile
import threading

from .process import DEADLINE, eventually, free_port


def resp(*words):
    """A command."""
    words = [w if isinstance(w, bytes) else str(w).encode() for w in words]
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words)


class RedisError(Exception):
    pass


class RedisClient:
    """One connection. Texts come as bytes."""

    def __init__(self, port):
        self.sock = socket.create_connection(("127.0.0.1", port), DEADLINE)
        self.file = self.sock.makefile("rb")

    def __call__(self, *words):
        self.sock.sendall(resp(*words))
        return self.read()

    def read(self):
        line = self.file.readline()
        if not line:
            raise ConnectionError("redis has closed")
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            raise RedisError(rest.decode())
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else self.file.read(int(rest) + 2)[:-2]
        if kind == b"*":
            return None if rest == b"-1" else [self.read() for _ in range(int(rest))]
        return rest

    def close(self):
        self.file.close()
        self.sock.close()


class Redis:
    """A server of the test's own: nothing on disk, unless @keeps."""

    def __init__(self, port=None, keeps=False, start=True):
        self.port = port or free_port()
        self.folder = tempfile.mkdtemp(prefix="belfry-redis-")
        self.keeps = keeps
        self.process = None
        if start:
            self.start()

    @staticmethod
    def is_installed():
        return shutil.which("redis-server") is not None

    def start(self):
        self.process = subprocess.Popen(
            ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "",
             "--appendonly", "yes" if self.keeps else "no", "--appendfsync", "always",
             "--dir", self.folder, "--enable-debug-command", "local"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        eventually(self._answers, f"redis-server answers on port {self.port}")

    def _answers(self):
        try:
            client = RedisClient(self.port)
        except OSError:
            return False
        try:
            return client("PING") == b"PONG"
        except (OSError, RedisError):
            return False
        finally:
            client.close()

    def __call__(self, *words):
        """One command on a connection of its own."""
        client = RedisClient(self.port)
        try:
            return client(*words)
        finally:
            client.close()

    def signal(self, number):
        os.kill(self.process.pid, number)

    def kill(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def freeze(self):
        self.signal(signal.SIGSTOP)

    def thaw(self):
        self.signal(signal.SIGCONT)

    def close(self):
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


class Proxy:
    """TCP to @port that passes everything on, until told not to: silent means that nothing goes
    through and nobody is told (a partition)."""

    def __init__(self, port):
        self.target = port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.setblocking(False)
        self.port = self.listener.getsockname()[1]
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.listener, selectors.EVENT_READ)
        self.peers = {}
        self.is_silent = False
        self.is_closing = False
        self.lock = threading.Lock()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while not self.is_closing:
            for key, _ in self.selector.select(0.02):
                with self.lock:
                    if key.fileobj is self.listener:
                        self._accept()
                    elif not self.is_silent and key.fileobj in self.peers:
                        self._pass_on(key.fileobj)
            if self.is_silent:
                self.thread_pause()

    @staticmethod
    def thread_pause():
        threading.Event().wait(0.02)  # what is ready is left unread: select would spin

    def _accept(self):
        try:
            client, _ = self.listener.accept()
        except OSError:
            return
        if self.is_silent:
            self.peers[client] = None  # connected, and never answered
            return
        try:
            server = socket.create_connection(("127.0.0.1", self.target), 5)
        except OSError:
            client.close()
            return
        for one, other in ((client, server), (server, client)):
            self.peers[one] = other
            self.selector.register(one, selectors.EVENT_READ)

    def _pass_on(self, sock):
        try:
            data = sock.recv(1 << 16)
            if data:
                self.peers[sock].sendall(data)
                return
        except OSError:
            pass
        self._drop(sock)

    def _drop(self, sock):
        for one in (sock, self.peers.pop(sock, None)):
            if one is None:
                continue
            self.peers.pop(one, None)
            try:
                self.selector.unregister(one)
            except (KeyError, ValueError):
                pass
            one.close()

    def silence(self):
        with self.lock:
            self.is_silent = True

    def resume(self):
        """What was cut off stays so: connections are reset, new ones go through."""
        with self.lock:
            for sock in list(self.peers):
                if sock in self.peers:
                    self._drop(sock)
            self.is_silent = False

    def close(self):
        self.is_closing = True
        self.thread.join()
        self.resume()
        self.listener.close()
