"""python-socketio against the fixture: client.py threads|asyncio polling|websocket|upgrade

INTEROP_URL is where the fixture is. A line per check; exits with 1 if one failed.
"""

import asyncio
import os
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor

import socketio

URL = os.environ["INTEROP_URL"]
LIMIT_S = 10
KIND, WAY = sys.argv[1:3]
TRANSPORTS = {
    "polling": ["polling"],
    "websocket": ["websocket"],
    "upgrade": ["polling", "websocket"],
}[WAY]
VALUES = [1, "2", {"3": [True, None, -0.5]}, "€😀", []]
MANY = 200
# This client refuses a polling payload of more than 16 packets, binary parts included.
AT_ONCE = 5 if WAY == "polling" else MANY


class Threads:
    """The client with threads, its calls awaitable like those of asyncio's.

    It starts a thread for each message that it has read, and these overtake one another (and an
    attachment its packet) when the machine is busy. Here one thread takes them all, so that what
    is heard stands in the server's order.
    """

    def __init__(self):
        self.client = socketio.Client(reconnection=False)
        self.turns = ThreadPoolExecutor(max_workers=1)
        self.start = self.client.eio.start_background_task
        self.client.eio.start_background_task = self.start_in_turn

    def start_in_turn(self, target, *args, **kwargs):
        if target == self.client.eio.handlers["message"]:
            return self.turns.submit(target, *args, **kwargs)
        return self.start(target, *args, **kwargs)

    def on(self, event, handler, namespace):
        self.client.on(event, handler, namespace=namespace)

    async def do(self, method, *args, **kwargs):
        return await asyncio.to_thread(getattr(self.client, method), *args, **kwargs)

    async def rest(self):
        """Until nothing is being sent: this client's writer goes without sending the last packets
        if it comes back from a request just after the disconnect, and its poll then waits on."""
        await asyncio.to_thread(self.client.eio.queue.join)


class Asyncio:
    def __init__(self):
        self.client = socketio.AsyncClient(reconnection=False)

    def on(self, event, handler, namespace):
        async def call(*args):
            return handler(*args)

        self.client.on(event, call, namespace=namespace)

    async def do(self, method, *args, **kwargs):
        return await getattr(self.client, method)(*args, **kwargs)

    async def rest(self):
        pass


class Person:
    """One client; what it hears is kept by event until it is asked for."""

    def __init__(self):
        self.inner = {"threads": Threads, "asyncio": Asyncio}[KIND]()
        self.loop = asyncio.get_running_loop()
        self.heard = {}

    def listen(self, namespace, *events):
        for event in events:
            queue = self.heard.setdefault((namespace, event), asyncio.Queue())

            def keep(*args, queue=queue):
                self.loop.call_soon_threadsafe(queue.put_nowait, list(args))

            self.inner.on(event, keep, namespace)

    async def connect(self, namespaces=("/",), auth=None):
        await self.inner.do(
            "connect", URL, auth=auth, transports=TRANSPORTS, namespaces=list(namespaces),
            wait_timeout=LIMIT_S,
        )
        return self

    async def emit(self, event, *args, namespace="/"):
        await self.inner.do("emit", event, args, namespace=namespace)

    async def call(self, event, *args, namespace="/"):
        return await self.inner.do("call", event, args, namespace=namespace, timeout=LIMIT_S)

    async def hears(self, event, namespace="/"):
        return await asyncio.wait_for(self.heard[namespace, event].get(), LIMIT_S)

    async def leave(self):
        await self.inner.rest()
        await self.inner.do("disconnect")

    @property
    def id(self):
        return self.inner.client.get_sid("/")


async def entered(*events, namespaces=("/",), auth=None):
    person = Person()
    for namespace in namespaces:
        person.listen(namespace, *events)
    return await person.connect(namespaces, auth)


async def check_the_transport():
    person = await entered()
    if WAY == "upgrade":
        for _ in range(100):
            if person.inner.client.transport() == "websocket":
                break
            await asyncio.sleep(0.02)
    assert person.inner.client.transport() == ("polling" if WAY == "polling" else "websocket")
    await person.leave()


