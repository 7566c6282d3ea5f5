"""`python -m with_djstripe.prepare UUID`: the rows of an installation, so that nothing else is asked of Stripe."""

import os
import sys

import django

django.setup()

from django.conf import settings  # noqa: E402 Django must know its settings first
from djstripe.models import Account, APIKey, WebhookEndpoint  # noqa: E402 as above

account = Account.objects.create(id="acct_bench", livemode=True, stripe_data={"id": "acct_bench", "object": "account"})
key, _ = APIKey.objects.get_or_create_by_api_key(settings.STRIPE_LIVE_SECRET_KEY)
key.djstripe_owner_account = account
key.save()
WebhookEndpoint.objects.create(
    id="we_bench",
    djstripe_uuid=sys.argv[1],
    djstripe_owner_account=account,
    djstripe_validation_method="verify_signature",
    enabled_events=["*"],
    livemode=True,
    secret=os.environ["WEBHOOK_SECRET"],
    stripe_data={"id": "we_bench", "object": "webhook_endpoint"},
    url="https://shop.example/stripe/webhook/",
)
