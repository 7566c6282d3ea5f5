"""Items, orders and their parts in the admin; importing them registers them."""

from orders.admin import items, orders, parts

__all__ = ["items", "orders", "parts"]
