"""Processes that know Django and the database; importing this needs neither."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import django
from django.db import connection


def pool_of(processes: int) -> ProcessPoolExecutor:
    """They are forked of one that has read all code (core/forked.py) and has no connection and no thread."""
    context = get_context("forkserver")
    context.set_forkserver_preload(["core.forked"])
    database = str(connection.settings_dict["NAME"])
    return ProcessPoolExecutor(processes, context, initializer=set_up, initargs=(database,))


def set_up(database: str) -> None:
    """The database of the tests has another name than that of the settings."""
    django.setup()  # where it is set up, nothing happens
    connection.settings_dict["NAME"] = database
