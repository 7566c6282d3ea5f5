"""The WSGI application that gunicorn serves."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "core.settings")
application = get_wsgi_application()

from core import urls  # noqa: E402, F401 with all views: what is loaded before the workers are forked they share
from core.startup import run_startup_checks  # noqa: E402 the settings must be known before

run_startup_checks()
