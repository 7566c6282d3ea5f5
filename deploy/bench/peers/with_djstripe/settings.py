"""As little as dj-stripe needs, and connections that are kept. PostgreSQL is named by libpq's PG… variables.

DELIVERIES says what becomes of one: `processed`, `stored` (as an event, with no handler for its type), or handed to a
`callback`, as an application does that processes events in a queue of its own.
"""

import os
import secrets

SECRET_KEY = secrets.token_urlsafe(48)
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "with_djstripe.urls"
# It gives an answer its length.
MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "djstripe", "with_djstripe"]
DATABASES = {
    "default": {"ENGINE": "django.db.backends.postgresql", "NAME": os.environ["PGDATABASE"], "CONN_MAX_AGE": None},
}
# The tables are made from the models: its migrations end in the same and take a minute.
MIGRATION_MODULES = {"auth": None, "contenttypes": None, "djstripe": None}
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

DELIVERIES = os.environ.get("DELIVERIES", "processed")
STRIPE_LIVE_MODE = True
STRIPE_LIVE_SECRET_KEY = os.environ["STRIPE_SECRET_KEY"]
STRIPE_API_HOST = os.environ["STRIPE_API_BASE"]
DJSTRIPE_FOREIGN_KEY_TO_FIELD = "id"
if DELIVERIES == "callback":
    DJSTRIPE_WEBHOOK_EVENT_CALLBACK = "with_djstripe.callback.leave_it"
