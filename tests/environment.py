"""The environment of the tests: what an operator would set, with secrets that open nothing."""

TEST_ENVIRONMENT = {
    "COUNTERSIGN_DEMO": "1",
    "DJANGO_SECRET_KEY": "test-" + "0123456789" * 6,
    "DJANGO_ALLOWED_HOSTS": "testserver,127.0.0.1,localhost",
    "DJANGO_SUPERUSER_PASSWORD": "root",
    "PUBLIC_URL": "http://127.0.0.1:8000",
    # One shop serves the purchases of all tests; those of the limits set their own.
    "CHECKOUTS_PER_ADDRESS": "100000",
    "STRIPE_ACCOUNTS": "default,euro",
    "STRIPE_DEFAULT_SECRET_KEY": "sk_test_default",
    "STRIPE_DEFAULT_PUBLISHABLE_KEY": "pk_test_default",
    "STRIPE_DEFAULT_WEBHOOK_SECRETS": "whsec_default,whsec_default_old",
    "STRIPE_DEFAULT_CURRENCIES": "usd,jpy",
    "STRIPE_EURO_SECRET_KEY": "sk_test_euro",
    "STRIPE_EURO_PUBLISHABLE_KEY": "pk_test_euro",
    "STRIPE_EURO_WEBHOOK_SECRETS": "whsec_euro",
    "STRIPE_EURO_CURRENCIES": "eur",
}
