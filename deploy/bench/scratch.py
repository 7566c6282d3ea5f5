"""A database and a port of one's own, for a moment."""

import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import psycopg
from psycopg import sql


@contextmanager
def own_database(server_url: str) -> Iterator[str]:
    """The DATABASE_URL of a new, empty database on the server of another one; it is dropped at the end."""
    name = sql.Identifier(f"countersign_{secrets.token_hex(8)}")
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(name))
    try:
        yield urlsplit(server_url)._replace(path=f"/{name.as_string().strip('"')}").geturl()
    finally:
        with psycopg.connect(server_url, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


def free_port() -> int:
    """Free now; whoever uses it soon finds it so."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
