"""The ledger and its months in the admin; importing them registers them."""

from finance.admin import ledger, months

__all__ = ["ledger", "months"]
