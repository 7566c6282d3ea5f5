"""Saving or deleting a Discount or a Tax asks Stripe for the same, in the same transaction.

A sync writes mirrors, never these rows, so it can't trigger itself.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver

from billing.mirroring import request_retirement, request_sync
from billing.models import Discount, Tax
from core.eventlog import provenance


@contextmanager
def somebody_acting() -> Iterator[None]:
    """Who acts was said at the edge (the admin, a command); a shell or a fixture says nothing."""
    try:
        provenance.current()
    except LookupError:
        with provenance.acting("system:unattended"):
            yield
    else:
        yield


@receiver(post_save, sender=Discount, dispatch_uid="billing.mirror_saved_discount")
@receiver(post_save, sender=Tax, dispatch_uid="billing.mirror_saved_tax")
def mirror_saved(sender: type[Discount | Tax], instance: Discount | Tax, **_signal: Any) -> None:
    # Read again: what was stored may not be all that the instance holds (`update_fields`).
    stored = sender._default_manager.get(pk=instance.pk)
    with somebody_acting():
        request_sync(stored)


@receiver(post_delete, sender=Discount, dispatch_uid="billing.mirror_deleted_discount")
@receiver(post_delete, sender=Tax, dispatch_uid="billing.mirror_deleted_tax")
def mirror_deleted(instance: Discount | Tax, **_signal: Any) -> None:
    with somebody_acting():
        request_retirement(instance)
