"""The webhook path with one web process and with several, and with PgBouncer between them and PostgreSQL."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

from psycopg.conninfo import conninfo_to_dict

from deploy.bench.contender import Contender
from deploy.bench.goals import OURS
from deploy.bench.peers.running import running_textbook
from deploy.bench.scratch import free_port, own_database
from deploy.bench.subject import running_subject, started
from deploy.postgres_binaries import server_user

PROCESSES = (1, 2, 4)
POOLED = "Countersign, PgBouncer"
# https://www.pgbouncer.org/config.html; prepared statements of the protocol need 1.21.
PGBOUNCER = """\
[databases]
* = host={host} port={port} user={user}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 8
max_prepared_statements = 200
"""


@contextmanager
def running_scaled(server_url: str) -> Iterator[list[Contender]]:
    """The last is an empty view, which tells how steady the machine is; without PgBouncer, its line is left out."""
    with ExitStack() as stack:

        def database() -> str:
            return stack.enter_context(own_database(server_url))

        contenders: list[Contender] = []
        for count in PROCESSES:
            subject = stack.enter_context(running_subject(database(), processes=count))
            contenders.append(subject.paying(OURS if count == 2 else f"Countersign, {count} processes"))  # noqa: PLR2004 the default
        if shutil.which("pgbouncer"):
            direct = database()
            pooled = stack.enter_context(running_pgbouncer(direct))
            contenders.append(stack.enter_context(running_subject(direct, served_by=pooled)).paying(POOLED))
        else:
            print("PgBouncer is not installed: its line is left out")
        *_, empty_view = stack.enter_context(running_textbook(database(), subject.specimen))
        yield [*contenders, empty_view]


@contextmanager
def running_pgbouncer(database_url: str) -> Iterator[str]:
    """The DATABASE_URL by which it is reached."""
    server, listen = conninfo_to_dict(database_url), free_port()
    user = str(server["user"])
    with tempfile.TemporaryDirectory() as folder:
        settings = Path(folder) / "pgbouncer.ini"
        settings.write_text(
            PGBOUNCER.format(host=server["host"], port=server.get("port") or 5432, user=user, listen=listen)
        )
        settings.chmod(0o644)
        Path(folder).chmod(0o755)
        with started("pgbouncer", ["pgbouncer", str(settings)], os.environ, user=server_user()):
            parts = urlsplit(database_url)
            yield urlunsplit(parts._replace(netloc=f"{quote(user)}@127.0.0.1:{listen}"))
