"""What is measured: the numbers that Belfry promises, one row each.

A scenario compares two servers under the same load. `at_most` bounds ours / reference, `at_least`
bounds reference / ours, both in server CPU time per message. Names are what `bench/run --only` takes.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Scenario:
    name: str
    load: tuple  # arguments of `belfry bench`, without URL and pid
    ours: str  # names of servers, see servers.py
    reference: str
    at_most: float = None
    at_least: float = None

    @property
    def bound(self):
        if self.at_most is not None:
            return f"ours / reference ≤ {self.at_most:.2f}"
        return f"reference / ours ≥ {self.at_least:.2f}"

    def ratio(self, ours_cpu, reference_cpu):
        if self.at_most is not None:
            return ours_cpu / reference_cpu
        return reference_cpu / ours_cpu


@dataclass(frozen=True)
class IdleScenario:
    """Memory of each further connection between two marks; no reference, no pairs."""

    name: str
    ours: str
    marks: tuple
    at_most_bytes: int
    repeats: int


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
]


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
