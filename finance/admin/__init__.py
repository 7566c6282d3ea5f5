"""Finance in the admin; importing its modules registers them."""

from finance.admin import books, ledger, months, reconciliation

__all__ = ["books", "ledger", "months", "reconciliation"]
