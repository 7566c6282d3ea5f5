"""The start page in words, amounts and charts, as its template shows them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache, partial
from typing import Any, NamedTuple

from babel.numbers import format_compact_currency, format_decimal
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.http import urlencode
from django.utils.timesince import timesince, timeuntil
from django.utils.translation import gettext as _

from core.locales import spoken_locale
from core.money import format_money, major_units, step
from finance.charts import Chart, bars, line, time_step
from finance.home.needs import Deadline, Need, Tone, needs_of
from finance.home.summaries import (
    RANGES,
    Chosen,
    Figures,
    Kind,
    choose,
    complete_up_to,
    figures_by_day,
    kinds_of_money,
    summed,
)

MINUTE, HOUR, DAY = 60, 3600, 86400
TEN = 10
# From here on an axis says 1K.
COMPACT_FROM = 1000


class Option(NamedTuple):
    """One choice of a row of them, as a link."""

    label: str
    query: str
    is_chosen: bool


class Label(NamedTuple):
    """A tick's words, `down` percent of the chart."""

    text: str
    down: float


class DayRow(NamedTuple):
    """A day of the charts in words; `x` is where its column begins, in the charts' units.

    `money` and `time` are what is said of the column.
    """

    day: str
    x: str
    money: str
    time: str
    paid: str
    refunded: str
    disputed: str
    drafted: int
    placed: int
    orders_paid: int
    time_to_pay: str


class Stage(NamedTuple):
    """A stage of the funnel: `share` is its part of the widest one, in percent, `rate` its part of the one before."""

    name: str
    orders: str
    share: float
    rate: str


