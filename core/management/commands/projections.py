"""`manage.py projections [--check | --rebuild]`."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from core.eventlog import following
from core.eventlog.refolding import check_projection


class Command(BaseCommand):
    help = (
        "Brings the projections up to the log, or makes them anew: one JSON object each, with the events read. Or "
        "compares their rows with the log and with what was stated of them: one for each finding, exit 1 on any."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        mode = parser.add_mutually_exclusive_group()
        mode.add_argument("--check", action="store_true", help="touch nothing, and tell every difference")
        mode.add_argument("--rebuild", action="store_true", help="delete their rows first, and read the whole log")

    def handle(self, *args: Any, check: bool, rebuild: bool, **options: Any) -> None:
        if check:
            self.check_rows()
            return
        run = following.rebuild if rebuild else following.follow
        for projection in following.projections.values():
            self.stdout.write(json.dumps({"projection": projection.name, "events": run(projection)}))

    def check_rows(self) -> None:
        findings = 0
        for projection in following.projections.values():
            if projection.from_now_on:
                continue
            for finding in check_projection(projection):
                findings += 1
                self.stdout.write(json.dumps(finding.as_json()))
        self.stderr.write(
            f"projections: {findings} findings" if findings else "projections: every row is what the log says"
        )
        if findings:
            raise SystemExit(1)
