"""Stripe's secrets as a detector of detect-secrets, whose own knows live keys of one length alone."""

import re

from detect_secrets.plugins.base import RegexBasedDetector


class StripeSecretDetector(RegexBasedDetector):
    """Secret and restricted keys of both modes, and signing secrets of webhook endpoints: docs.stripe.com/keys."""

    secret_type = "Stripe secret"  # noqa: S105 what it is called
    denylist = (re.compile(r"\b(?:[sr]k_(?:live|test)|whsec)_[0-9A-Za-z]{16,}"),)
