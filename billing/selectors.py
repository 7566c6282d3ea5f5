"""The discounts and taxes that hold now, as the terms that an order is priced by."""

from collections.abc import Iterable

from billing.models import DISCOUNT_CODE, Discount, Tax, spelled_code
from billing.quotes import DiscountTerms, TaxTerms


def find_discount(code: str) -> DiscountTerms | None:
    """The discount of a code as a shopper types it: in any case, with spaces around it."""
    spelled = spelled_code(code)
    if not DISCOUNT_CODE.fullmatch(spelled):
        return None
    discount = Discount.objects.filter(code=spelled).first()
    return discount.terms if discount else None


def current_discount(discount_id: int) -> DiscountTerms | None:
    """None once it is deleted."""
    discount = Discount.objects.filter(pk=discount_id).first()
    return discount.terms if discount else None


def current_taxes(tax_ids: Iterable[int]) -> list[TaxTerms]:
    """By id; those that are deleted are left out."""
    return [tax.terms for tax in Tax.objects.filter(pk__in=list(tax_ids)).order_by("pk")]
