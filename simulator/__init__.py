"""A stand-in Stripe for demos and tests: its own process, loopback only, stateful per secret key."""
