"""`manage.py reset_second_factor USERNAME`: for when phone and recovery codes are lost and no superuser can sign in."""

from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser

from core.eventlog import provenance
from core.staff import second_factor


class Command(BaseCommand):
    help = "Take a person's device and recovery codes away; they set up another at their next sign-in."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")

    def handle(self, *, username: str, **_options: Any) -> None:
        user = User.objects.filter(username=username).first()
        if user is None:
            raise CommandError(f"there is no user {username}")
        with provenance.acting("system:reset_second_factor"):
            second_factor.reset(user)
        self.stderr.write(f"the second factor of {username} is reset, and their sessions have ended")
