"""`manage.py audit verify`."""

import json
from argparse import ArgumentParser

from django.core.management.base import BaseCommand

from core.eventlog.verify import verify_log


class Command(BaseCommand):
    help = "Check the log's hash chains against the rows (exit 1 when an event was altered, removed or inserted)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("action", choices=["verify"], help="one JSON object per finding on stdout")

    def handle(self, **_options: object) -> None:
        findings = 0
        for finding in verify_log():
            findings += 1
            self.stdout.write(json.dumps(finding.as_json()))
        self.stderr.write(f"audit: {findings} findings" if findings else "audit: the log is whole")
        if findings:
            raise SystemExit(1)
