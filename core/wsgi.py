"""The WSGI application that gunicorn serves."""

import gc
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "core.settings")
application = get_wsgi_application()

from core import urls  # noqa: E402, F401 with all views: what is loaded before the workers are forked they share
from core.startup import run_startup_checks  # noqa: E402 the settings must be known before

run_startup_checks()

# What is loaded by now stays: the collector need not walk through it, nor write to pages that the workers share, as the
# documentation of gc.freeze has it.
gc.collect()
gc.freeze()
