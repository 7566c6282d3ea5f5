"""Our tables as they were at some moment, kept aside under a name and put back."""

from django.apps import apps
from django.db import connection

APPS = ("core", "billing", "orders", "webhooks")


def tables() -> list[str]:
    models = (model for name in APPS for model in apps.get_app_config(name).get_models(include_auto_created=True))
    return [connection.ops.quote_name(model._meta.db_table) for model in models if model._meta.managed]


def keep_rows(name: str) -> None:
    """Copy every table of ours, as it is now, to a schema of that name."""
    copies = "".join(f"CREATE UNLOGGED TABLE {name}.{table} AS TABLE {table};" for table in tables())
    execute(f"DROP SCHEMA IF EXISTS {name} CASCADE; CREATE SCHEMA {name}; {copies}")


def keep_again(name: str) -> None:
    """As above, over what was kept there before."""
    copies = (f"DELETE FROM {name}.{table}; INSERT INTO {name}.{table} TABLE {table};" for table in tables())  # noqa: S608 ours
    execute("".join(copies))


def put_back(name: str) -> None:
    """Make every table what it was; the log's own trigger sleeps meanwhile, in this transaction alone.

    Keys go on: one that was given out is not given out again.
    """
    swaps = "".join(
        f"DELETE FROM {table}; INSERT INTO {table} OVERRIDING SYSTEM VALUE TABLE {name}.{table};"  # noqa: S608 ours
        for table in tables()
    )
    execute(f"BEGIN; SET LOCAL session_replication_role = replica; {swaps} COMMIT")


def forget_rows(name: str) -> None:
    execute(f"DROP SCHEMA {name} CASCADE")


def tidy(*names: str) -> None:
    """Thousands of sequences leave dead rows, over which every later scan would walk; there and in what is kept."""
    for table in tables():
        for schema in ("public", *names):
            execute(f"VACUUM {schema}.{table}")


def execute(statements: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statements)
