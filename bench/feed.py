"""What feeds are measured with: readers of one room, and who publishes into it (feed_load.c)."""

import contextlib
import os
from dataclasses import dataclass

from comparison import Comparison
from servers import OUT, PEERS, ROOT, Server, free_port, run_quietly

NCHAN_MODULE = "/usr/lib/nginx/modules/ngx_nchan_module.so"
NGINX_CONFIG = """
load_module {module};
daemon off; worker_processes 1; error_log stderr; pid {folder}/nchan.pid;
worker_rlimit_nofile 40000;
events {{ worker_connections 30000; }}
http {{
    access_log off; keepalive_requests 1000000000;
    client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
    uwsgi_temp_path {folder}; scgi_temp_path {folder};
    server {{
        listen 127.0.0.1:{port};
        location = /events {{ nchan_subscriber eventsource; nchan_channel_id bench;
                              nchan_subscriber_first_message newest; }}
        location = /publish {{ nchan_publisher; nchan_channel_id bench; nchan_message_buffer_length 256; }}
    }}
}}
"""


@dataclass(frozen=True)
class FeedScenario(Comparison):
    """Sides are servers, see command_of; the load is feed_load."""

    @staticmethod
    def figure_of(result):
        return sum(result["cpu_s"]) / result["deliveries"] * 1e6


def readers(count, depth):
    return ("--readers", str(count), "-k", str(depth))


def beside_websockets(count, depth):
    return FeedScenario(
        name=f"sse-fanout-n{count}-k{depth}-ws",
        ours="belfry-feed",
        reference="belfry-feed",
        load=readers(count, depth),
        reference_load=(*readers(count, depth), "--kind", "ws"),
        at_most=1.1,
    )


OTHERS = ("--follow", "/events", "--publish", "/publish")


def beside(peer, count):
    return FeedScenario(
        name=f"sse-fanout-n{count}-k16-{peer.split('-')[-1]}",
        ours="belfry-feed",
        reference=peer,
        load=readers(count, 16),
        reference_load=(*readers(count, 16), *OTHERS),
        at_least=15,
    )


def publishing(name, depth, by, at_most):
    one = ("--readers", "1", "--kind", "ws", "-k", str(depth))
    return FeedScenario(
        name=name,
        ours="belfry-feed",
        reference="belfry-feed",
        load=(*one, "--by", by),
        reference_load=(*one, "--by", "ws"),
        at_most=at_most,
    )


FEED_SCENARIOS = [
    *(beside_websockets(count, depth) for count in (1000, 10000) for depth in (1, 16)),
    *(beside(peer, count) for peer in ("sse-node", "nchan") for count in (1000, 10000)),
    publishing("http-publish", 1, "post", 2),
    publishing("http-publish-batch-100", 100, "batch", 1.2),
    FeedScenario(
        name="history-n100-k1",
        ours="belfry-feed",
        reference="belfry-no-history",
        load=(*readers(100, 1), "--kind", "ws", "--by", "ws"),
        at_most=1.1,
    ),
]


def build():
    flags = ["-O2", "-g", "-D_GNU_SOURCE", "-std=gnu17"]
    source = os.path.join(ROOT, "bench", "feed_load.c")
    run_quietly([os.environ.get("CC", "cc"), *flags, source, "-o", os.path.join(OUT, "feed_load")])


def needs_peers(name):
    return name == "sse-node"


def command_of(name, belfry, port):
    if name.startswith("belfry-"):
        command = [belfry, "serve", "--demo", "--workers", "1", "--listen", f"127.0.0.1:{port}"]
        return command + (["--history-messages", "off"] if name == "belfry-no-history" else [])
    if name == "sse-node":
        return ["node", os.path.join(PEERS, "sse-node.mjs"), str(port)]
    path = os.path.join(OUT, "nchan.conf")
    with open(path, "w", encoding="utf-8") as out:
        out.write(NGINX_CONFIG.format(module=NCHAN_MODULE, folder=OUT, port=port))
    return ["nginx", "-p", OUT, "-c", path]


class Feed:
    """A running server; a context manager that ends it."""

    def __init__(self, name, belfry, core):
        self.name = name
        port = free_port()
        self.server = Server(name, port, command_of(name, belfry, port), core)
        self.stack = contextlib.ExitStack()

    def __enter__(self):
        self.stack.enter_context(self.server)
        return self

    def __exit__(self, *_):
        self.stack.close()

    def targets(self):
        # nginx's work is done by a child of the process that was started.
        pid = self.server.pid
        if self.name == "nchan":
            with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as children:
                pid = int(children.read().split()[0])
        return ["--port", str(self.server.port), "-p", str(pid)]
