"""Mirrors and counterparts in the admin, to look at: what was asked of Stripe, and what it has."""

from typing import Any

from django.contrib import admin
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from billing.admin.at_stripe import STATE_COLORS, AtStripeAdmin
from billing.admin.calls import AccountFilter
from billing.models import Counterpart, Coupon, DiscountMirror, Mirror, TaxMirror, TaxRate
from core.admin import ReadOnlyAdmin, indented_json, stream_link, text_link
from core.bulk_admin import BulkActionsAdmin
from core.times import local_time


class MirrorAdmin(AtStripeAdmin, BulkActionsAdmin):
    """What was asked for last, also of what is deleted by now."""

    shows_past = True
    ordering = ["-id"]
    list_display = ["id", "called", "version", "is_deleted", "requested"]
    search_fields = ["id__exact"]
    search_help_text = gettext_lazy("Number of the discount or tax")
    fields = ["id", "called", "version", "is_deleted", "last_terms", "requested", "installation"]

    @display(description=gettext_lazy("name"))
    def called(self, mirror: Mirror) -> str:
        return str(mirror.terms.get("name", "-"))

    @display(description=gettext_lazy("terms"))
    def last_terms(self, mirror: Mirror) -> SafeString:
        return indented_json(mirror.terms)

    @display(description=gettext_lazy("last requested"))
    def requested(self, mirror: Mirror) -> SafeString | str:
        return local_time(mirror.requested_at)


@admin.register(DiscountMirror)
class DiscountMirrorAdmin(MirrorAdmin):
    """Of discounts."""

    kind = "discount"
    bulk_actions = ("billing.sync_discount",)


@admin.register(TaxMirror)
class TaxMirrorAdmin(MirrorAdmin):
    """Of taxes."""

    kind = "tax"
    bulk_actions = ("billing.sync_tax",)


class CounterpartAdmin(ReadOnlyAdmin):
    """One version at one account."""

    list_display = ["id", "of_mirror", "version", "account", "labelled_state", "reason", "object_id", "settled"]
    list_filter = ["state", AccountFilter]
    list_select_related = ["mirror"]
    ordering = ["-mirror_id", "-version", "account"]
    search_fields = ["mirror__id__exact", "object_id__exact"]
    search_help_text = gettext_lazy("Number of the discount or tax, or Stripe's id")
    fields = [
        "id",
        "of_mirror",
        "version",
        "account",
        "labelled_state",
        "reason",
        "object_id",
        "is_live",
        "is_current",
        "needed",
        "content",
        "told_last",
        "generation",
        "requested",
        "settled",
        "events",
    ]

    @display(description=gettext_lazy("of"))
    def of_mirror(self, counterpart: Any) -> SafeString:
        mirror: Mirror = counterpart.mirror
        return text_link(reverse(f"admin:billing_{mirror._meta.model_name}_change", args=[mirror.pk]), mirror)

    @display(description=gettext_lazy("state"), label=STATE_COLORS)
    def labelled_state(self, counterpart: Counterpart) -> str:
        return counterpart.state

    @display(description=gettext_lazy("needed for checkouts until"))
    def needed(self, counterpart: Counterpart) -> SafeString | str:
        return local_time(counterpart.needed_until)

    @display(description=gettext_lazy("should be"))
    def content(self, counterpart: Counterpart) -> SafeString:
        return indented_json(counterpart.terms | counterpart.labels)

    @display(description=gettext_lazy("Stripe was told"))
    def told_last(self, counterpart: Counterpart) -> SafeString:
        return indented_json(counterpart.told)

    @display(description=gettext_lazy("requested"))
    def requested(self, counterpart: Counterpart) -> SafeString | str:
        return local_time(counterpart.requested_at)

    @display(description=gettext_lazy("settled"))
    def settled(self, counterpart: Counterpart) -> SafeString | str:
        return local_time(counterpart.settled_at)

    def events(self, counterpart: Any) -> SafeString:
        return stream_link(counterpart.mirror.stream)


@admin.register(Coupon)
class CouponAdmin(CounterpartAdmin):
    """Of discounts."""


@admin.register(TaxRate)
class TaxRateAdmin(CounterpartAdmin):
    """Of taxes."""
