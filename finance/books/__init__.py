"""The books: what order events and Stripe's own books say of money, as ledger lines and figures by day."""
