"""What is measured: the numbers that Belfry promises, one row each.

A scenario compares two servers under the same load. `at_most` bounds ours / reference, `at_least`
bounds reference / ours, both in server CPU time per message. Names are what `bench/run --only` takes.
"""

from dataclasses import dataclass

from cluster import CLUSTER_SCENARIOS
from comparison import Comparison
from feed import FEED_SCENARIOS


@dataclass(frozen=True)
class Scenario(Comparison):
    """The load is `belfry bench`; its arguments are without URL and pid."""

    seconds: float = None  # at most, where a short run will do: differences are large
    is_cold: bool = False  # servers are started anew for each run, and not warmed up


@dataclass(frozen=True)
class IdleScenario:
    """Memory of each further connection between two marks; no reference, no pairs."""

    name: str
    ours: str
    marks: tuple
    at_most_bytes: int
    repeats: int
    flags: tuple = ()

    @property
    def load(self):
        return ("idle", *self.flags, "--marks", ",".join(map(str, self.marks)))


def size_name(size):
    return f"{size // 1024}K" if size >= 1024 else f"{size}B"


def echo(size, connections, depth):
    return Scenario(
        name=f"echo-{size_name(size)}-c{connections}-k{depth}",
        load=("echo", "-s", str(size), "-c", str(connections), "-k", str(depth)),
        ours="belfry-echo",
        reference="floor",
        at_most=1.15 if size >= 16384 else 1.10,
    )


def fanout(members, depth, reference, size=100, at_most=None, at_least=None):
    size_part = "" if size == 100 else f"{size_name(size)}-"
    return Scenario(
        name=f"fanout-{size_part}n{members}-k{depth}-{reference.split('-')[0]}",
        load=("fanout", "-s", str(size), "-c", str(members), "-k", str(depth)),
        ours="belfry-rooms",
        reference=reference,
        at_most=at_most,
        at_least=at_least,
    )


def workers(members, depth):
    return Scenario(
        name=f"workers-n{members}-k{depth}",
        load=("fanout", "-c", str(members), "-k", str(depth)),
        ours="belfry-rooms-2-workers",
        reference="belfry-rooms",
        at_most=1.15,
    )


# --- Socket.IO ------------------------------------------------------------------------------------
#
# Echo, acks and connections are served by bench/sio_server.c, rooms by the default application.

SIO_ENVELOPE = len('42["echo",""]')  # what Socket.IO adds to the payload of an echoed event


def sio_echo(connections, depth, event="echo"):
    flags = ("--ack",) if event == "ack" else ()
    return ("echo", "--socketio", *flags, "-s", "20", "-c", str(connections), "-k", str(depth))


def sio_fanout(members, depth):
    return ("fanout", "--socketio", "-s", "100", "-c", str(members), "-k", str(depth))


SIO_CONNECT = ("connect", "--socketio", "-c", "64")

# (name, our server, load, how many times cheaper than socket.io on Node)
SIO_LOADS = [
    ("sio-echo-c16-k1", "belfry-sio", sio_echo(16, 1), 1.8),
    ("sio-echo-c1000-k1", "belfry-sio", sio_echo(1000, 1), 3),
    ("sio-echo-c1000-k8", "belfry-sio", sio_echo(1000, 8), 10),
    ("sio-ack-c1000-k8", "belfry-sio", sio_echo(1000, 8, "ack"), 10),
    ("sio-fanout-n1000-k1", "belfry-rooms", sio_fanout(1000, 1), 2),
    ("sio-fanout-n5000-k1", "belfry-rooms", sio_fanout(5000, 1), 2),
    ("sio-fanout-n1000-k16", "belfry-rooms", sio_fanout(1000, 16), 18),
    ("sio-fanout-n5000-k16", "belfry-rooms", sio_fanout(5000, 16), 18),
    ("sio-connect", "belfry-sio", SIO_CONNECT, 7),
]


