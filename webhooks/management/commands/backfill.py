"""`manage.py backfill [--since WHEN]`."""

from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError

from webhooks.backfill import backfill_all, parse_since


class Command(BaseCommand):
    help = "Bring in the events that no webhook brought, from Stripe's Events API (it reaches back 30 days)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--since", metavar="WHEN", help="2026-11-01, 2026-11-01T12:00Z, 3d or 12h; default: the last run"
        )

    def handle(self, *, since: str | None, **_options: object) -> None:
        try:
            start = parse_since(since) if since else None
        except ValueError:
            raise CommandError(
                f"--since {since}: give a date, a time with its zone, or how long ago, like 3d"
            ) from None
        for account, brought in backfill_all(start).items():
            self.stdout.write(f"{account}: {brought} events brought in")
