"""What the application's database role may do, and what the role of a process could do to the log.

Two roles (docs/decisions/0023-two-database-roles.md): the owner of the tables migrates, rebuilds and restores; web and
worker sign in as another, which can neither change the log nor drop its triggers.
"""

from collections.abc import Iterator

import structlog
from django.conf import settings
from django.db import connection, transaction
from django.db.migrations.recorder import MigrationRecorder
from psycopg import sql

from core.models import Checkpoint, Event
from core.startup import checks

log = structlog.get_logger()

APPEND_ONLY = [Event._meta.db_table, Checkpoint._meta.db_table]
MIGRATIONS = MigrationRecorder.Migration._meta.db_table
ON_TABLES = "SELECT, INSERT, UPDATE, DELETE"
ON_SOME_TABLES = dict.fromkeys(APPEND_ONLY, "SELECT, INSERT") | {MIGRATIONS: "SELECT"}
# Not UPDATE: nobody sets the log's positions back.
ON_SEQUENCES = "USAGE, SELECT"

# What else stands in the schema, an extension's views for one, belongs to others and is not ours to grant.
PLACE = """
SELECT pg_get_userbyid(relowner), nspname, current_database()
FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace WHERE pg_class.oid = 'core_event'::regclass
"""
RELATIONS = """
SELECT relname, relkind = 'S' FROM pg_class
WHERE (relnamespace, relowner) = (SELECT relnamespace, relowner FROM pg_class WHERE oid = 'core_event'::regclass)
  AND relkind IN ('r', 'p', 'v', 'm', 'S')
"""
# Functions need no grant: PostgreSQL lets everybody execute them, as whoever calls. Temporary tables are needed by
# `projections --check`.
GENERAL = """
REVOKE ALL ON DATABASE {database} FROM {role};
GRANT CONNECT, TEMPORARY ON DATABASE {database} TO {role};
REVOKE CREATE ON SCHEMA {schema} FROM PUBLIC;
REVOKE ALL ON SCHEMA {schema} FROM {role};
GRANT USAGE ON SCHEMA {schema} TO {role};
ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA {schema} REVOKE ALL ON TABLES FROM {role};
ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA {schema} REVOKE ALL ON SEQUENCES FROM {role};
ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA {schema} GRANT {on_tables} ON TABLES TO {role};
ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA {schema} GRANT {on_sequences} ON SEQUENCES TO {role};
"""
ON_RELATION = """
REVOKE ALL ON {kind} {schema}.{relation} FROM PUBLIC, {role};
GRANT {privileges} ON {kind} {schema}.{relation} TO {role};
"""

# Its own powers, and those of every role that it may become by SET ROLE; a superuser has them all. Who may set
# session_replication_role runs without triggers.
POWERS = """
SELECT DISTINCT power
FROM pg_roles signed_in
JOIN pg_roles role ON pg_has_role(signed_in.oid, role.oid, 'MEMBER')
CROSS JOIN (SELECT relowner, relnamespace FROM pg_class WHERE oid = 'core_event'::regclass) place
CROSS JOIN LATERAL (VALUES
    ('superuser', role.rolsuper),
    ('make_roles', role.rolcreaterole),
    ('own_log', role.oid = relowner),
    ('change_log', EXISTS (
        SELECT FROM unnest(%s::text[]) kept
        WHERE has_table_privilege(role.oid, kept, 'UPDATE, DELETE, TRUNCATE, TRIGGER')
           OR has_any_column_privilege(role.oid, kept, 'UPDATE'))),
    ('change_migrations', has_table_privilege(role.oid, %s, 'INSERT, UPDATE, DELETE, TRUNCATE, TRIGGER')),
    ('make_tables', has_schema_privilege(role.oid, relnamespace, 'CREATE')),
    ('disable_triggers', has_parameter_privilege(role.oid, 'session_replication_role', 'SET'))
) powers (power, had)
WHERE signed_in.rolname = coalesce(%s, session_user) AND had
ORDER BY power
"""


class TooPowerfulError(Exception):
    """The role could do more than it was to be granted, which is why nothing was."""

    def __init__(self, role: str, powers: list[str]) -> None:
        super().__init__(f"{role} could do more than it is to be granted, and is left as it was: {', '.join(powers)}")


def grant_application(role: str) -> None:
    """Leave the role with exactly what web and worker need; safe to run again and again.

    In one transaction, so that processes that are running lack nothing meanwhile. Raises TooPowerfulError (of the
    tables' owner, for one), and ProgrammingError where whoever runs it may not grant.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(PLACE)
        owner, schema, database = cursor.fetchone() or ("", "", "")
        names = {"role": role, "owner": owner, "schema": schema, "database": database}
        cursor.execute(RELATIONS)
        for statement in grants(names, cursor.fetchall()):
            cursor.execute(statement.as_string(cursor.connection))
        powers = powers_over_log(role)
        if powers:
            raise TooPowerfulError(role, powers)


def grants(names: dict[str, str], relations: list[tuple[str, bool]]) -> Iterator[sql.Composed]:
    """For relations with whether they are sequences."""
    named = {name: sql.Identifier(value) for name, value in names.items()}
    yield sql.SQL(GENERAL).format(on_tables=sql.SQL(ON_TABLES), on_sequences=sql.SQL(ON_SEQUENCES), **named)
    for relation, is_sequence in relations:
        privileges = ON_SEQUENCES if is_sequence else ON_SOME_TABLES.get(relation, ON_TABLES)
        yield sql.SQL(ON_RELATION).format(
            kind=sql.SQL("SEQUENCE" if is_sequence else "TABLE"),
            relation=sql.Identifier(relation),
            privileges=sql.SQL(privileges),
            **named,
        )


def powers_over_log(role: str | None = None) -> list[str]:
    """By which a role, or that of this process, could change the log unseen by its triggers; [] is as it should be."""
    with connection.cursor() as cursor:
        cursor.execute(POWERS, [APPEND_ONLY, MIGRATIONS, role])
        return [power for (power,) in cursor.fetchall()]


def warn_of_powers() -> None:
    if settings.DEMO:
        return
    powers = powers_over_log()
    if powers:
        log.warning("database.role_may_change_log", may=powers, to_do="docs/operations.md, Database roles")


checks.append(warn_of_powers)
