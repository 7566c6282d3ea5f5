"""What shoppers pay with: test cards and slow methods. Source: docs.stripe.com/testing."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from simulator.state import Json
from simulator.world import new_id

# The slow method offered in each currency; elsewhere a bank transfer.
SLOW_METHODS = {
    "usd": "us_bank_account",
    "eur": "sepa_debit",
    "gbp": "bacs_debit",
    "cad": "acss_debit",
    "jpy": "konbini",
}


@dataclass(frozen=True)
class Refusal:
    """Why a payment does not happen, in Stripe's words; `kind` is the error's type."""

    code: str
    decline_code: str | None
    message: str
    kind: str = "card_error"


NOT_AUTHENTICATED = Refusal(
    "payment_intent_authentication_failure",
    None,
    "We are unable to authenticate your payment method. Please choose a different payment method and try again.",
    "invalid_request_error",
)
DECLINED = Refusal("card_declined", "generic_decline", "Your card was declined.")
DEBIT_FAILED = Refusal("insufficient_funds", "insufficient_funds", "The bank account has insufficient funds.")


@dataclass(frozen=True)
class Card:
    """What a test card does."""

    label: str
    refusal: Refusal | None = None
    disputed: bool = False
    authenticates: bool = False


CARDS: Mapping[str, Card] = MappingProxyType(
    {
        "4242424242424242": Card("pays"),
        "4000000000000002": Card("is declined", DECLINED),
        "4000000000009995": Card(
            "lacks funds", Refusal("card_declined", "insufficient_funds", "Your card has insufficient funds.")
        ),
        "4000000000000259": Card("pays, is disputed 5 days later", disputed=True),
        "4000002500003155": Card("pays once you confirm it", authenticates=True),
        "4000000000003220": Card("pays once you confirm it", authenticates=True),
        "4000008400001629": Card("is declined once you confirm it", DECLINED, authenticates=True),
    }
)


@dataclass(frozen=True)
class PaymentMethod:
    """What the shopper pays with: `details` are the charge's `payment_method_details` of that type."""

    id: str
    type: str
    details: Json

    @classmethod
    def from_card(cls, number: str, exp_month: int, exp_year: int) -> "PaymentMethod":
        details: Json = {"brand": "visa", "country": "US", "exp_month": exp_month, "exp_year": exp_year}
        details |= {
            "funding": "credit",
            "last4": number[-4:],
            "network": "visa",
            "three_d_secure": None,
            "wallet": None,
        }
        return cls(new_id("pm_1"), "card", details)

    @classmethod
    def slow(cls, currency: str) -> "PaymentMethod":
        return cls(new_id("pm_1"), slow_method_type(currency), {})

    @property
    def card(self) -> Card:
        """What this card does; its number is kept nowhere, its last four digits tell the test cards apart."""
        return next(card for number, card in CARDS.items() if number.endswith(self.details["last4"]))


def slow_method_type(currency: str) -> str:
    return SLOW_METHODS.get(currency, "customer_balance")
