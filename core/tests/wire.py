"""A wire between Django and PostgreSQL that counts how often one waits for the other, and can be held or cut."""

import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from select import select
from threading import Event, Thread

from django.db import connection

CHUNK = 65536
HELD_AT_MOST = 20


class Wire:
    """`trips` counts each time that Django spoke after PostgreSQL did. What it says in the trip `hold_at` is kept back,
    on that connection alone, until `released`; if it is `cut` by then, the connection ends there.
    """

    def __init__(self, folder: str, server: str | tuple[str, int]) -> None:
        self.trips = 0
        self.hold_at = 0
        self.is_held, self.released, self.cut = Event(), Event(), Event()
        self._server = server
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(f"{folder}/.s.PGSQL.5432")
        self._listener.listen()
        Thread(target=self._accept, daemon=True).start()

    def count(self) -> None:
        """From now on, as at the beginning of a request."""
        connection.ensure_connection()
        connection.close_if_unusable_or_obsolete()
        self.trips = 0

    def close(self) -> None:
        self.released.set()
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client, _ = self._listener.accept()
                Thread(target=self._relay, args=(client,), daemon=True).start()

    def _relay(self, client: socket.socket) -> None:
        server = socket.socket(socket.AF_UNIX if isinstance(self._server, str) else socket.AF_INET)
        with client, server, suppress(OSError):
            server.connect(self._server)
            speaker = server
            while True:
                for one in select([client, server], [], [])[0]:
                    said = one.recv(CHUNK)
                    if one is client and speaker is server:
                        self.trips += 1
                        if self._is_cut_at(self.trips):
                            return
                    if not said:
                        return
                    speaker = one
                    (server if one is client else client).sendall(said)

    def _is_cut_at(self, trip: int) -> bool:
        if trip != self.hold_at:
            return False
        self.is_held.set()
        assert self.released.wait(HELD_AT_MOST)
        return self.cut.is_set()


@contextmanager
def counted_wire() -> Iterator[Wire]:
    """New connections of Django's go over it, this thread's and those of others."""
    known = dict(connection.settings_dict)
    port = int(known["PORT"] or 5432)
    server = f"{known['HOST']}/.s.PGSQL.{port}" if known["HOST"].startswith("/") else (known["HOST"], port)
    with tempfile.TemporaryDirectory() as folder:
        wire = Wire(str(Path(folder)), server)
        connection.close()
        connection.settings_dict.update(HOST=folder, PORT="5432")
        try:
            yield wire
        finally:
            connection.settings_dict.update(HOST=known["HOST"], PORT=known["PORT"])
            connection.close()
            wire.close()
