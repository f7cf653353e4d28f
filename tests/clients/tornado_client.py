"""The Python library `tornado`, with its own keepalive."""

from tornado.httpclient import HTTPClientError
from tornado.websocket import websocket_connect

from scenario import Closed, Refused, main


class Socket:
    def __init__(self, socket):
        self.socket = socket
        self.send = socket.write_message

    async def receive(self):
        message = await self.socket.read_message()
        if message is None:
            raise Closed(self.socket.close_code, self.socket.close_reason)
        return message

    async def close(self):
        self.socket.close(1000)
        while await self.socket.read_message() is not None:
            pass


async def connect(url, keepalive):
    try:
        return Socket(await websocket_connect(url, ping_interval=keepalive, ping_timeout=keepalive))
    except HTTPClientError as error:
        # The library reads the head of a refusal alone.
        raise Refused(error.code, error.response.headers.get("Retry-After")) from error


main(connect)
