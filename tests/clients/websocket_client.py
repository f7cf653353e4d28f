"""The Python library `websocket-client`, which blocks a thread, with its own keepalive."""

import asyncio
import threading

import websocket

from scenario import Closed, Refused, main


class Socket:
    def __init__(self, url):
        self.loop = asyncio.get_running_loop()
        self.opened, self.frames = self.loop.create_future(), asyncio.Queue()
        self.app = websocket.WebSocketApp(
            url,
            on_open=lambda _: self.call(self.opened.set_result, None),
            on_message=lambda _, text: self.call(self.frames.put_nowait, text),
            on_error=lambda _, error: self.call(self.failed, error),
            on_close=lambda _, *close: self.call(self.frames.put_nowait, Closed(*close)),
        )

    def call(self, function, value):
        self.loop.call_soon_threadsafe(function, value)

    def failed(self, error):
        # Later on, the end of the connection is told as an error first, and then as what it is.
        if not self.opened.done():
            self.opened.set_exception(error)

    async def send(self, text):
        await asyncio.to_thread(self.app.send, text)

    async def receive(self):
        frame = await self.frames.get()
        if isinstance(frame, Closed):
            raise frame
        return frame

    async def close(self):
        await asyncio.to_thread(self.app.close)


async def connect(url, keepalive):
    socket = Socket(url)
    # The library wants the time-out to be shorter than the interval.
    options = {"ping_interval": keepalive, "ping_timeout": 0.9 * keepalive}
    threading.Thread(target=socket.app.run_forever, kwargs=options, daemon=True).start()
    try:
        await socket.opened
    except websocket.WebSocketBadStatusException as error:
        retry_after = error.resp_headers.get("retry-after")
        raise Refused(error.status_code, retry_after, error.resp_body) from error
    return socket


main(connect)
