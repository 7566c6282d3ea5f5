"""Stripe at the edge: the only package of the product that imports `stripe`."""
