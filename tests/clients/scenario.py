"""What every client in Python does; see README.md. Its library is behind `connect`."""

import asyncio
import json
import sys
import urllib.request
from dataclasses import dataclass
from typing import Awaitable, Callable, Protocol

BODY = "grüße, 世界 😀 " * 2858  # A good 60,000 bytes of UTF-8.
ATTEMPTS = 30


class Socket(Protocol):
    """One connection."""

    async def send(self, text: str) -> None: ...

    async def receive(self) -> str:
        """The next text frame. Raises `Closed`."""

    async def close(self) -> None:
        """Closes with 1000."""


class Closed(Exception):
    """The connection has ended."""

    def __init__(self, code, reason):
        super().__init__(f"closed with {code} {reason!r}")
        self.code, self.reason = code, reason


class Refused(Exception):
    """The upgrade was refused. What a library does not tell is `None`."""

    def __init__(self, status, retry_after=None, body=None):
        super().__init__(f"refused with {status}")
        self.status, self.retry_after, self.body = status, retry_after, body


@dataclass
class Arguments:
    """What the runner asks for."""

    url: str
    fallback: str
    user: str
    peer: str
    idle: float
    keepalive: float


Connect = Callable[[str, float], Awaitable[Socket]]


def step(name, **more):
    print(json.dumps({"step": name} | more), flush=True)


class Session:
    """A connection that is read all the time, as that of an application is."""

    def __init__(self, socket):
        self.socket = socket
        self.frames = asyncio.Queue()
        self.reader = asyncio.create_task(self.read())

    async def read(self):
        try:
            while True:
                await self.frames.put(json.loads(await self.socket.receive()))
        except Exception as error:
            await self.frames.put(error)

    async def next(self):
        frame = await self.frames.get()
        if isinstance(frame, Exception):
            raise frame
        return frame

    async def login(self, user):
        await self.socket.send(json.dumps({"type": "login", "user": user}))
        welcome = await self.next()
        assert welcome["type"] == "welcome", welcome
        step("welcome", node=welcome["node"])

    async def idle(self, seconds):
        try:
            raise AssertionError(await asyncio.wait_for(self.next(), seconds))
        except asyncio.TimeoutError:
            step("idle")

    async def send_and_receive(self, peer):
        send = {"type": "send", "id": "c-1", "to": peer, "body": BODY}
        await self.socket.send(json.dumps(send, ensure_ascii=False))
        frames = [await self.next(), await self.next()]
        kinds = {frame["type"]: frame for frame in frames}
        assert kinds["receipt"]["outcome"] == "delivered", kinds["receipt"]
        assert kinds["message"]["body"] == BODY, "the body came back changed"
        step("delivered", bytes=len(kinds["message"]["body"].encode()))

    async def closed(self):
        try:
            raise AssertionError(await self.next())
        except Closed as closed:
            step("closed", code=closed.code, reason=closed.reason)
            return closed


async def reconnect(connect: Connect, url, keepalive):
    """Dials until there is room, where a refusal says that there is some."""
    for _ in range(ATTEMPTS):
        try:
            return Session(await connect(url, keepalive))
        except Refused as refused:
            body = refused.body or await asyncio.to_thread(get_nodes, url)
            nodes = json.loads(body)["nodes"]
            after = refused.retry_after
            step("refused", status=refused.status, retry_after=after, nodes=nodes)
            url = nodes[0] if nodes else url
            await asyncio.sleep(float(after or 1))
    raise AssertionError("refused every time")


def get_nodes(url):
    address = url.replace("ws://", "http://").removesuffix("/ws")
    with urllib.request.urlopen(f"{address}/nodes") as response:
        return response.read()


async def play(connect: Connect):
    url, fallback, user, peer, idle, keepalive = sys.argv[1:]
    keepalive = float(keepalive)
    session = Session(await connect(url, keepalive))
    await session.login(user)
    await session.idle(float(idle))
    await session.send_and_receive(peer)
    closed = await session.closed()
    await asyncio.sleep(int(closed.reason.removeprefix("retry_ms=")) / 1000)
    session = await reconnect(connect, fallback, keepalive)
    await session.login(user)
    await session.send_and_receive(peer)
    session.reader.cancel()
    await session.socket.close()
    step("done")


def main(connect: Connect):
    asyncio.run(play(connect))
