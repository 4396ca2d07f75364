"""Results as a table for people (Markdown)."""

import json
import os
import platform
import shlex
import subprocess
from datetime import datetime, timezone

from servers import BUN_PEERS, NODE_PEERS, PEERS, ROOT, bun_program, command_of, target_of
from cluster import ClusterScenario
from feed import FeedScenario
from scenarios import IdleScenario, servers_of


def first_line(command):
    """The first line that @command prints; "" when it prints none, or is not there."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=20)
        return (done.stdout.splitlines() or [""])[0].strip()
    except OSError:
        return ""


def cpu_model():
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        for line in info:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.machine()


def memory_gib():
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


def version_of(package):
    with open(os.path.join(PEERS, "node_modules", package, "package.json"), encoding="utf-8") as f:
        return json.load(f)["version"]


def peer_versions(servers):
    """Of what is installed for the peers among @servers, as (name, value)."""
    rows = []
    if any(name in NODE_PEERS or name.startswith(("sio-nodes", "sse-node")) for name in servers):
        rows.append(("Node.js, ws", f"{first_line(['node', '--version'])}, {version_of('ws')}"))
    if any(name in BUN_PEERS for name in servers):
        rows.append(("Bun", first_line([bun_program(), "--version"])))
    if any(name.startswith("sio-nodes") for name in servers):
        rows.append(("Redis", first_line(["redis-server", "--version"])))
        packages = ("@socket.io/redis-adapter", "@socket.io/redis-streams-adapter")
        rows.append(("adapters", ", ".join(f"{p} {version_of(p)}" for p in packages)))
    if any(name.startswith("sio-") for name in servers):
        versions = [version_of(p) for p in ("socket.io", "engine.io", "@socket.io/bun-engine")]
        rows.append(("socket.io, engine.io, bun-engine", ", ".join(versions)))
    return rows


def machine(servers):
    """What the numbers depend on, as (name, value)."""
    commit = first_line(["git", "rev-parse", "--short=12", "HEAD"]) or "unknown"
    changes = first_line(["git", "status", "--porcelain", "--untracked-files=no", "src", "include"])
    return [
        ("date", datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")),
        ("commit", commit + (" with uncommitted changes" if changes else "")),
        ("CPU", f"{cpu_model()}, {os.cpu_count()} cores, {memory_gib():.0f} GiB"),
        ("kernel", f"{platform.system()} {platform.release()}"),
        ("compiler", first_line(["cc", "--version"])),
        ("load before", " ".join(f"{load:.2f}" for load in os.getloadavg())),
        *peer_versions(servers),
    ]


def pair_row(result):
    s = result["scenario"]
    if "error" in result:
        return f"| {s.name} | failed | | | {s.bound} | no |"
    return (
        f"| {s.name} | {result['ours']:.3f} | {result['reference']:.3f} ({s.reference}) "
        f"| {result['ratio']} | {s.bound} | {'yes' if result['is_met'] else '**no**'} |"
    )


def idle_row(result):
    s = result["scenario"]
    if "error" in result:
        return f"| {s.name} | failed | | | ≤ {s.at_most_bytes} B | no |"
    return (
        f"| {s.name} | {result['ours']:.0f} B | | {result['ratio']} B "
        f"| ≤ {s.at_most_bytes} B | {'yes' if result['is_met'] else '**no**'} |"
    )


def row(result):
    return idle_row(result) if isinstance(result["scenario"], IdleScenario) else pair_row(result)


def relative(word):
    return os.path.relpath(word, ROOT) if word.startswith(ROOT + os.sep) else word


def shell(words):
    return shlex.join(relative(word) for word in words)


def repeat_lines(result, belfry, seconds):
    """How to repeat a row by hand, without bench/run."""
    s = result["scenario"]
    if isinstance(s, (ClusterScenario, FeedScenario)):
        return [f"bench/run --only {s.name}"]
    if isinstance(s, IdleScenario):
        sides = ((s.ours, s.load),)
    else:
        sides = [(name, (*load, "-d", str(seconds))) for name, load in s.sides]
    lines = [f"# {s.name}"]
    for name, load in sides:
        server = ["taskset", "-c", "0", *command_of(name, belfry, 3001)]
        client = [belfry, "bench", load[0], *target_of(name, 3001, load), *load[1:]]
        lines.append(f"{shell(server)} & sleep 1; taskset -c 1 {shell(client)} --pid $!; kill $!")
    return lines


def generator_note(results):
    """The generator's own cost beside that of the server it drives, at worst."""
    shares = [(r["generator_share"], r["scenario"].name) for r in results if "generator_share" in r]
    if not shares:
        return ""
    share, name = max(shares)
    cheaper = sum(1 for s, _ in shares if s <= 1)
    return (
        f"The load generator used less CPU than Belfry in {cheaper} of {len(shares)} scenarios; "
        f"at most {share:.2f} times as much ({name}).\n"
    )


