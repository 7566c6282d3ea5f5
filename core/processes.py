"""Processes that know Django and the database; importing this needs neither."""

import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from threading import Thread

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
    Thread(target=end_with_parent, daemon=True).start()


def end_with_parent() -> None:
    """Who waits for work doesn't see that the process that would give it was killed."""
    if parent := parent_process():
        wait([parent.sentinel])
        os._exit(1)
