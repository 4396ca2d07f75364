"""A process that only writes: python-socketio's RedisManager, as a backend uses it.

    python manager.py REDIS_URL    one call per line of stdin: ["emit", [args...], {options...}]
"""

import base64
import json
import sys

import socketio

manager = socketio.RedisManager(sys.argv[1], write_only=True)


def with_bytes(value):
    """{"base64": ...} are bytes."""
    if isinstance(value, dict):
        if list(value) == ["base64"]:
            return base64.b64decode(value["base64"])
        return {name: with_bytes(item) for name, item in value.items()}
    if isinstance(value, list):
        return [with_bytes(item) for item in value]
    return value


for line in sys.stdin:
    method, args, options = json.loads(line)
    if method == "emit" and isinstance(args[1], list):
        args[1] = tuple(args[1])  # several arguments
    args = [tuple(with_bytes(list(a))) if isinstance(a, tuple) else with_bytes(a) for a in args]
    getattr(manager, method)(*args, **options)
    print("done", flush=True)
