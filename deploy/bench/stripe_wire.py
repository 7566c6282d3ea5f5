"""What goes over the wire to Stripe, or to its stand-in: connections counted, and the time that answers take."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

CHUNK = 65536


class StripeRelay:
    """It passes everything on as it is. `connections` were opened to it, `requests` came over them; `waited` is how
    many seconds passed between requests and the last of their answers.
    """

    def __init__(self, upstream: str) -> None:
        parts = urlsplit(upstream)
        self.connections = self.requests = self.port = 0
        self.waited = 0.0
        self._upstream = parts.hostname, parts.port
        self._open: set[asyncio.StreamWriter] = set()
        self._stopped = asyncio.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, ready: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        async with await asyncio.start_server(self._relay, "127.0.0.1", 0) as server:
            self.port = server.sockets[0].getsockname()[1]
            ready.set()
            await self._stopped.wait()
            self._hang_up()

    def stop(self) -> None:
        """From another thread than that which serves."""
        self._loop.call_soon_threadsafe(self._stopped.set)

    def hang_up(self) -> None:
        """As a server does with connections that nobody has used for a while. From another thread."""
        asyncio.run_coroutine_threadsafe(self._hung_up(), self._loop).result()

    async def _hung_up(self) -> None:
        self._hang_up()

    def _hang_up(self) -> None:
        for writer in self._open:
            writer.close()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._open.add(writer)
        server_reader, server_writer = await asyncio.open_connection(*self._upstream)
        wait = Wait(self)
        answers = asyncio.create_task(pass_on(server_reader, writer, wait.ended))
        try:
            await pass_on(reader, server_writer, wait.began)
            await answers
        finally:
            self._open.discard(writer)


class Wait:
    """Of one connection, on which one request at a time is answered."""

    def __init__(self, relay: StripeRelay) -> None:
        self._relay = relay
        self._since = 0.0
        self._is_asked = False

    def began(self) -> None:
        self._relay.requests += not self._is_asked
        self._is_asked, self._since = True, time.perf_counter()

    def ended(self) -> None:
        now = time.perf_counter()
        self._relay.waited += now - self._since
        self._is_asked, self._since = False, now


async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, noted: Callable[[], None]) -> None:
    with suppress(ConnectionError):  # hung up
        while received := await reader.read(CHUNK):
            noted()
            writer.write(received)
    writer.close()


@contextmanager
def relayed_stripe(upstream: str) -> Iterator[StripeRelay]:
    relay, ready = StripeRelay(upstream), threading.Event()
    thread = threading.Thread(target=asyncio.run, args=[relay.serve(ready)], daemon=True)
    thread.start()
    ready.wait()
    try:
        yield relay
    finally:
        relay.stop()
        thread.join()
