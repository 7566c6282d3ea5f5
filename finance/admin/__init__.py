"""Finance in the admin; importing its modules registers them."""

from finance.admin import books, reconciliation

__all__ = ["books", "reconciliation"]
