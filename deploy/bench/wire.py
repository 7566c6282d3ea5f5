"""What goes over the wire to PostgreSQL, counted by a relay between: postgresql.org/docs/current/protocol-flow.html."""

import asyncio
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, unquote, urlsplit

from psycopg.conninfo import conninfo_to_dict

CHUNK = 65536
PORT = 5432
# Messages of the client: a query of the simple protocol, the execution of a prepared one; what asks for an answer.
CARRIES_OUT = {b"Q", b"E"}
ASKS = {b"Q", b"S", b"H"}


class Counts(NamedTuple):
    """`statements` carried out, BEGIN and COMMIT included; `trips`: how often their answers were asked for."""

    statements: int
    trips: int


class Relay:
    """It passes everything on as it is."""

    def __init__(self, upstream: str) -> None:
        self._upstream = conninfo_to_dict(upstream)
        self._statements = self._trips = 0
        self._stopped = asyncio.Event()

    @property
    def counts(self) -> Counts:
        return Counts(self._statements, self._trips)

    async def serve(self, address: Path, ready: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        async with await asyncio.start_unix_server(self._relay, str(address)):
            ready.set()
            await self._stopped.wait()

    def stop(self) -> None:
        """From another thread than that which serves."""
        self._loop.call_soon_threadsafe(self._stopped.set)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await self._connect()
        answers = asyncio.create_task(pass_on(server_reader, writer))
        try:
            await self._read(reader, server_writer)
        except asyncio.IncompleteReadError:
            server_writer.close()
        await answers

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        host, port = str(self._upstream.get("host", "127.0.0.1")), int(self._upstream.get("port") or PORT)
        if host.startswith("/"):
            return await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
        return await asyncio.open_connection(host, port)

    async def _read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Message by message. The first has no kind; every other has one, and its length, which counts itself."""
        kind, unanswered = b"", False
        while True:
            length = await reader.readexactly(4)
            body = await reader.readexactly(int.from_bytes(length) - 4)
            writer.write(kind + length + body)
            self._statements += kind in CARRIES_OUT
            unanswered |= kind in CARRIES_OUT
            # psycopg asks twice at the end of a pipeline: nothing was sent in between.
            self._trips += unanswered and kind in ASKS
            unanswered &= kind not in ASKS
            kind = await reader.readexactly(1)


async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while received := await reader.read(CHUNK):
        writer.write(received)
    writer.close()


@contextmanager
def relayed(server_url: str) -> Iterator[tuple[str, Relay]]:
    """The same server by another URL, and what counts on the way there."""
    # Its path may hold 107 bytes.
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="bench-") as folder:
        relay, ready = Relay(server_url), threading.Event()
        address = Path(folder) / f".s.PGSQL.{PORT}"
        thread = threading.Thread(target=asyncio.run, args=[relay.serve(address, ready)], daemon=True)
        thread.start()
        ready.wait()
        try:
            yield relayed_url(server_url, folder), relay
        finally:
            relay.stop()
            thread.join()


def relayed_url(server_url: str, folder: str) -> str:
    parts, given = urlsplit(server_url), conninfo_to_dict(server_url)
    password = f":{quote(str(given['password']), safe='')}" if "password" in given else ""
    user = quote(unquote(str(given.get("user", ""))), safe="")
    return parts._replace(netloc=f"{user}{password}@{quote(folder, safe='')}", query="").geturl()
