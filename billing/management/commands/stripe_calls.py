"""`manage.py stripe_calls --open | --sweep`."""

import json
from argparse import ArgumentParser
from datetime import timedelta

from django.core.management.base import BaseCommand

from billing.services import open_calls, sweep_open_calls


class Command(BaseCommand):
    help = "List calls to Stripe whose outcome is not known yet, or settle them now instead of waiting for the worker."

    def add_arguments(self, parser: ArgumentParser) -> None:
        mode = parser.add_mutually_exclusive_group(required=True)
        mode.add_argument("--open", action="store_true", help="one JSON object per open call on stdout")
        mode.add_argument("--sweep", action="store_true", help="settle every open call that is older than --older-than")
        parser.add_argument("--older-than", type=int, default=30, metavar="SECONDS", help="for --sweep; default 30")

    def handle(self, *, sweep: bool, older_than: int, **_options: object) -> None:
        if sweep:
            self.stderr.write(f"settled {sweep_open_calls(older_than=timedelta(seconds=older_than))} calls")
            return
        for call in open_calls():
            described = {
                "id": str(call.pk),
                "account": call.account,
                "operation": call.operation,
                "subject": call.subject,
                "state": call.state,
                "reason": call.reason,
                "attempts": call.attempts,
                "requested_at": call.requested_at.isoformat() if call.requested_at else None,
            }
            self.stdout.write(json.dumps(described))
