"""What a Session's coupon and tax rates come to. Source: docs.stripe.com/api/checkout/sessions/create (`discounts`,
`line_items.tax_rates`), docs.stripe.com/api/checkout/sessions/object (`total_details.breakdown`).

Coupon and rates are kept as they are now: an open session keeps its amounts whatever becomes of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from simulator.currencies import amount_step
from simulator.distortions import offset_totals
from simulator.errors import StripeError, invalid_parameter, missing_parameter, not_simulated
from simulator.resources.checkout_rules import check_total
from simulator.resources.percentages import exact
from simulator.state import Json
from simulator.totals import Line, Rate, Reduction, Totals, compute_totals
from simulator.world import Call, Scope

_NOTHING: Json = {"discounts": [], "taxes": []}


@dataclass(frozen=True)
class Pricing:
    """The totals, the coupon that they have off, and the tax rates of each line."""

    totals: Totals
    coupon: Json | None
    rates: Sequence[Sequence[Json]]


def price_session(call: Call, currency: str) -> Pricing:
    """Raises Stripe's error for a coupon, a tax rate or a total that won't do."""
    lines: list[Json] = call.params["line_items"]
    coupon = _find_coupon(call, currency)
    rates = [_find_rates(call, f"line_items[{index}][tax_rates]", line) for index, line in enumerate(lines)]
    priced = [
        Line(line["price_data"]["unit_amount"], line["quantity"], tuple(_rate(rate) for rate in taxed))
        for line, taxed in zip(lines, rates, strict=True)
    ]
    totals = compute_totals(priced, _reduction(coupon) if coupon else None, amount_step(currency))
    check_total(totals.total, currency)
    return Pricing(offset_totals(call, totals), coupon, rates)


def note_breakdown(call: Call, session: Json, items: Sequence[Json], pricing: Pricing) -> Json:
    """Keep what `expand` may ask for of the lines; answers the session's breakdown, which sums them up."""
    discount = _discount(call, session, pricing.coupon) if pricing.coupon else None
    taxes: dict[str, Json] = {}
    for item, amounts, rates in zip(items, pricing.totals.lines, pricing.rates, strict=True):
        of_line = [_tax_entry(tax.amount, rate) for tax, rate in zip(amounts.taxes, rates, strict=False)]
        discounts = [{"amount": amounts.discount, "discount": discount}] if discount else []
        call.account.note("_item", item["id"], {"discounts": discounts, "taxes": of_line})
        for entry in of_line:
            taxes.setdefault(entry["rate"]["id"], _tax_entry(0, entry["rate"]))["amount"] += entry["amount"]
    discounts = [{"amount": pricing.totals.discount, "discount": discount}] if discount else []
    return {"discounts": discounts, "taxes": list(taxes.values())}


def breakdown(scope: Scope, session: Json) -> Json:
    """What `expand[]=total_details.breakdown` brings."""
    noted: Json = scope.account.records("_session")[session["id"]].get("breakdown", _NOTHING)
    return noted


def coupon_of(scope: Scope, session: Json) -> Json | None:
    """The coupon as it was when the session was created."""
    coupon: Json | None = scope.account.records("_session")[session["id"]].get("coupon")
    return coupon


def discounts_of(scope: Scope, item: Json) -> list[Json]:
    return _noted(scope, item, "discounts")


def taxes_of(scope: Scope, item: Json) -> list[Json]:
    return _noted(scope, item, "taxes")


def _noted(scope: Scope, item: Json, name: str) -> list[Json]:
    noted: list[Json] = (scope.account.find("_item", item["id"]) or _NOTHING)[name]
    return noted


def _find_coupon(call: Call, currency: str) -> Json | None:
    discounts: list[Json] = call.params.get("discounts", [])
    if len(discounts) > 1:
        raise invalid_parameter("discounts", "You may only specify one discount for a Checkout Session.")
    if not discounts:
        return None
    if "promotion_code" in discounts[0]:
        raise not_simulated("promotion codes")
    param = "discounts[0][coupon]"
    if "coupon" not in discounts[0]:
        raise missing_parameter(param)
    coupon = call.account.find("coupon", discounts[0]["coupon"])
    if coupon is None:
        raise _missing("coupon", discounts[0]["coupon"], param)
    if coupon["amount_off"] and coupon["currency"] != currency:
        raise invalid_parameter(
            param,
            f"The coupon `{coupon['id']}` is in `{coupon['currency']}` and can't be used with a Checkout Session in "
            f"`{currency}`.",
        )
    return dict(coupon)


def _find_rates(call: Call, where: str, line: Json) -> list[Json]:
    rates = []
    for index, rate_id in enumerate(line.get("tax_rates", [])):
        rate = call.account.find("tax_rate", rate_id)
        if rate is None:
            raise _missing("tax rate", rate_id, f"{where}[{index}]")
        if not rate["active"]:
            message = f"The tax rate `{rate_id}` is archived and can't be used with a new Checkout Session."
            raise invalid_parameter(f"{where}[{index}]", message)
        rates.append(dict(rate))
    return rates


def _missing(kind: str, object_id: str, param: str) -> StripeError:
    """An object that a parameter names: 400, where one that the path names is 404."""
    return invalid_parameter(param, f"No such {kind}: '{object_id}'", "resource_missing")


def _rate(rate: Json) -> Rate:
    return Rate(exact(rate["percentage"]), rate["inclusive"])


def _reduction(coupon: Json) -> Reduction:
    if coupon["percent_off"] is None:
        return Reduction(amount_off=coupon["amount_off"])
    return Reduction(percent_off=exact(coupon["percent_off"]))


def _discount(call: Call, session: Json, coupon: Json) -> Json:
    source = {"type": "coupon", "coupon": coupon["id"]}
    return call.blank("discount", "di_1", source=source, start=call.now, checkout_session=session["id"])


def _tax_entry(amount: int, rate: Json) -> Json:
    return {"amount": amount, "rate": rate, "taxability_reason": None, "taxable_amount": None}
