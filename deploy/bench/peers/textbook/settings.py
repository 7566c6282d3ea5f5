"""As little as Django needs, and connections that are kept. PostgreSQL is named by libpq's PG… variables."""

import os
import secrets

SECRET_KEY = secrets.token_urlsafe(48)
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "textbook.urls"
# It gives an answer its length.
MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
INSTALLED_APPS = ["textbook"]
DATABASES = {
    "default": {"ENGINE": "django.db.backends.postgresql", "NAME": os.environ["PGDATABASE"], "CONN_MAX_AGE": None},
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
WEBHOOK_SECRET = os.environ["WEBHOOK_SECRET"]
