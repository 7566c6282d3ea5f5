"""Stripe's books beside generated orders (`manage.py generate`)."""
