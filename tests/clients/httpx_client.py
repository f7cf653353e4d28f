"""The Python libraries `httpx-ws` and `wsproto`, with their own keepalive."""

from contextlib import AsyncExitStack

from httpx_ws import WebSocketDisconnect, WebSocketUpgradeError, aconnect_ws

from scenario import Closed, Refused, main


class Socket:
    def __init__(self, context, socket):
        self.context, self.socket = context, socket
        self.send = socket.send_text
        self.close = context.aclose

    async def receive(self):
        try:
            return await self.socket.receive_text()
        except WebSocketDisconnect as closed:
            raise Closed(closed.code, closed.reason) from closed


async def connect(url, keepalive):
    context = AsyncExitStack()
    options = {
        "keepalive_ping_interval_seconds": keepalive,
        "keepalive_ping_timeout_seconds": keepalive,
    }
    try:
        return Socket(context, await context.enter_async_context(aconnect_ws(url, **options)))
    except WebSocketUpgradeError as error:
        response = error.response
        # The library reads the head of a refusal alone.
        raise Refused(response.status_code, response.headers.get("Retry-After")) from error


main(connect)
