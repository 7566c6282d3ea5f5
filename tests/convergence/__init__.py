"""Whatever order Stripe's deliveries come in, however often and how many at once: each story ends as its file says."""
