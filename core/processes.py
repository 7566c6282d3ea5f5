"""Processes that know Django and the database; importing this needs neither."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import django
from django.db import connection


def pool_of(processes: int) -> ProcessPoolExecutor:
    """They are started anew, not forked: on every system alike, and without this process's connections and threads."""
    database = str(connection.settings_dict["NAME"])
    return ProcessPoolExecutor(processes, get_context("spawn"), initializer=set_up, initargs=(database,))


def set_up(database: str) -> None:
    """The database of the tests has another name than that of the settings."""
    django.setup()
    connection.settings_dict["NAME"] = database
