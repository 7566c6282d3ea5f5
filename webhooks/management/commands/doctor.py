"""`manage.py doctor [--since WHEN] [--json]`."""

import json
from argparse import ArgumentParser
from collections.abc import Iterator

from django.core.management.base import BaseCommand, CommandError

from webhooks.backfill import parse_since
from webhooks.doctor.examination import examine_accounts
from webhooks.doctor.findings import Finding, Verdict

USAGE = 2


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
    """One line for each finding, in columns; what to do stands below what was seen."""
    rows = [
        (one.account, one.probe, one.verdict.upper() if one.verdict == Verdict.FAILED else one.verdict)
        for one in findings
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row, finding in zip(rows, findings, strict=True):
        head = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield f"{head}  {finding.seen}"
        if finding.to_do:
            yield f"{' ' * len(head)}  -> {finding.to_do}"
