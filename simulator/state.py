"""What the simulator remembers: Stripe's objects per account, and its own notes beside them.

Everything is JSON under (account, kind, id). Kinds that start with `_` are notes; the others are Stripe's `object`
names and hold the objects as the API answers them. With a path, each flush is one SQLite transaction: killing the
process loses nothing that was answered.
"""

import hashlib
import json
import re
import sqlite3
from typing import Any

Json = dict[str, Any]
SECRET_KEY = re.compile(r"sk_(test|live)_\w+")
_SCHEMA = "CREATE TABLE IF NOT EXISTS record (account, kind, id, body, PRIMARY KEY (account, kind, id))"
# An update keeps its row, so that row order stays the order of creation.
_UPSERT = "INSERT INTO record VALUES (?, ?, ?, ?) ON CONFLICT (account, kind, id) DO UPDATE SET body = excluded.body"
_DELETE = "DELETE FROM record WHERE account = ? AND kind = ? AND id = ?"


def account_id(secret_key: str) -> str:
    """An account is named after its key, so that no key is ever stored."""
    return "acct_1" + hashlib.sha256(secret_key.encode()).hexdigest()[:15]


class Account:
    """One account's records; every kind lists them in the order of creation."""

    def __init__(self, store: "Store", name: str) -> None:
        self.id = name
        self._store = store
        self._kinds: dict[str, dict[str, Json]] = {}

    @property
    def livemode(self) -> bool:
        return bool(self.records("_account")[self.id]["livemode"])

    def records(self, kind: str) -> dict[str, Json]:
        return self._kinds.setdefault(kind, {})

    def find(self, kind: str, record_id: str) -> Json | None:
        return self.records(kind).get(record_id)

    def put(self, value: Json) -> Json:
        """Keep one of Stripe's objects; after changing it in place, put it again."""
        return self.note(value["object"], value["id"], value)

    def note(self, kind: str, record_id: str, value: Json) -> Json:
        self.records(kind)[record_id] = value
        self._store.dirty[self.id, kind, record_id] = None
        return value

    def remove(self, kind: str, record_id: str) -> None:
        self.records(kind).pop(record_id, None)
        self._store.dirty[self.id, kind, record_id] = None

    def clear(self) -> None:
        for kind, records in self._kinds.items():
            self._store.dirty |= {(self.id, kind, record_id): None for record_id in records}
        self._kinds.clear()

    def objects(self) -> dict[str, list[Json]]:
        """Stripe's objects by kind, without the simulator's notes."""
        return {kind: list(found.values()) for kind, found in self._kinds.items() if found and kind[0] != "_"}


class Store:
    """All accounts, in memory, written through to SQLite when there is a path."""

    def __init__(self, path: str | None = None) -> None:
        self.accounts: dict[str, Account] = {}
        # A dict keeps the order of creation, and with it the order of the rows.
        self.dirty: dict[tuple[str, str, str], None] = {}
        self._database = sqlite3.connect(path, isolation_level=None) if path else None
        if self._database:
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = NORMAL")
            self._database.execute(_SCHEMA)
            for account, kind, record_id, body in self._database.execute("SELECT * FROM record ORDER BY rowid"):
                self._account(account).records(kind)[record_id] = json.loads(body)

    @property
    def settings(self) -> Account:
        """Notes that belong to no account."""
        return self._account("")

    def open_account(self, secret_key: str) -> Account:
        """The account of this key, empty when the key is first seen."""
        account = self._account(account_id(secret_key))
        if not account.find("_account", account.id):
            account.note("_account", account.id, {"livemode": secret_key.startswith("sk_live_")})
        return account

    def find_object(self, kind: str, object_id: str) -> tuple[Account, Json] | None:
        """The hosted page and `/_sim` know an object by its id alone."""
        for account in self.accounts.values():
            if found := account.find(kind, object_id):
                return account, found
        return None

    def flush(self) -> None:
        """Write what changed since the last flush, in one transaction."""
        changes, self.dirty = self.dirty, {}
        if not self._database or not changes:
            return
        self._database.execute("BEGIN")
        for account, kind, record_id in changes:
            value = self._account(account).find(kind, record_id)
            if value is None:
                self._database.execute(_DELETE, (account, kind, record_id))
            else:
                self._database.execute(_UPSERT, (account, kind, record_id, json.dumps(value)))
        self._database.execute("COMMIT")

    def clear(self) -> None:
        self.accounts.clear()
        self.dirty.clear()
        if self._database:
            self._database.execute("DELETE FROM record")

    def close(self) -> None:
        self.flush()
        if self._database:
            self._database.close()

    def _account(self, name: str) -> Account:
        return self.accounts.setdefault(name, Account(self, name))
