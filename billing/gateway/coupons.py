"""Coupons: docs.stripe.com/api/coupons."""

from typing import ClassVar
from uuid import UUID

from billing.accounts import account_named
from billing.decisions import says
from billing.gateway.calls import Body, Operation
from billing.gateway.manager import ResourceManager, made_by
from billing.models import Coupon, StripeCall


def find_created(call: StripeCall) -> Body | None:
    found = Coupons(account_named(call.account)).find_by_id(call.body["id"], subject=call.subject)
    return found if found and made_by(found, call) else None


def find_updated(call: StripeCall) -> Body | None:
    found = Coupons(account_named(call.account)).find_by_id(call.target, subject=call.subject)
    return found if found and says(found, call.body) else None


def coupon_body(coupon: Coupon, *, installation: str, call_id: UUID) -> Body:
    """A coupon under an id of ours that was never used before, by which it is found when the answer is lost.

    It is for one payment, hence `duration` is `once`.
    """
    return {
        "id": f"{installation}-{coupon.pk}-{coupon.generation + 1}",
        "duration": "once",
        **coupon.terms,
        **coupon.labels,
        "metadata": {
            "installation": installation,
            "discount": str(coupon.mirror_id),
            "version": str(coupon.version),
            "call_id": str(call_id),
        },
    }


class Coupons(ResourceManager):
    resource: ClassVar = "coupons"
    operations: ClassVar = {
        "create": Operation(
            send=lambda client, _, body, options: client.v1.coupons.create(body, options), find=find_created
        ),
        "update": Operation(
            send=lambda client, target, body, options: client.v1.coupons.update(target, body, options),
            find=find_updated,
        ),
        "delete": Operation(
            send=lambda client, target, body, options: client.v1.coupons.delete(target, body, options), deletes=True
        ),
        "retrieve": Operation(
            send=lambda client, target, body, options: client.v1.coupons.retrieve(target, body, options)
        ),
        "list": Operation(send=lambda client, _, body, options: client.v1.coupons.list(body, options)),
    }
