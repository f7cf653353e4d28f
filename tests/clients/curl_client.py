"""curl's WebSocket, through the Python library `curl_cffi`.

curl puts its pong in line and writes it with whatever the program sends next: one that sends nothing
for two intervals has answered nothing, and is ended. So this one pings, as every program on curl has
to.
"""

import asyncio
import re

from curl_cffi import CurlError
from curl_cffi.requests import AsyncSession, WebSocketClosed

from scenario import Closed, Refused, main


class Socket:
    def __init__(self, session, socket, keepalive):
        self.session, self.socket = session, socket
        self.send = socket.send_str
        self.pings = asyncio.create_task(self.ping(keepalive))

    async def ping(self, interval):
        while True:
            await asyncio.sleep(interval)
            await self.socket.ping()

    async def receive(self):
        try:
            return await self.socket.recv_str()
        except WebSocketClosed as closed:
            self.pings.cancel()
            raise Closed(self.socket.close_code, self.socket.close_reason) from closed

    async def close(self):
        self.pings.cancel()
        await self.socket.close()
        await self.session.close()


async def connect(url, keepalive):
    session = AsyncSession()
    try:
        return Socket(session, await session.ws_connect(url), keepalive)
    except CurlError as error:
        await session.close()
        # curl names the status of a refusal in its message, and nothing else.
        refused = re.search(r"Refused WebSocket upgrade: (\d+)", str(error))
        if refused is None:
            raise
        raise Refused(int(refused[1])) from error


main(connect)
