"""Renders the hosted page from `templates/`; every value that comes from a session or a shopper is escaped here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path
from string import Template

from simulator.currencies import format_amount
from simulator.methods import CARDS
from simulator.state import Json

TEMPLATES = Path(__file__).with_name("templates")
_FIELDS = ("email", "card_number", "exp", "cvc")


@dataclass(frozen=True)
class Bill:
    """What a session asks for: its lines, how discount and taxes add up, and the coupon as it was."""

    session: Json
    items: Sequence[Json]
    breakdown: Json
    coupon: Json | None

    def rows(self) -> list[tuple[str, int]]:
        """What stands between the lines and the total, in minor units; nothing when the lines are the total."""
        session, details = self.session, self.session["total_details"]
        taxes = [(_tax_label(tax["rate"]), tax["amount"]) for tax in self.breakdown["taxes"]]
        # Figures that were shifted on purpose may belong to no coupon or rate.
        stray = details["amount_tax"] - sum(amount for _, amount in taxes)
        rows = taxes + ([("Tax", stray)] if stray else [])
        if self.coupon or details["amount_discount"]:
            label = _discount_label(self.coupon) if self.coupon else "Discount"
            rows.insert(0, (label, -details["amount_discount"]))
        return [("Subtotal", session["amount_subtotal"]), *rows] if rows else []


def render_form(bill: Bill, values: Mapping[str, str], errors: Mapping[str, str]) -> str:
    """The open session: what is bought, and the form with what was typed and what is wrong with it."""
    session = bill.session
    fields = {name: escape(values.get(name, "")) for name in _FIELDS}
    problems = {f"{name}_problem": _problem(name, errors.get(name)) for name in _FIELDS}
    invalid = {f"{name}_invalid": _invalid(name, errors) for name in _FIELDS}
    template = "card.html" if session["amount_total"] else "free.html"
    form = _fill(template, total=_money(session), **fields, **problems, **invalid)
    cancel = _fill("cancel.html") if session["cancel_url"] else ""
    hint = _fill("cards.html", cards=_card_rows()) if session["amount_total"] else ""
    content = _fill("pay.html", summary=_summary(bill), form=form, cancel=cancel, hint=hint)
    return _fill("page.html", title=f"Pay {_money(session)}", content=content)


def render_closed(session: Json) -> str:
    """A session that is complete or expired, with the way back to the shop."""
    if session["status"] == "expired":
        back = session["cancel_url"] or session["success_url"]
        return _render_message("This checkout has expired", "Nothing was charged. Go back to start again.", back)
    back = session["success_url"].replace("{CHECKOUT_SESSION_ID}", session["id"])
    on_its_way = " The payment is on its way." if session["payment_status"] == "unpaid" else ""
    return _render_message("You're all done here", f"This checkout is complete.{on_its_way}", back)


def render_authentication(intent: Json) -> str:
    """The bank's page for a card whose owner has to confirm the payment."""
    amount = escape(format_amount(intent["amount"], intent["currency"]))
    content = _fill("authentication.html", amount=amount)
    return _fill("page.html", title="Confirm your payment", content=content)


def render_payment_element() -> str:
    """The frame with the fields of the stand-in Stripe.js."""
    return _fill("payment_element.html", cards=_card_rows())


def render_missing() -> str:
    return _render_message(
        "Nothing to do here", "This link belongs to nothing that waits for you. It may be incomplete."
    )


def render_object(shown: Json, text: str) -> str:
    """One object as the stand-in for Stripe's dashboard shows it; `text` is all of it."""
    status = str(shown.get("status") or shown.get("type") or "")
    amount = shown.get("amount", shown.get("amount_total"))
    figures = "" if amount is None else escape(format_amount(amount, shown["currency"]))
    kind, object_id = escape(shown["object"]), escape(shown["id"])
    content = _fill("object.html", kind=kind, id=object_id, status=escape(status), amount=figures, text=escape(text))
    return _fill("page.html", title=object_id, content=content)


def _render_message(heading: str, text: str, back: str = "") -> str:
    action = f'<a class="button" href="{escape(back)}" rel="noreferrer">Back to the shop</a>' if back else ""
    content = _fill("message.html", heading=escape(heading), text=escape(text), action=action)
    return _fill("page.html", title=escape(heading), content=content)


def _summary(bill: Bill) -> str:
    session = bill.session
    totals = "".join(
        f"<div><dt>{escape(label)}</dt><dd>{_money(session, amount)}</dd></div>" for label, amount in bill.rows()
    )
    lines = "".join(_line_row(session, item) for item in bill.items)
    return _fill("summary.html", total=_money(session), lines=lines, totals=totals)


def _discount_label(coupon: Json) -> str:
    name = coupon["name"] or coupon["id"]
    return f"{name} ({coupon['percent_off']:g}% off)" if coupon["percent_off"] else str(name)


def _tax_label(rate: Json) -> str:
    return f"{rate['display_name']} ({rate['percentage']:g}%{', included' if rate['inclusive'] else ''})"


def _line_row(session: Json, item: Json) -> str:
    each = f"{_money(session, item['price']['unit_amount'])} each" if item["quantity"] > 1 else ""
    quantity = f'<span class="detail">Qty {item["quantity"]}{each and " · " + each}</span>'
    amount = _money(session, item["amount_subtotal"])
    name = f'<span class="name">{escape(item["description"])} {quantity}</span>'
    return f'<li>{name}<span class="amount">{amount}</span></li>'


def _card_rows() -> str:
    return "".join(
        f'<tr><td class="number">{_spaced(number)}</td><td>{escape(card.label)}</td></tr>'
        for number, card in CARDS.items()
    )


def _spaced(number: str) -> str:
    return " ".join(number[start : start + 4] for start in range(0, len(number), 4))


def _problem(name: str, text: str | None) -> str:
    return f'<p class="problem" id="{name}-problem" role="alert">{escape(text)}</p>' if text else ""


def _invalid(name: str, errors: Mapping[str, str]) -> str:
    if name not in errors:
        return ""
    focus = " autofocus" if name == next(iter(errors)) else ""
    return f' aria-invalid="true" aria-describedby="{name}-problem"{focus}'


def _money(session: Json, amount: int | None = None) -> str:
    amount = session["amount_total"] if amount is None else amount
    locale = session["locale"] if session["locale"] != "auto" else None
    return escape(format_amount(amount, session["currency"], locale))


def _fill(name: str, **values: str) -> str:
    return _read_template(name).substitute(values)


@cache
def _read_template(name: str) -> Template:
    return Template((TEMPLATES / name).read_text())
