"""The Python library `aiohttp`, with its own keepalive."""

from aiohttp import ClientSession, WSMsgType, WSServerHandshakeError

from scenario import Closed, Refused, main


class Socket:
    def __init__(self, session, socket):
        self.session, self.socket = session, socket
        self.send = socket.send_str

    async def receive(self):
        message = await self.socket.receive()
        if message.type == WSMsgType.CLOSE:
            raise Closed(message.data, message.extra)
        if message.type != WSMsgType.TEXT:
            # Without a pong in half the interval, the library ends the connection by itself.
            raise Closed(self.socket.close_code, repr(self.socket.exception()))
        return message.data

    async def close(self):
        await self.socket.close()
        await self.session.close()


async def connect(url, keepalive):
    session = ClientSession()
    try:
        return Socket(session, await session.ws_connect(url, heartbeat=keepalive))
    except WSServerHandshakeError as error:
        await session.close()
        # The body of the answer is not to be had from this library.
        raise Refused(error.status, error.headers.get("Retry-After")) from error


main(connect)
