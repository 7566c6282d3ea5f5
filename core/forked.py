"""Imported once by the process that those of core.processes are forked of: to read all code takes a second of CPU."""

import gc

import django

django.setup()
gc.freeze()  # what is there now stays shared: a collection would write to it
