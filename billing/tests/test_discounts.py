"""Discounts and taxes: what can be said of them, when their version goes up, how a code is found."""

from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from hypothesis import given
from hypothesis import strategies as st

from billing.models import Discount, Tax, plain
from billing.quotes import DiscountTerms, TaxTerms
from billing.selectors import current_discount, current_taxes, find_discount
from billing.tests.mirrors import five_dollars, summer, vat

pytestmark = pytest.mark.django_db


class TestADiscount:
    def test_of_a_percentage_has_terms_without_floats(self) -> None:
        discount = summer()
        assert discount.terms == DiscountTerms(
            discount=discount.pk, version=1, name="Summer", percent_off="15", amount_off=None, currency=None
        )

    def test_of_an_amount_has_terms_in_minor_units(self) -> None:
        discount = five_dollars()
        assert discount.terms == DiscountTerms(
            discount=discount.pk, version=1, name="Welcome", percent_off=None, amount_off=500, currency="usd"
        )

    @pytest.mark.parametrize(
        "changes",
        [
            {"percent_off": None},
            {"amount_off": 500, "currency": "usd"},
            {"percent_off": None, "amount_off": 500},
            {"currency": "usd"},
            {"percent_off": "0"},
            {"percent_off": "100.01"},
            {"percent_off": "12.345"},
            {"percent_off": None, "amount_off": 0, "currency": "usd"},
            {"percent_off": None, "amount_off": 500, "currency": "xyz"},
            {"code": "summer sale"},
            {"name": "x" * 41},
            {"name": ""},
        ],
    )
    def test_that_makes_no_sense_is_refused(self, changes: dict[str, Any]) -> None:
        with pytest.raises(ValidationError):
            summer(**changes)
        assert not Discount.objects.exists()

    @pytest.mark.parametrize(
        "changes",
        [
            {"percent_off": None},
            {"amount_off": 500},
            {"percent_off": None, "currency": "usd"},
            {"percent_off": Decimal("100.5")},
            {"code": "lower"},
        ],
    )
    def test_is_guarded_by_the_database_too(self, changes: dict[str, Any]) -> None:
        discount = summer()
        with pytest.raises(IntegrityError), transaction.atomic():
            Discount.objects.filter(pk=discount.pk).update(**changes)

    def test_says_what_it_takes_off(self) -> None:
        assert [summer(percent_off="12.50").off_text, five_dollars().off_text] == ["12.5 %", "$5.00"]


class TestAVersion:
    @pytest.mark.parametrize(
        "changes", [{"percent_off": "20"}, {"percent_off": None, "amount_off": 500, "currency": "usd"}]
    )
    def test_goes_up_when_the_terms_of_a_discount_change(self, changes: dict[str, Any]) -> None:
        discount = summer()
        for name, value in changes.items():
            setattr(discount, name, value)
        discount.save()
        assert discount.terms.version == Discount.objects.get().version == 2

    @pytest.mark.parametrize("changes", [{"name": "Spring"}, {"code": "SPRING"}, {"percent_off": "15.00"}])
    def test_stays_when_something_else_changes(self, changes: dict[str, Any]) -> None:
        Discount.objects.update_or_create(pk=summer().pk, defaults=changes)
        assert Discount.objects.get().version == 1

    def test_goes_up_with_some_fields_saved_alone(self) -> None:
        Discount.objects.update_or_create(pk=summer().pk, defaults={"percent_off": "20"})
        assert Discount.objects.get().version == 2

    def test_goes_up_from_what_is_stored(self) -> None:
        """A form that was opened before somebody else's change does not bring back an old version's number."""
        stale = summer()
        Discount.objects.update_or_create(pk=stale.pk, defaults={"percent_off": "20"})
        stale.save()
        assert (stale.version, stale.terms.percent_off) == (3, "15")

    @pytest.mark.parametrize(
        ("changes", "version"),
        [
            ({"percentage": "9"}, 2),
            ({"inclusive": False}, 2),
            ({"name": "MwSt"}, 1),
            ({"jurisdiction": "Berlin"}, 1),
            ({"country": "AT"}, 1),
            ({"percentage": "8.875"}, 1),
        ],
    )
    def test_of_a_tax_follows_percentage_and_inclusion(self, changes: dict[str, Any], version: int) -> None:
        Tax.objects.update_or_create(pk=vat().pk, defaults=changes)
        assert Tax.objects.get().version == version


class TestACode:
    @pytest.mark.parametrize("typed", ["SUMMER", "summer", "  Summer\t"])
    def test_is_found_as_shoppers_type_it(self, typed: str) -> None:
        discount = summer(code="sumMer ")
        assert find_discount(typed) == discount.terms

    @pytest.mark.parametrize("typed", ["", " ", "WINTER", "SUMMER\x00", "SUM MER", "%"])
    def test_that_is_none_finds_nothing(self, typed: str) -> None:
        summer()
        five_dollars()
        assert find_discount(typed) is None

    def test_belongs_to_one_discount_in_any_case(self) -> None:
        summer()
        with pytest.raises(IntegrityError), transaction.atomic():
            summer(code="summer")

    def test_may_be_missing_from_many(self) -> None:
        five_dollars(code=None)
        five_dollars(code=" ")
        assert list(Discount.objects.values_list("code", flat=True)) == [None, None]


class TestATax:
    def test_has_terms_without_floats(self) -> None:
        tax = vat()
        assert tax.terms == TaxTerms(tax=tax.pk, version=1, name="VAT", percentage="8.875", inclusive=True)
        assert tax.country == "DE"

    @pytest.mark.parametrize(
        "changes",
        [{"percentage": "-1"}, {"percentage": "100.0001"}, {"percentage": "1.23456"}, {"country": "DEU"}, {"name": ""}],
    )
    def test_that_makes_no_sense_is_refused(self, changes: dict[str, Any]) -> None:
        with pytest.raises(ValidationError):
            vat(**changes)


class TestWhatHoldsNow:
    def test_is_known_by_id(self) -> None:
        discount, first, second = summer(), vat(), vat(name="Reduced")
        assert current_discount(discount.pk) == discount.terms
        assert current_taxes([second.pk, first.pk]) == [first.terms, second.terms]

    def test_is_nothing_once_it_is_deleted(self) -> None:
        discount, tax = summer(), vat()
        discount_id, tax_id = discount.pk, tax.pk
        discount.delete()
        tax.delete()
        assert (current_discount(discount_id), current_taxes([tax_id])) == (None, [])


@given(st.decimals(min_value=0, max_value=100, places=4))
def test_a_percentage_is_one_text_only(percentage: Decimal) -> None:
    assert Decimal(plain(percentage)) == percentage
    assert plain(percentage) == plain(percentage.quantize(Decimal("0.000001")))
    assert "E" not in plain(percentage)
