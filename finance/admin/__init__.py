"""The ledger and exports in the admin; importing them registers them."""

from finance.admin import exports, ledger

__all__ = ["exports", "ledger"]
