"""Items, orders and their parts in the admin; importing them registers them."""

from orders.admin import approvals, items, mails, orders, parts

__all__ = ["approvals", "items", "mails", "orders", "parts"]
