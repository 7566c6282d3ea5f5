"""An HTTP client that costs next to nothing: it shares its cores with the server that it measures."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from deploy.processes import StepError

CONNECTIONS = 8


class Load(NamedTuple):
    """`latencies` in seconds, in ascending order."""

    per_second: float
    latencies: list[float]

    def percentile(self, percent: int) -> float:
        """In seconds."""
        return self.latencies[min(len(self.latencies) * percent // 100, len(self.latencies) - 1)]


def send_all(port: int, requests: Sequence[bytes]) -> Load:
    """Send requests over 8 connections that are kept alive; raises StepError for an answer that is not 200."""
    return asyncio.run(_send_all(port, requests))


async def _send_all(port: int, requests: Sequence[bytes]) -> Load:
    waiting = iter(requests)
    started = time.perf_counter()
    latencies = await asyncio.gather(*(_send_in_turn(port, waiting) for _ in range(CONNECTIONS)))
    elapsed = time.perf_counter() - started
    return Load(len(requests) / elapsed, sorted(latency for one in latencies for latency in one))


async def _send_in_turn(port: int, waiting: Iterator[bytes]) -> list[float]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    latencies = []
    for request in waiting:
        started = time.perf_counter()
        await exchange(reader, writer, request)
        latencies.append(time.perf_counter() - started)
    writer.close()
    await writer.wait_closed()
    return latencies


async def exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> None:
    """Raises StepError for an answer that is not 200."""
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    body = await reader.readexactly(_content_length(head))
    if not head.startswith(b"HTTP/1.1 200 "):
        raise StepError(f"the server answered {head.splitlines()[0].decode()}: {body[:200].decode()}")


def _content_length(head: bytes) -> int:
    return int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])


def http_request(method: str, path: str, body: bytes = b"", **headers: str) -> bytes:
    """As a proxy in front, which ended TLS, would pass it on."""
    fields = {"Host": "127.0.0.1", "X-Forwarded-Proto": "https", "Content-Length": str(len(body)), **headers}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name.replace('_', '-')}: {value}" for name, value in fields.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body
