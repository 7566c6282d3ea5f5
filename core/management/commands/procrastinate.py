"""`manage.py procrastinate worker`: Procrastinate's own command, which says first what an operator should know,
and tells of its jobs."""

from typing import Any

from django.conf import settings
from procrastinate.contrib.django import app
from procrastinate.contrib.django.management.commands.procrastinate import Command as ProcrastinateCommand

from core.startup import run_startup_checks
from core.worker import observe_job, serve_metrics


class Command(ProcrastinateCommand):
    def handle(self, *args: Any, **options: Any) -> None:
        if options["command"] == "worker":
            run_startup_checks()
            app.worker_defaults["worker_middleware"] = [observe_job]
            if settings.METRICS_PORT:
                serve_metrics(settings.METRICS_PORT)
        super().handle(*args, **options)
