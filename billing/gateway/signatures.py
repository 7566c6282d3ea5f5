"""Who signed a webhook delivery: docs.stripe.com/webhooks#verify-manually."""

from collections.abc import Iterable

import stripe

from core.configuration import Account

API_VERSION = stripe.api_version
TOLERANCE_SECONDS = 300


def signing_account(payload: bytes, header: str, accounts: Iterable[Account]) -> Account | None:
    """The account one of whose secrets signed these very bytes no more than 300 seconds ago; None when none did.

    Several secrets of one account are valid at once, so that a secret can be rotated without losing a delivery.
    """
    if not header.isascii():
        return None  # which hmac.compare_digest would answer with an error
    for account in accounts:
        if any(is_signed_with(secret, payload, header) for secret in account.webhook_secrets):
            return account
    return None


def is_signed_with(secret: str, payload: bytes, header: str) -> bool:
    try:
        return bool(stripe.WebhookSignature.verify_header(payload, header, secret, TOLERANCE_SECONDS))
    except (stripe.SignatureVerificationError, UnicodeDecodeError):
        return False
