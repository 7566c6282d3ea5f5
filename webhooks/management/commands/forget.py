"""`manage.py forget <email>`."""

import sys
from argparse import ArgumentParser, ArgumentTypeError

from django.core.management.base import BaseCommand

from webhooks.forgetting import Forgetting, forget_person


def email_address(text: str) -> str:
    """`-` reads it from standard input, so that it stands in no shell's history. The refusal does not repeat it."""
    address = (sys.stdin.readline() if text == "-" else text).strip()
    local, _, domain = address.rpartition("@")
    if not local or not domain or any(sign.isspace() for sign in address):
        raise ArgumentTypeError("that is no e-mail address")
    return address


class Command(BaseCommand):
    help = "Forget a person: what is held of them by this address is erased, and their orders' links open nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email", type=email_address, help="their address, or - to read it from standard input")
        parser.add_argument("--notes", action="store_true", help="erase staff notes that hold the address, too")
        parser.add_argument("--dry-run", action="store_true", help="tell what would be erased")

    def handle(self, *, email: str, notes: bool, dry_run: bool, **_options: object) -> None:
        """Tells counts and orders, never the address: what is printed may be kept."""
        found = forget_person(email, notes=notes, for_good=not dry_run)
        if not found:
            self.stdout.write("forget: nothing that is held here has this address")
            return
        verb = "would be" if dry_run else "is"
        self.stdout.write(f"forget: the contact of {orders_in_words(found.orders)} {verb} forgotten")
        self.stdout.write(f"forget: what {found.deliveries} deliveries held of the person {verb} erased")
        for line in self.rest(found, verb=verb if notes else ""):
            self.stdout.write(line)

    def rest(self, found: Forgetting, *, verb: str) -> list[str]:
        """What a person has to judge; with `verb`, notes are none of it."""
        lines = []
        if found.noted:
            of = f"forget: what notes on {orders_in_words(found.noted)} say"
            lines.append(
                f"{of} {verb} erased" if verb else f"{of} holds the address: erase them in the admin, or by --notes"
            )
        lines += [
            f"forget: {rows} rows of {table} still hold the address: see docs/operations.md, Personal data"
            for table, rows in found.left.items()
        ]
        return lines


def orders_in_words(orders: list[int]) -> str:
    numbers = ", ".join(map(str, orders))
    return f"{len(orders)} orders ({numbers})" if orders else "no order"
