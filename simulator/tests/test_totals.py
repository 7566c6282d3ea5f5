"""Worked examples of how a Session is priced, and what holds of every Session."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.totals import Line, Rate, Reduction, Totals, compute_totals


def excluded(percentage: str) -> Rate:
    return Rate(Fraction(percentage), inclusive=False)


def included(percentage: str) -> Rate:
    return Rate(Fraction(percentage), inclusive=True)


def percent(off: str) -> Reduction:
    return Reduction(percent_off=Fraction(off))


def priced(*lines: Line, off: Reduction | None = None, step: int = 1) -> Totals:
    return compute_totals(lines, off, step)


def figures(totals: Totals) -> tuple[int, int, int, int]:
    return totals.subtotal, totals.discount, totals.tax, totals.total


class TestDiscounts:
    def test_quantities_multiply_and_nothing_is_off_without_one(self) -> None:
        totals = priced(Line(1999, 2), Line(50, 3))
        assert [line.total for line in totals.lines] == [3998, 150]
        assert figures(totals) == (4148, 0, 0, 4148)

    @pytest.mark.parametrize(
        ("subtotal", "off", "discount"),
        [
            (1999, percent("15"), 300),  # 299.85
            (1990, percent("15"), 299),  # 298.5, half up
            (1010, percent("33.33"), 337),  # 336.633
            (999, percent("0.05"), 0),  # 0.4995
            (2000, percent("100"), 2000),
            (2000, Reduction(amount_off=500), 500),
            (2000, Reduction(amount_off=2500), 2000),
            (0, percent("50"), 0),
            (0, Reduction(amount_off=500), 0),
        ],
    )
    def test_percentages_round_half_up_and_amounts_end_at_the_subtotal(
        self, subtotal: int, off: Reduction, discount: int
    ) -> None:
        assert figures(priced(Line(subtotal, 1), off=off)) == (subtotal, discount, 0, subtotal - discount)

    @pytest.mark.parametrize(
        ("subtotals", "off", "discounts"),
        [
            ([1000, 3000], Reduction(amount_off=400), [100, 300]),
            # 33.33 each: the cent that is left goes to the first of equals.
            ([500, 500, 500], Reduction(amount_off=100), [34, 33, 33]),
            # 66.67 each: two cents are left.
            ([500, 500, 500], Reduction(amount_off=200), [67, 67, 66]),
            # 14.2857, 28.5714, 57.1428: the cent goes to the largest remainder.
            ([100, 200, 400], Reduction(amount_off=100), [14, 29, 57]),
            ([1, 1, 998], percent("50"), [1, 0, 499]),  # 0.5, 0.5, 499
            ([0, 700], Reduction(amount_off=300), [0, 300]),
            # 10 % of 2997 is 299.7: rounded as a whole, then spread by 99.9, 100.0 and 100.1 of 300.
            ([998, 999, 1000], percent("10"), [100, 100, 100]),
        ],
    )
    def test_it_is_spread_over_the_lines(self, subtotals: list[int], off: Reduction, discounts: list[int]) -> None:
        totals = priced(*(Line(subtotal, 1) for subtotal in subtotals), off=off)
        assert [line.discount for line in totals.lines] == discounts

    @pytest.mark.parametrize(
        ("step", "subtotals", "off", "discounts"),
        [
            (10, [12340, 5550], percent("15"), [1850, 830]),  # KWD: 2683.5 -> 2680; 1848.6 and 831.4
            (100, [150_000, 99_900], percent("12.5"), [18_700, 12_500]),  # ISK: 31237.5 -> 31200; 18727.6 and 12472.3
            (1, [500, 333], percent("10"), [50, 33]),  # JPY: 83.3 -> 83; 49.82 and 33.18
        ],
    )
    def test_every_part_is_a_multiple_of_the_currencys_step(
        self, step: int, subtotals: list[int], off: Reduction, discounts: list[int]
    ) -> None:
        totals = priced(*(Line(subtotal, 1) for subtotal in subtotals), off=off, step=step)
        assert [line.discount for line in totals.lines] == discounts


class TestTaxes:
    def test_tax_is_rounded_per_line_and_then_summed(self) -> None:
        """The example of support.stripe.com/questions/rounding-rules-for-stripe-fees."""
        totals = priced(Line(43, 1, (excluded("15"),)), Line(484, 1, (excluded("15"),)))
        assert [line.tax for line in totals.lines] == [6, 73]
        assert figures(totals) == (527, 0, 79, 606)

    @pytest.mark.parametrize(
        ("amount", "rates", "taxes", "total"),
        [
            (1000, [excluded("8.25")], [83], 1083),  # 82.5, half up
            (1000, [excluded("8.2499")], [82], 1082),
            (1000, [included("19")], [160], 1000),  # 1000 / 1.19 = 840.336, 159.66
            (1190, [included("19")], [190], 1190),
            (1000, [excluded("5"), excluded("9.975")], [50, 100], 1150),  # 99.75
            # Together they find the base: 1000 / 1.26 = 793.65; 150.79 and 55.56.
            (1000, [included("19"), included("7")], [151, 56], 1000),
            # The exclusive one is of the base without the inclusive one: 1200 / 1.2 = 1000.
            (1200, [included("20"), excluded("10")], [200, 100], 1300),
            (1200, [excluded("10"), included("20")], [100, 200], 1300),
            (1000, [excluded("0")], [0], 1000),
            (0, [excluded("20"), included("20")], [0, 0], 0),
        ],
    )
    def test_each_tax_of_a_line(self, amount: int, rates: list[Rate], taxes: list[int], total: int) -> None:
        [line] = priced(Line(amount, 1, tuple(rates))).lines
        assert ([tax.amount for tax in line.taxes], line.total) == (taxes, total)
        assert [tax.inclusive for tax in line.taxes] == [rate.inclusive for rate in rates]

    def test_they_are_of_what_the_discount_leaves(self) -> None:
        lines = Line(4000, 1, (included("20"),)), Line(2500, 2, (excluded("8.25"),)), Line(1000, 1)
        totals = priced(*lines, off=percent("15"))
        # 1500 off: 600, 750, 150. 3400 / 1.2 holds 566.67 of tax; 4250 takes 350.625 on top.
        assert [line.discount for line in totals.lines] == [600, 750, 150]
        assert [line.tax for line in totals.lines] == [567, 351, 0]
        assert [line.total for line in totals.lines] == [3400, 4601, 850]
        assert figures(totals) == (10_000, 1500, 918, 8851)

    def test_nothing_is_taxed_when_everything_is_off(self) -> None:
        totals = priced(Line(4000, 1, (included("20"), excluded("5"))), off=percent("100"))
        assert figures(totals) == (4000, 4000, 0, 0)

    @pytest.mark.parametrize(("step", "amount", "tax"), [(10, 12_340, 620), (100, 150_000, 7500), (100, 1000, 100)])
    def test_every_tax_is_a_multiple_of_the_currencys_step(self, step: int, amount: int, tax: int) -> None:
        assert priced(Line(amount, 1, (excluded("5"),)), step=step).tax == tax


STEPS = st.sampled_from([1, 10, 100])
PERCENTAGES = st.integers(0, 1_000_000).map(lambda units: Fraction(units, 10_000))
RATES = st.builds(Rate, PERCENTAGES, st.booleans())
REDUCTIONS = st.one_of(
    st.none(),
    st.integers(1, 10_000).map(lambda hundredths: Reduction(percent_off=Fraction(hundredths, 100))),
    st.integers(1, 2_000_000).map(lambda amount: Reduction(amount_off=amount)),
)


@st.composite
def orders(draw: st.DrawFn) -> tuple[list[Line], Reduction | None, int]:
    step = draw(STEPS)
    amounts = st.integers(0, 100_000).map(lambda units: units * step)
    rates = st.lists(RATES, max_size=3).map(tuple)
    lines = draw(st.lists(st.builds(Line, amounts, st.integers(1, 20), rates), min_size=1, max_size=8))
    reduction = draw(REDUCTIONS)
    if reduction and reduction.amount_off:
        reduction = Reduction(amount_off=reduction.amount_off * step)
    return lines, reduction, step


class TestOfEveryOrder:
    @given(orders())
    def test_the_parts_add_up_to_the_total(self, order: tuple[list[Line], Reduction | None, int]) -> None:
        totals = compute_totals(*order)
        on_top = sum(tax.amount for line in totals.lines for tax in line.taxes if not tax.inclusive)
        inside = sum(tax.amount for line in totals.lines for tax in line.taxes if tax.inclusive)
        assert totals.total == totals.subtotal - totals.discount + on_top
        assert totals.tax == on_top + inside

    @given(orders())
    def test_nothing_is_negative_and_no_line_is_discounted_beyond_itself(
        self, order: tuple[list[Line], Reduction | None, int]
    ) -> None:
        for line in compute_totals(*order).lines:
            assert 0 <= line.discount <= line.subtotal
            assert all(tax.amount >= 0 for tax in line.taxes)

    @given(orders())
    def test_every_figure_is_a_multiple_of_the_step(self, order: tuple[list[Line], Reduction | None, int]) -> None:
        *_, step = order
        for line in compute_totals(*order).lines:
            assert not any(part % step for part in (line.subtotal, line.discount, line.tax, line.total))

    @given(orders())
    def test_the_discount_is_what_was_promised_and_fairly_spread(
        self, order: tuple[list[Line], Reduction | None, int]
    ) -> None:
        lines, reduction, step = order
        totals = compute_totals(lines, reduction, step)
        if reduction is None:
            assert totals.discount == 0
        elif reduction.percent_off is not None:
            assert abs(totals.discount - totals.subtotal * reduction.percent_off / 100) <= Fraction(step, 2)
        else:
            assert totals.discount == min(reduction.amount_off, totals.subtotal)
        for line in totals.lines:
            fair = Fraction(totals.discount * line.subtotal, totals.subtotal or 1)
            assert abs(line.discount - fair) < step
