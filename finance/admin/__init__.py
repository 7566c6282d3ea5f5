"""Finance in the admin; importing its modules registers them."""

from finance.admin import books, exports, ledger, months, reconciliation

__all__ = ["books", "exports", "ledger", "months", "reconciliation"]