@dataclass(frozen=True, kw_only=True)
class Due:
    """A deadline in words."""

    says: str
    url: str
    how_soon: str
    at: datetime
    is_overdue: bool


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A need in words, with its deadlines."""

    need: Need
    count: str
    deadlines: tuple[Due, ...]

    @property
    def is_danger(self) -> bool:
        return self.need.tone == Tone.DANGER


def home_of(user: AbstractBaseUser | AnonymousUser, asked: Mapping[str, str]) -> dict[str, Any]:
    """What the template shows to this person."""
    found = needs_of(user)
    now = timezone.now()
    home: dict[str, Any] = {
        "needs": [shown(need, now) for need in found if need.tone != Tone.QUIET],
        "quiet": [shown(need, now) for need in found if need.tone == Tone.QUIET],
    }
    if user.has_perm("finance.view_daysummary"):  # type: ignore[union-attr] # a mixin of django.contrib.auth's users
        home["complete_up_to"] = complete_up_to()
        home["figures"] = figures_shown(asked)
    return home


def shown(need: Need, now: datetime) -> Shown:
    deadlines = tuple(in_words(deadline, now) for deadline in need.deadlines)
    return Shown(need=need, count=number(need.count), deadlines=deadlines)


def in_words(deadline: Deadline, now: datetime) -> Due:
    is_overdue = deadline.at < now
    period = timesince(deadline.at, now, depth=1) if is_overdue else timeuntil(deadline.at, now, depth=1)
    template = _("overdue by %(period)s") if is_overdue else _("in %(period)s")
    return Due(
        says=deadline.says,
        url=deadline.url,
        how_soon=template % {"period": period},
        at=deadline.at,
        is_overdue=is_overdue,
    )


def figures_shown(asked: Mapping[str, str]) -> dict[str, Any] | None:
    """Charts and sums of the chosen days and kind of money; None while there are none at all."""
    kinds = kinds_of_money()
    chosen = choose(asked, kinds)
    if chosen is None:
        return None
    by_day = figures_by_day(chosen)
    days, total, currency = list(by_day.values()), summed(by_day.values()), chosen.kind.currency
    # What goes out hangs below the line; a refund that failed comes back above it.
    money = bars(
        [
            [day.paid_amount for day in days],
            [-day.refunded_amount for day in days],
            [-day.disputed_amount for day in days],
        ],
        step(currency),
    )
    times = line([day.seconds_to_pay for day in days], time_step)
    return {
        "ranges": [option(_("%(days)s days") % {"days": days}, chosen, days=days) for days in RANGES],
        "kinds": [option(kind_in_words(kind, kinds), chosen, kind=kind) for kind in kinds],
        "kind": kind_in_words(chosen.kind, kinds),
        "money": money,
        "money_labels": labels(money, lambda value: axis_money(value, currency)),
        "times": times,
        "times_labels": labels(times, duration),
        "time_to_pay": duration(total.seconds_to_pay),
        "paid": format_money(total.paid_amount, currency),
        "refunded": format_money(total.refunded_amount, currency),
        "disputed": format_money(total.disputed_amount, currency),
        "funnel": funnel(total),
        "canceled": total.canceled,
        "rows": day_rows(by_day, currency),
        "column": f"{money.width / chosen.days:.2f}",
        "dates": [short_date(day) for day in ends_and_middle(list(by_day))],
        "has_money": any(money.paths),
        "has_times": any(times.paths),
    }


def option(label: str, chosen: Chosen, *, days: int | None = None, kind: Kind | None = None) -> Option:
    """A link that changes one part of what is chosen."""
    would_be = Chosen(days=days or chosen.days, kind=kind or chosen.kind)
    query = urlencode({"days": str(would_be.days), "mode": would_be.kind.mode, "currency": would_be.kind.currency})
    return Option(label, f"?{query}", would_be == chosen)


def kind_in_words(kind: Kind, kinds: Sequence[Kind]) -> str:
    """The mode is named where there are both."""
    if len({other.mode for other in kinds}) == 1:
        return kind.currency.upper()
    mode = _("live") if kind.mode == "live" else _("test")
    return f"{kind.currency.upper()}, {mode}"


def labels(chart: Chart, words: Any) -> list[Label]:
    return [Label(words(tick.value), tick.down) for tick in chart.ticks]


def axis_money(amount: int, currency: str) -> str:
    """Short: `$20K`, `$2.5M`."""
    major = major_units(amount, currency)
    if abs(major) < COMPACT_FROM:
        return format_money(amount, currency).removesuffix(".00")
    locale = spoken_locale.get().replace("-", "_")
    return str(format_compact_currency(major, currency.upper(), locale=locale, fraction_digits=1))


def duration(seconds: float | None) -> str:
    """`4 min 12 s`; of ten minutes and more no seconds, of ten hours and more no minutes: no figure is so exact."""
    if seconds is None:
        return "-"
    whole = round(seconds)
    if whole < MINUTE:
        return _("%(seconds)s s") % {"seconds": whole}
    unit, part, both, one = units_of(whole)
    upper, lower = whole // unit, whole % unit // part
    return (both if lower and upper < TEN else one) % {"upper": upper, "lower": lower}


def units_of(seconds: int) -> tuple[int, int, str, str]:
    """The greatest unit of a time and the next one, in seconds, and how a time is written in both or in the first."""
    if seconds < HOUR:
        return MINUTE, 1, _("%(upper)s min %(lower)s s"), _("%(upper)s min")
    if seconds < DAY:
        return HOUR, MINUTE, _("%(upper)s h %(lower)s min"), _("%(upper)s h")
    return DAY, HOUR, _("%(upper)s d %(lower)s h"), _("%(upper)s d")


def funnel(total: Figures) -> list[Stage]:
    widest = max(total.drafted, total.placed, total.paid, 1)

    def stage(name: str, count: int, rate: str = "") -> Stage:
        return Stage(name, number(count), round(count / widest * 100, 1), rate)

    return [
        stage(_("Drafted"), total.drafted),
        stage(_("Placed"), total.placed, _("%(rate)s of drafts") % {"rate": rate(total.placed, total.drafted)}),
        stage(_("Paid"), total.paid, _("%(rate)s of placed orders") % {"rate": rate(total.paid, total.placed)}),
    ]


def rate(count: int, of: int) -> str:
    """`62%`; a dash where there was nothing to convert."""
    return f"{count / of:.0%}" if of else "-"


def number(count: int) -> str:
    return str(format_decimal(count, locale=spoken_locale.get().replace("-", "_")))


def day_rows(by_day: Mapping[date, Figures], currency: str) -> list[DayRow]:
    room = bars([]).width / len(by_day)
    says = _("%(day)s: %(paid)s paid, %(refunded)s refunded, %(disputed)s disputed")
    # Many days have the same amount, none: writing one takes longer than all else of its row.
    money = cache(partial(format_money, currency=currency))
    rows = []
    for position, (day, figures) in enumerate(by_day.items()):
        name, time = date_format(day, "j M Y"), duration(figures.seconds_to_pay)
        amounts = {
            "paid": money(figures.paid_amount),
            "refunded": money(figures.refunded_amount),
            "disputed": money(figures.disputed_amount),
        }
        rows.append(
            DayRow(
                day=name,
                x=f"{position * room:.2f}",
                money=says % {"day": name, **amounts},
                time=f"{name}: {time}",
                drafted=figures.drafted,
                placed=figures.placed,
                orders_paid=figures.paid,
                time_to_pay=time,
                **amounts,
            )
        )
    return rows


def ends_and_middle(days: Sequence[date]) -> list[date]:
    return [days[0], days[len(days) // 2], days[-1]]


def short_date(day: date) -> str:
    return date_format(day, "j M Y" if day.year != timezone.now().year else "j M")
