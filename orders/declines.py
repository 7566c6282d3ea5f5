"""What a shopper is told of a declined payment, by Stripe's code: docs.stripe.com/declines/codes.

Codes that tell of a suspicion, or of a card that was lost or stolen, are not here on purpose: Stripe's page asks to
present them as a general decline. So is what says nothing that helps.
"""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

type Advice = tuple[str | Promise, str | Promise]

DECLINED: Advice = (
    _("Your bank or payment method refused it, and nothing was charged."),
    _("Try again, maybe with another card, or ask your bank."),
)
NO_FUNDS: Advice = (
    _("There was not enough money on the card or account, so nothing was charged."),
    _("Try another card, or pay once there is enough."),
)
OVER_LIMIT: Advice = (
    _("The amount is above a limit of the card or account, so nothing was charged."),
    _("Try another card, or ask your bank to raise the limit."),
)
CARD_EXPIRED: Advice = (
    _("The card has expired, so nothing was charged."),
    _("Try again with another card."),
)
NOT_AUTHENTICATED: Advice = (
    _("Your bank wants you to confirm the payment, and it was not confirmed, so nothing was charged."),
    _("Try again, and confirm it as your bank asks: in its app or by a code."),
)
MISTYPED: Advice = (
    _("The card's number, date or security code was not right, so nothing was charged."),
    _("Try again, and check what you type."),
)
NOT_SUPPORTED: Advice = (
    _("The card can't be used for this purchase or its currency, so nothing was charged."),
    _("Try again with another card, or ask your bank."),
)
BANK_UNAVAILABLE: Advice = (
    _("The bank could not be reached or had a problem, so nothing was charged."),
    _("Try again in a few minutes, or use another card."),
)
ACCOUNT_UNUSABLE: Advice = (
    _("The bank account is closed or can't be debited, so nothing was charged."),
    _("Try again with another account or a card."),
)
ADVICE: dict[str, Advice] = {
    "insufficient_funds": NO_FUNDS,
    "card_velocity_exceeded": OVER_LIMIT,
    "withdrawal_count_limit_exceeded": OVER_LIMIT,
    "invalid_amount": OVER_LIMIT,
    "expired_card": CARD_EXPIRED,
    "authentication_required": NOT_AUTHENTICATED,
    "payment_intent_authentication_failure": NOT_AUTHENTICATED,
    **dict.fromkeys(["incorrect_cvc", "invalid_cvc", "incorrect_number", "invalid_number"], MISTYPED),
    **dict.fromkeys(["invalid_expiry_month", "invalid_expiry_year", "incorrect_zip", "incorrect_address"], MISTYPED),
    **dict.fromkeys(["card_not_supported", "currency_not_supported"], NOT_SUPPORTED),
    **dict.fromkeys(
        ["issuer_not_available", "processing_error", "reenter_transaction", "try_again_later"], BANK_UNAVAILABLE
    ),
    **dict.fromkeys(["account_closed", "bank_account_closed", "debit_not_authorized", "no_account"], ACCOUNT_UNUSABLE),
}


def advice_on(failure_code: str) -> Advice:
    """What happened, and what to do."""
    return ADVICE.get(failure_code, DECLINED)