def shortfalls(results):
    """What was not reached, in words; bench/README.md says why, as far as it is known."""
    missed = [r for r in results if "error" not in r and not r["is_met"]]
    lines = ["## What falls short", ""]
    for result in missed:
        s = result["scenario"]
        bound = f"≤ {s.at_most_bytes} B" if isinstance(s, IdleScenario) else s.bound
        lines.append(f"- {s.name}: {result['ratio']}, to be reached: {bound}")
    return [*lines, *([] if missed else ["Nothing."]), ""]


ROWS_HEAD = [
    "| Scenario | Belfry | Reference | Ratio | Bound | Met |",
    "|---|---:|---:|---:|---|---|",
]


def facts(results, details):
    """The machine and the peers, then @details."""
    servers = {name for r in results for name in servers_of(r["scenario"])}
    return [f"- {name}: {value}" for name, value in [*machine(servers), *details]]


def failures(results):
    failed = [r for r in results if "error" in r]
    return [line for r in failed for line in (f"`{r['scenario'].name}` failed: {r['error']}", "")]


def section(title, results, details, pairs, seconds):
    """A part of the results that was measured by itself."""
    lines = [
        f"## {title}",
        "",
        f"Measured by itself: {pairs} interleaved pairs of runs of at most {seconds:g} s.",
        "",
        *facts(results, details),
        "",
        *ROWS_HEAD,
        *(row(result) for result in results),
        "",
        *failures(results),
    ]
    missed = shortfalls(results)[2:]
    return "\n".join([*lines, *(["Falls short:", "", *missed] if missed[0] != "Nothing." else [])])


def put_section(text, title, new):
    """@text with the section @title replaced by @new, or with it at the end."""
    head, mark, rest = text.partition(f"\n## {title}\n")
    if not mark:
        return text.rstrip("\n") + "\n\n" + new.rstrip("\n") + "\n"
    at = rest.find("\n## ")
    tail = rest[at:] if at != -1 else ""
    return head + "\n" + new.rstrip("\n") + "\n" + tail


def markdown(results, details, belfry, pairs, seconds):
    lines = [
        "# Results",
        "",
        f"Written by `bench/run`: {pairs} interleaved pairs of runs of at most {seconds:g} s for "
        "each row, "
        "the server on one core and the load generator on another. "
        "Figures are **server CPU seconds per million messages** (echo), deliveries (fan-out) or "
        "connections (connect), medians; the ratio is the median of the pairs' ratios with its "
        "95 % interval. A bound is met when the interval reaches it. `idle-memory` and "
        "`sio-idle-memory` are RSS for each further connection; `cluster-*` are CPU microseconds of "
        "all nodes for each message that crosses (`cluster-latency-*`: p99, in microseconds), `sse-*`, "
        "`http-*` and `history-*` of the server for each delivery. "
        "bench/README.md says what is measured and what the floor is.",
        "",
        *facts(results, details),
        "",
        *ROWS_HEAD,
        *(row(result) for result in results),
        "",
        generator_note(results),
        *failures(results),
    ]
    lines += shortfalls(results)
    lines += [
        "## To repeat a row",
        "",
        "`bench/run --only NAME` measures the pairs again. One run of each side, by hand, from the "
        "repository's root (after `make` and one `bench/run`, which builds the floor and sio_server "
        "and installs the peers):",
        "",
        "```sh",
    ]
    for result in results:
        lines += repeat_lines(result, belfry, seconds)
    lines += ["```", ""]
    return "\n".join(lines)
