"""The command line as it stands in a pipe."""

import os
import subprocess
import sys
from urllib.parse import quote

import pytest
from django.db import connection

from core.tests.streams import draft_order
from deploy.processes import ROOT
from orders.models import Item, Order
from tests.environment import TEST_ENVIRONMENT


def run_unread(*arguments: str, **environment: str) -> tuple[int, bytes]:
    """The exit code and the errors of a command whose output nobody reads."""
    ours = {"DJANGO_SETTINGS_MODULE": "tests.settings", "PYTHONUNBUFFERED": ""}
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=os.environ | TEST_ENVIRONMENT | ours | environment,
        check=False,
        stdout=writing,
        stderr=subprocess.PIPE,
    )
    os.close(writing)
    return done.returncode, done.stderr


def test_ends_quietly_when_nobody_reads_on() -> None:
    assert run_unread("help") == (141, b"")


@pytest.mark.django_db(transaction=True)
def test_so_does_what_ends_with_a_code_of_its_own(mug: Item) -> None:
    draft_order(mug)
    Order.objects.update(total=1)
    known = connection.settings_dict
    place = f"{known['USER']}:{known['PASSWORD']}@{quote(known['HOST'], safe='')}:{known['PORT']}"
    code, errors = run_unread("replay", "--check", DATABASE_URL=f"postgresql://{place}/{known['NAME']}")
    assert (code, b"Broken" in errors) == (141, False)
