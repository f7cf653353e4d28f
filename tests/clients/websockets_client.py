"""The Python library `websockets`, with its own keepalive."""

from websockets import ConnectionClosed
from websockets.asyncio.client import connect as dial
from websockets.exceptions import InvalidStatus

from scenario import Closed, Refused, main


class Socket:
    def __init__(self, socket):
        self.socket = socket
        self.send = socket.send
        self.close = socket.close

    async def receive(self):
        try:
            return await self.socket.recv()
        except ConnectionClosed as closed:
            raise Closed(self.socket.close_code, self.socket.close_reason) from closed


async def connect(url, keepalive):
    try:
        return Socket(await dial(url, ping_interval=keepalive, ping_timeout=keepalive))
    except InvalidStatus as invalid:
        response = invalid.response
        retry_after = response.headers.get("Retry-After")
        raise Refused(response.status_code, retry_after, response.body) from invalid


main(connect)
