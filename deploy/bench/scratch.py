"""A database, its roles and a port of one's own, for a moment."""

import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import psycopg
from psycopg import sql


@dataclass(frozen=True, kw_only=True)
class Role:
    name: str
    password: str = field(repr=False)

    def sign_in(self, database_url: str) -> str:
        """The URL of the same database for this role."""
        parts = urlsplit(database_url)
        host = parts.netloc.rpartition("@")[2]
        return parts._replace(netloc=f"{self.name}:{self.password}@{host}").geturl()


@dataclass(frozen=True, kw_only=True)
class Roles:
    """The owner is no superuser, and may make roles; the application's is not made yet."""

    owner: Role
    application: Role


@contextmanager
def own_roles(server_url: str) -> Iterator[Roles]:
    """Both are dropped at the end, when no database may hold anything of theirs any more."""
    token = secrets.token_hex(8)
    owner, application = (Role(name=f"{kind}_{token}", password=token) for kind in ("owner", "application"))
    create = sql.SQL("CREATE ROLE {} LOGIN CREATEROLE PASSWORD {}").format(sql.Identifier(owner.name), owner.password)
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(create)
    try:
        yield Roles(owner=owner, application=application)
    finally:
        with psycopg.connect(server_url, autocommit=True) as connection:
            for role in (application, owner):
                connection.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(role.name)))


@contextmanager
def own_database(server_url: str, owner: str | None = None) -> Iterator[str]:
    """The DATABASE_URL of a new, empty database on the server of another one; it is dropped at the end."""
    whose = sql.SQL(" OWNER {}").format(sql.Identifier(owner)) if owner else sql.SQL("")
    name = sql.Identifier(f"countersign_{secrets.token_hex(8)}")
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(name) + whose)
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
