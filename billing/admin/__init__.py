"""Discounts, taxes, their counterparts and the journal of calls in the admin; importing them registers them."""

from billing.admin import calls, mirrors, pricing
from billing.admin.calls import AccountFilter

__all__ = ["AccountFilter", "calls", "mirrors", "pricing"]