def sio_echo_beside_raw(connections, depth):
    """The same bytes, once as events and once as plain WebSocket messages."""
    raw_size = str(20 + SIO_ENVELOPE)
    return Scenario(
        name=f"sio-echo-c{connections}-k{depth}-raw",
        load=sio_echo(connections, depth),
        ours="belfry-sio",
        reference="belfry-sio",
        reference_load=("echo", "-s", raw_size, "-c", str(connections), "-k", str(depth)),
        at_most=1.3,
    )


def sio_fanout_beside_raw(members, depth):
    """The same text to members of the same kind of room."""
    return Scenario(
        name=f"sio-fanout-n{members}-k{depth}-raw",
        load=sio_fanout(members, depth),
        ours="belfry-rooms",
        reference="belfry-rooms",
        reference_load=("fanout", "-s", "100", "-c", str(members), "-k", str(depth)),
        at_most=1.05,
    )


def sio_upgraded(depth):
    """Sessions that moved to the worker that owns them, beside sessions that never moved."""
    load = sio_echo(1000, depth)
    return Scenario(
        name=f"sio-upgrade-c1000-k{depth}-8-workers",
        load=(*load, "--upgrade"),
        ours="belfry-sio-8-workers",
        reference="belfry-sio-8-workers",
        reference_load=load,
        at_most=1.05,
    )


SIO_SCENARIOS = [
    *(
        Scenario(f"{name}-node", load, ours, "sio-node", at_least=times, seconds=0.3)
        for name, ours, load, times in SIO_LOADS
    ),
    # "Ahead of Bun's engine": the ratio's interval reaches above 1.
    *(
        Scenario(f"{name}-bun", load, ours, "sio-bun", at_least=1.0, seconds=0.3)
        for name, ours, load, _ in SIO_LOADS
    ),
    # Who connects first after a restart; a compiler that has yet to warm up pays then.
    Scenario(
        "sio-connect-cold-node", SIO_CONNECT, "belfry-sio", "sio-node", at_least=7, is_cold=True
    ),
    *(sio_echo_beside_raw(*load) for load in ((16, 1), (1000, 1), (1000, 8))),
    *(sio_fanout_beside_raw(1000, depth) for depth in (1, 16)),
    *(sio_upgraded(depth) for depth in (1, 8)),
    IdleScenario(
        "sio-idle-memory", "belfry-rooms", (8000, 19000), 1024, repeats=3, flags=("--socketio",)
    ),
]

SCENARIOS = [
    *(
        echo(size, connections, depth)
        for size in (20, 1024, 16384)
        for connections in (16, 1000)
        for depth in (1, 8)
    ),
    # "Level with Bun or better": the ratio's interval reaches 1.
    *(fanout(members, 1, "bun-rooms", at_most=1.0) for members in (100, 1000, 10000)),
    *(fanout(members, 16, "bun-rooms", at_least=1.2) for members in (100, 1000, 10000)),
    fanout(100, 16, "ws-rooms", at_least=20),
    fanout(1000, 16, "ws-rooms", at_least=20),
    fanout(10000, 16, "ws-rooms", at_least=15),
    *(fanout(members, 4, "bun-rooms", size=16384, at_least=1.6) for members in (100, 1000)),
    *(workers(1000, depth) for depth in (1, 16)),
    IdleScenario("idle-memory", "belfry-rooms", (8000, 19000), at_most_bytes=300, repeats=5),
    *SIO_SCENARIOS,
    *CLUSTER_SCENARIOS,
    *FEED_SCENARIOS,
]


def servers_of(scenario):
    """Names of the servers that take part in @scenario."""
    if isinstance(scenario, IdleScenario):
        return (scenario.ours,)
    return (scenario.ours, scenario.reference)


def select(words):
    """The scenarios that one of @words names, in full or in part; all when there are none."""
    if not words:
        return SCENARIOS
    names = {scenario.name for scenario in SCENARIOS}

    def is_meant(name, word):
        return name == word if word in names else word in name

    chosen = [s for s in SCENARIOS if any(is_meant(s.name, word) for word in words)]
    if not chosen:
        raise SystemExit("bench/run: no scenario has that in its name; --list shows them")
    return chosen
