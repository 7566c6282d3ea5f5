"""`manage.py audit verify | checkpoint`."""

import json
from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError

from core.eventlog.checkpoints import (
    NoSigningKeyError,
    UntrustedCheckpointError,
    coverage,
    described,
    make_checkpoint,
)
from core.eventlog.verify import verify_log


class Command(BaseCommand):
    help = (
        "Check the log's hash chains against the rows and the signed checkpoints (exit 1 when anything was altered, "
        "removed or inserted), or sign for the events since the last checkpoint now instead of at the full hour."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "action",
            choices=["verify", "checkpoint"],
            help="verify: one JSON object per finding on stdout; checkpoint: the one that was made",
        )

    def handle(self, *, action: str, **_options: object) -> None:
        if action == "checkpoint":
            self.make_checkpoint()
        else:
            self.verify()

    def verify(self) -> None:
        findings = 0
        for finding in verify_log():
            findings += 1
            self.stdout.write(json.dumps(finding.as_json()))
        self.stderr.write(f"audit: {findings} findings" if findings else f"audit: the log is whole; {coverage()}")
        if findings:
            raise SystemExit(1)

    def make_checkpoint(self) -> None:
        try:
            checkpoint = make_checkpoint()
        except (NoSigningKeyError, UntrustedCheckpointError) as refused:
            raise CommandError(str(refused)) from refused
        if checkpoint is None:
            self.stderr.write(f"audit: nothing new; {coverage()}")
            return
        self.stdout.write(json.dumps(described(checkpoint)))
