"""The servers that take part: how each is started, and a running one."""

import glob
import os
import shlex
import socket
import subprocess
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
OUT = os.path.join(ROOT, "build", "bench")
PEERS = os.path.join(HERE, "peers")
NODE_PEERS = ("ws-rooms", "sio-node")
BUN_PEERS = ("bun-rooms", "sio-bun")

START_SECONDS = 20
STOP_SECONDS = 10


class BenchError(Exception):
    """Something that the reader of the message can do something about."""


def run_quietly(command, **options):
    done = subprocess.run(command, capture_output=True, text=True, **options)
    if done.returncode != 0:
        raise BenchError(f"{shlex.join(command)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def build_floor():
    program, source = os.path.join(OUT, "floor_echo"), os.path.join(HERE, "floor_echo.c")
    if not os.path.exists(program) or os.path.getmtime(program) < os.path.getmtime(source):
        flags = ["-O2", "-g", "-D_GNU_SOURCE", "-std=gnu17"]
        run_quietly([os.environ.get("CC", "cc"), *flags, source, "-o", program])
    return program


def build_sio_server(belfry):
    """Links against the shared library that lies beside the program @belfry."""
    folder = os.path.dirname(belfry)
    library = os.path.join(folder, "libbelfry.so")
    program, source = os.path.join(OUT, "sio_server"), os.path.join(HERE, "sio_server.c")
    if not os.path.exists(library):
        raise BenchError(f"{library} is not there: build it with `make`")
    flags = ["-O2", "-g", "-std=gnu17", "-I", os.path.join(ROOT, "include")]
    libraries = ["-L", folder, f"-Wl,-rpath,{folder}", "-lbelfry", "-ljansson"]
    run_quietly([os.environ.get("CC", "cc"), *flags, source, "-o", program, *libraries])


def install_peers():
    """`npm ci` of the committed lock file. No package's install script runs: Bun's only moves its
    binary, which is found where its package has it."""
    if not os.path.isdir(os.path.join(PEERS, "node_modules", "socket.io")):
        print("installing the peers (npm ci in bench/peers)", flush=True)
        run_quietly(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=PEERS)


def bun_program():
    found = glob.glob(os.path.join(PEERS, "node_modules", "@oven", "bun-linux-*", "bin", "bun"))
    if not found:
        raise BenchError("no Bun for this machine: rm -r bench/peers/node_modules and run again")
    return found[0]


def workers_of(name):
    """The 8 of belfry-sio-8-workers."""
    return name.split("-")[-2] if name.endswith("-workers") else "1"


def command_of(name, belfry, port):
    """The command line of server @name, without the pinning."""
    if name.startswith("belfry-sio"):
        return [os.path.join(OUT, "sio_server"), str(port), workers_of(name)]
    if name.startswith("belfry-"):
        listen = f"127.0.0.1:{port}"
        return [belfry, "serve", "--demo", "--listen", listen, "--workers", workers_of(name)]
    if name == "floor":
        return [build_floor(), str(port)]
    runtime = bun_program() if name in BUN_PEERS else "node"
    return [runtime, os.path.join(PEERS, f"{name}.mjs"), str(port)]


def target_of(name, port, load):
    """Arguments of `belfry bench` that name the target of @load."""
    if name == "floor":
        return [f"tcp://127.0.0.1:{port}", "--raw"]
    if "--socketio" in load:
        return [f"ws://127.0.0.1:{port}/socket.io/"]
    return [f"ws://127.0.0.1:{port}/{'echo' if load[0] == 'echo' else 'ws'}"]


def needs_peers(name):
    return name in NODE_PEERS or name in BUN_PEERS


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def forget_logs():
    for path in glob.glob(os.path.join(OUT, "*.log")):
        os.remove(path)


class Server:
    """A running server, pinned to one core; a context manager that ends it."""

    def __init__(self, name, port, command, core):
        self.name = name
        self.port = port
        self.command = ["taskset", "-c", str(core), *command]
        self.log_path = os.path.join(OUT, f"{name}.log")

    def __enter__(self):
        with open(self.log_path, "a", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        try:
            self.wait_until_listening()
        except BenchError:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def wait_until_listening(self):
        give_up = time.monotonic() + START_SECONDS
        while time.monotonic() < give_up:
            if self.process.poll() is not None:
                break
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise BenchError(f"{self.name} does not listen; see {self.log_path}")

    @property
    def pid(self):
        return self.process.pid  # taskset replaces itself by the server
