"""`manage.py doctor [--since WHEN] [--json]`."""

import json
from argparse import ArgumentParser
from collections.abc import Iterator
from shutil import get_terminal_size
from textwrap import wrap

from django.core.management.base import BaseCommand, CommandError

from webhooks.backfill import parse_since
from webhooks.doctor.examination import examine_accounts
from webhooks.doctor.findings import Finding, Verdict

USAGE = 2
SHOWN: dict[str, str] = {Verdict.FAILED: "FAILED"}
# Columns and lines, where there is no terminal; and the columns that a text takes at least.
TERMINAL = (120, 24)
NARROWEST = 40


class Command(BaseCommand):
    help = (
        "Examine every Stripe account (key, clock, mode, currency, webhook endpoint, undelivered events, coupons and "
        "tax rates) and say what to do: exit 0 when nothing has failed, 1 when something has, 2 for wrong usage. It "
        "changes nothing, here or at Stripe; what it asks Stripe is in the journal of calls."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object per finding on stdout")
        parser.add_argument(
            "--since",
            metavar="WHEN",
            help="look at events from then on: 2026-11-01, 3d or 12h; default: 30 days (one request for 100 events)",
        )

    def handle(self, *, since: str | None, **options: object) -> None:
        try:
            start = parse_since(since) if since else None
        except ValueError:
            message = f"--since {since}: give a date, a time with its zone, or how long ago, like 3d"
            raise CommandError(message, returncode=USAGE) from None
        findings = examine_accounts(since=start)
        for line in map(json.dumps, map(Finding.as_json, findings)) if options["json"] else table_of(findings):
            self.stdout.write(line)
        failures = sum(finding.verdict == Verdict.FAILED for finding in findings)
        self.stderr.write(f"doctor: {failures} failures" if failures else "doctor: nothing has failed")
        if failures:
            raise SystemExit(1)


def table_of(findings: list[Finding]) -> Iterator[str]:
    """In columns as wide as the terminal allows; what to do stands below what was seen."""
    rows = [(one.account, one.probe, SHOWN.get(one.verdict, one.verdict)) for one in findings]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row, finding in zip(rows, findings, strict=True):
        head = "".join(f"{cell:<{width}}  " for cell, width in zip(row, widths, strict=True))
        width = max(get_terminal_size(TERMINAL).columns - len(head), NARROWEST)
        lines = wrap(finding.seen, width, break_long_words=False, break_on_hyphens=False)
        lines += wrap(
            finding.to_do,
            width,
            initial_indent="-> ",
            subsequent_indent="   ",
            break_long_words=False,
            break_on_hyphens=False,
        )
        for place, line in enumerate(lines):
            yield f"{' ' * len(head) if place else head}{line}"
