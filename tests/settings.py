"""The product's settings under test: two accounts of the stand-in Stripe, every request to it checked."""

import os

from tests.environment import TEST_ENVIRONMENT

for name, value in TEST_ENVIRONMENT.items():
    os.environ.setdefault(name, value)
# pytest's plugins have set these two to servers of their own; mypy reads the settings without any.
os.environ.setdefault("DATABASE_URL", "postgresql://nobody@localhost/none")
os.environ.setdefault("STRIPE_API_BASE", "http://localhost:1")

from core.settings import *  # noqa: E402, F403 the environment must be complete before the settings read it

STRIPE_HTTP_CLIENT = "tests.contract.ContractCheckedClient"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # fast; nobody's password is at stake