async def check_auth_reaches_the_application():
    person = await entered("auth", auth={"token": "abc"})
    assert await person.hears("auth") == [{"token": "abc"}]
    told = await person.call("handshake")
    assert told["id"] == person.id and told["auth"] == {"token": "abc"}, told
    await person.leave()


async def check_text_there_and_back():
    person = await entered("message-back")
    await person.emit("message", *VALUES)
    assert await person.hears("message-back") == VALUES
    await person.leave()


async def check_binary_there_and_back():
    person = await entered("message-back", "binary")
    args = [b"\x00\xff", {"a": [b"", "x"]}]
    await person.emit("message", *args)
    assert await person.hears("message-back") == args
    await person.emit("make-binary", 1000)
    made = bytes(i % 256 for i in range(1000))
    assert await person.hears("binary") == [made, {"nested": made}]
    await person.leave()


async def check_many_in_order():
    person = await entered("message-back")
    for start in range(0, MANY, AT_ONCE):
        numbers = range(start, start + AT_ONCE)
        for n in numbers:
            await person.emit("message", n, b"%d" % n if n % 5 == 0 else None)
        for n in numbers:
            got = await person.hears("message-back")
            assert got == [n, b"%d" % n if n % 5 == 0 else None], (n, got)
    await person.leave()


async def check_acks_of_the_server():
    person = await entered()
    assert await person.call("message-with-ack", "one") == "one"
    assert list(await person.call("message-with-ack", 1, b"\x01")) == [1, b"\x01"]
    assert await person.call("message-with-ack") is None
    await person.leave()


async def check_acks_of_the_client():
    person = await entered("call-result")
    person.inner.on("call", lambda question: (question, b"\x02"), "/")
    await person.emit("call-me", "how much?")
    assert await person.hears("call-result") == ["how much?", b"\x02"]
    await person.leave()


async def check_namespaces_on_one_connection():
    person = await entered("message-back", namespaces=("/", "/custom", "/dyn-3"))
    for namespace in ("/dyn-3", "/", "/custom"):
        await person.emit("message", namespace, namespace=namespace)
    for namespace in ("/", "/custom", "/dyn-3"):
        assert await person.hears("message-back", namespace) == [namespace]
    await person.leave()


async def check_a_refusal_with_data():
    person = Person()
    person.listen("/auth", "connect_error")
    try:
        await person.connect(["/auth"], {"token": "no"})
        raise AssertionError("it was let in")
    except socketio.exceptions.ConnectionError:
        pass
    (error,) = await person.hears("connect_error", "/auth")
    assert error["message"] == "not authorized", error
    assert error["data"] == {"content": "Please retry later"}, error
    good = await entered(namespaces=("/auth",), auth={"token": "ok"})
    await good.leave()


async def check_rooms():
    room = f"python-{KIND}-{WAY}"
    one, other = await entered("room-message"), await entered("room-message")
    await one.call("join", room)
    await other.call("to-room", room, "hi", b"\x03")
    assert await one.hears("room-message") == ["hi", b"\x03"]
    assert sorted(await one.call("rooms")) == sorted([one.id, room])
    await one.leave()
    await other.leave()


async def check_the_server_disconnects():
    person = await entered("last-words", "disconnect")
    await person.emit("bye")
    assert await person.hears("last-words") == []
    assert (await person.hears("disconnect"))[0] == "server disconnect"


async def main():
    has_failed = False
    for name, check in sorted(globals().items()):
        if not name.startswith("check_"):
            continue
        title = name.removeprefix("check_").replace("_", " ")
        try:
            await asyncio.wait_for(check(), 2 * LIMIT_S)
            print(f"ok    {title}")
        except Exception:  # whatever it is: the others shall run too
            has_failed = True
            print(f"FAIL  {title}")
            print("".join(f"      {line}\n" for line in traceback.format_exc().splitlines()))
        sys.stdout.flush()
    # The threads of a client that was left half-way would keep the process.
    os._exit(1 if has_failed else 0)


asyncio.run(main())
