"""Bytes to a socket and back: what is sent need not be HTTP, so no client library stands between."""

import http.client
import socket
from typing import NamedTuple

SECONDS = 40


class Answer(NamedTuple):
    """`status` is 0 where the connection was closed without an answer; header names are lower-case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def is_of_the_application(self) -> bool:
        """What gunicorn refuses by itself carries no id."""
        return "x-request-id" in self.headers

    @property
    def is_json(self) -> bool:
        return self.headers.get("content-type", "").startswith("application/json")

    @property
    def is_page(self) -> bool:
        return self.headers.get("content-type", "").startswith("text/html")


NO_ANSWER = Answer(0, {}, b"")


def send(port: int, request: bytes, method: str = "GET") -> Answer:
    """Send all, say that no more comes, and read one answer. Raises OSError where nobody listens."""
    with socket.create_connection(("127.0.0.1", port), SECONDS) as connection:
        try:
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
        except (BrokenPipeError, ConnectionResetError, OSError):
            pass  # it was refused before it was read to its end; the answer may be there all the same
        answer = http.client.HTTPResponse(connection, method=method)
        try:
            answer.begin()
            body = answer.read()
        except (http.client.HTTPException, ConnectionError):
            return NO_ANSWER
        return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, body)
