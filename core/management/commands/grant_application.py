"""`manage.py grant_application`: the database role of web and worker, made and granted by the owner of the tables."""

import dj_database_url
import psycopg
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import ProgrammingError, connection
from psycopg import sql

from core.privileges import TooPowerfulError, grant_application


class Command(BaseCommand):
    help = (
        "Make the role that APPLICATION_DATABASE_URL names, with its password, and let it do what web and worker need: "
        "everything but changing the log, the tables and their triggers. Run as their owner, after every migrate."
    )

    def handle(self, **_options: object) -> None:
        url = settings.APPLICATION_DATABASE_URL
        named = dj_database_url.parse(url) if url else {}
        role, password = str(named.get("USER") or ""), str(named.get("PASSWORD") or "")
        if not role:
            raise CommandError("APPLICATION_DATABASE_URL is not set, or names no user; web and worker have that URL")
        try:
            self.make(role, password)
            grant_application(role)
        except ProgrammingError as refused:
            raise CommandError(f"PostgreSQL refused: {refused}".strip()) from refused
        except TooPowerfulError as refused:
            raise CommandError(str(refused)) from refused
        self.stderr.write(f"{role} has what web and worker need, and can change neither the log nor any table")

    def make(self, role: str, password: str) -> None:
        """Where no password is given it is the database administrator's business, and where it works it stays: a
        pooler may hold what PostgreSQL made of it.
        """
        with connection.cursor() as cursor:
            cursor.execute("SELECT FROM pg_roles WHERE rolname = %s", [role])
            is_there = cursor.fetchone() is not None
            if is_there and (not password or opens_database(settings.APPLICATION_DATABASE_URL)):
                return
            statement = sql.SQL("ALTER ROLE {} LOGIN" if is_there else "CREATE ROLE {} LOGIN").format(
                sql.Identifier(role)
            )
            if password:
                # As the server would store it: a log of statements must not show the password.
                hashed = cursor.connection.pgconn.encrypt_password(password.encode(), role.encode())
                statement += sql.SQL(" PASSWORD {}").format(hashed.decode())
            cursor.execute(statement.as_string(cursor.connection))


def opens_database(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=5).close()
    except psycopg.Error:  # also where the URL has settings of Django's, which are none of PostgreSQL's
        return False
    return True
