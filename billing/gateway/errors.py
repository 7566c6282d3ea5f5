"""What a failed call to Stripe means for whoever waits for it."""

from http import HTTPStatus

from django.utils.translation import gettext_noop as _

from billing.models import CallState, StripeCall
from core.refusals import Refusal

NO_ANSWER = "no_answer"
# What Stripe answers before it looks at what was asked: it doesn't know the key; the key, a restricted one, may not
# do this. Source: docs.stripe.com/api/errors, 401 and 403.
KEY_REFUSED = "key_refused"
NOT_PERMITTED = "not_permitted"


class StripeRefused(Refusal):
    """Stripe answered with an error and did nothing; `reason`, its error code, is for the log, not for the shopper."""

    code = "stripe_refused"
    status = HTTPStatus.BAD_GATEWAY
    message = _("Our payment provider refused to open the payment. You were not charged; please try again later.")


class StripeUnreachable(Refusal):
    """Stripe did not answer, or is busy: what became of the request will be found out."""

    code = "stripe_unreachable"
    status = HTTPStatus.SERVICE_UNAVAILABLE
    message = _("Our payment provider isn't answering right now. You were not charged; please try again in a moment.")


def refusal_of(call: StripeCall) -> Refusal:
    """What to tell whoever waits for a call that was not carried out, or of which nobody knows yet."""
    if call.state == CallState.FAILED and call.reason != NO_ANSWER:
        return StripeRefused(reason=call.reason)
    return StripeUnreachable()


class CallSettledError(Exception):
    """A call was about to be sent again although somebody learnt of its outcome meanwhile; read it instead."""


class IntentMissingError(Exception):
    """A request was about to leave for Stripe without a committed record of it; the code that built it is wrong."""
