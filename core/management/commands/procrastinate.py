"""`manage.py procrastinate worker`: Procrastinate's own command, which says first what an operator should know."""

from typing import Any

from procrastinate.contrib.django.management.commands.procrastinate import Command as ProcrastinateCommand

from core.startup import run_startup_checks


class Command(ProcrastinateCommand):
    def handle(self, *args: Any, **options: Any) -> None:
        if options["command"] == "worker":
            run_startup_checks()
        super().handle(*args, **options)
