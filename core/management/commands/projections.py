import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from core.eventlog import following


class Command(BaseCommand):
    help = "Brings the projections up to the log, or makes them anew. One JSON object each, with the events read."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--rebuild", action="store_true", help="delete their rows first, and read the whole log")

    def handle(self, *args: Any, **options: Any) -> None:
        run = following.rebuild if options["rebuild"] else following.follow
        for projection in following.projections.values():
            self.stdout.write(json.dumps({"projection": projection.name, "events": run(projection)}))
