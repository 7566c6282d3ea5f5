"""`manage.py replay --check | --rebuild`."""

import json
from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError
from django.db import ProgrammingError
from psycopg.errors import InsufficientPrivilege

from core.eventlog.replay import check_rows, rebuild_rows


class Command(BaseCommand):
    help = (
        "Compare every row with the fold of its events (exit 1 on any difference), or make the rows again from the log."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        mode = parser.add_mutually_exclusive_group(required=True)
        mode.add_argument("--check", action="store_true", help="one JSON object per difference on stdout")
        mode.add_argument("--rebuild", action="store_true", help="delete the rows and restore them from the log alone")

    def handle(self, *, check: bool, **_options: object) -> None:
        if not check:
            self.rebuild()
            return
        differences = 0
        for difference in check_rows():
            differences += 1
            self.stdout.write(json.dumps(difference.as_json()))
        self.stderr.write(
            f"replay: {differences} differences" if differences else "replay: every row is the fold of its events"
        )
        if differences:
            raise SystemExit(1)

    def rebuild(self) -> None:
        try:
            self.stderr.write(f"rebuilt the rows of {rebuild_rows()} streams")
        except ProgrammingError as refused:
            if isinstance(refused.__cause__, InsufficientPrivilege):
                raise CommandError(f"rebuilding takes the role that owns the tables: {refused}") from refused
            raise
