"""What several nodes over one Redis are measured with: who is started, which load, which figure.

Each setup has a Redis of its own. Figures are CPU microseconds of its nodes for each cross-node
message, or latencies.
"""

import contextlib
import os
import socket
import time
import urllib.error
import urllib.request
from dataclasses import dataclass

from comparison import Comparison
from servers import OUT, PEERS, ROOT, BenchError, Server, free_port, run_quietly

READY_SECONDS = 20
FOREIGN_CHANNEL = "socket.io#/#"  # what every node of a classic cluster hears
SCHEMES = {"classic": "redis", "sharded": "redis+sharded", "streams": "redis+streams"}


@dataclass(frozen=True)
class ClusterScenario(Comparison):
    """Sides are SETUPS, the load is cluster_load; PORTs and pids are added."""

    figure: str = "cpu_us"  # or "p99_us"
    is_pinned: bool = True  # nodes on one core, Redis and the load on the other

    def figure_of(self, result):
        if self.figure == "cpu_us":
            return sum(result["cpu_s"]) / result["messages"] * 1e6
        return result[self.figure]


def fanout(contract):
    return ClusterScenario(
        name=f"cluster-fanout-n100-k16-{contract}",
        ours=f"belfry-nodes-{contract}",
        reference=f"sio-nodes-{contract}",
        load=("fanout", "-c", "100", "-k", "16"),
        at_least=10,
    )


# Messages for rooms that the node has no member of, slowly enough that nobody falls behind.
FOREIGN = ("publish", "-k", "16", "--rate", "40000")

CLUSTER_SCENARIOS = [
    *(fanout(contract) for contract in SCHEMES),
    ClusterScenario(
        name="cluster-foreign-room",
        ours="belfry-node",
        reference="floor-subscriber",
        load=(*FOREIGN, "--channel", FOREIGN_CHANNEL + "elsewhere#", "--rooms", "elsewhere"),
        reference_load=(*FOREIGN, "--receivers", "1", "--rooms", "elsewhere"),
        at_most=0.02,
    ),
    ClusterScenario(
        name="cluster-foreign-rooms",
        ours="belfry-node",
        reference="floor-subscriber",
        load=(*FOREIGN, "--receivers", "1", "--rooms", "elsewhere,there"),
        at_most=1.5,
    ),
    ClusterScenario(
        name="cluster-latency-2000",
        ours="belfry-nodes-classic",
        reference="redis",
        load=("rate", "--rate", "2000"),
        at_most=3,
        figure="p99_us",
        is_pinned=False,
    ),
]


def build():
    """The load generator and the bare subscriber: bench/*.c."""
    flags = ["-O2", "-g", "-D_GNU_SOURCE", "-std=gnu17"]
    for name, libraries in (("cluster_load", []), ("floor_subscriber", ["-lhiredis"])):
        source = os.path.join(ROOT, "bench", f"{name}.c")
        run_quietly([os.environ.get("CC", "cc"), *flags, source, "-o", os.path.join(OUT, name),
                     *libraries])


def setups_of(scenario):
    return (scenario.ours, scenario.reference)


def needs_peers(setup):
    return setup.startswith("sio-")


class Setup:
    """Redis and what @name says beside it; a context manager that ends them."""

    def __init__(self, name, belfry, node_core, redis_core):
        self.name, self.belfry = name, belfry
        self.node_core, self.redis_core = node_core, redis_core
        self.nodes = []
        self.stack = contextlib.ExitStack()

    def __enter__(self):
        try:
            self._start()
        except BaseException:
            self.stack.close()
            raise
        return self

    def __exit__(self, *_):
        self.stack.close()

    def _start(self):
        port = free_port()
        options = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        command = ["redis-server", "--port", str(port), *options]
        self.redis = self.stack.enter_context(Server("redis", port, command, self.redis_core))
        kind, _, contract = self.name.rpartition("-")
        if self.name == "floor-subscriber":
            self._start_subscriber()
        elif kind == "belfry-nodes":
            self._start_belfry(2, contract)
        elif self.name == "belfry-node":
            self._start_belfry(1, "classic")
        elif kind == "sio-nodes":
            for _ in range(2):
                port = free_port()
                script = os.path.join(PEERS, "sio-cluster.mjs")
                command = ["node", script, str(port), str(self.redis.port), contract]
                self._add(Server(self.name, port, command, self.node_core))

    def _add(self, server):
        self.nodes.append(self.stack.enter_context(server))
        return server

    def _start_belfry(self, count, contract):
        for _ in range(count):
            port = free_port()
            cluster = f"{SCHEMES[contract]}://127.0.0.1:{self.redis.port}"
            command = [self.belfry, "serve", "--demo", "--listen", f"127.0.0.1:{port}",
                       "--cluster", cluster]
            await_ready(self._add(Server(self.name, port, command, self.node_core)))

    def _start_subscriber(self):
        command = [os.path.join(OUT, "floor_subscriber"), str(self.redis.port), FOREIGN_CHANNEL]
        server = self._add(Server(self.name, self.redis.port, command, self.node_core))
        await_channel(self.redis.port)
        return server

    def targets(self, load):
        """Arguments of cluster_load that name them."""
        pids = [word for node in self.nodes for word in ("-p", str(node.pid))]
        if load[0] == "publish" or not self.nodes:
            return ["--redis", str(self.redis.port), *pids]
        return ["--from", str(self.nodes[0].port), "--to", str(self.nodes[1].port), *pids]


def poll(condition, what):
    give_up = time.monotonic() + READY_SECONDS
    while not condition():
        if time.monotonic() > give_up:
            raise BenchError(f"{what}: not within {READY_SECONDS} s")
        time.sleep(0.05)


def await_ready(server):
    def is_ready():
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/readyz") as answer:
                return answer.status == 200
        except urllib.error.HTTPError:
            return False

    poll(is_ready, f"{server.name} has joined the cluster")


def await_channel(port):
    def is_heard():
        with socket.create_connection(("127.0.0.1", port)) as asking:
            asking.sendall(f"PUBSUB NUMSUB {FOREIGN_CHANNEL}\r\n".encode())
            return b":1\r\n" in asking.recv(1000)

    poll(is_heard, "the bare subscriber is up")
