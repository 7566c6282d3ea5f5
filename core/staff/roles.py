"""What finance's roles may do. The groups of these names hold exactly this after every `migrate`.

Permissions are named as Django does, also those of the apps above: they are data here, as in the admin's navigation.
"""

from typing import Any

from django.apps import apps as installed
from django.contrib.auth.management import create_permissions
from django.db import router

# Whose rows every role may look at, also those of models yet to come; who may look at a list may export it.
APPS = ("core", "billing", "orders", "webhooks", "finance", "procrastinate")
READS = "view_"
ACT_ON_ORDER = "orders.act_on_order"

VIEWER, OPERATOR, LEAD = "Finance viewer", "Finance operator", "Finance lead"
ACTS: dict[str, tuple[str, ...]] = {
    VIEWER: (),
    # Refunds up to REFUND_LIMIT, canceling, notes; syncing and handling again.
    OPERATOR: (ACT_ON_ORDER,),
    LEAD: (ACT_ON_ORDER, "orders.refund_above_limit", "finance.close_month"),
}
# Who may see what people of staff did, which is no figure: superusers alone.
NOT_FINANCES = frozenset({"core.view_staffrecord"})


def give_roles(*, using: str = "default", apps: Any = installed, **_signal: Any) -> None:
    """Make the groups as the tables above say, whatever somebody changed; safe to run again and again.

    Permissions are made by a receiver of the same signal, for one app after another: those that are still missing when
    this one runs are made here.
    """
    known = {config.label for config in apps.get_app_configs()}
    if "auth" not in known or not router.allow_migrate_model(using, apps.get_model("auth", "Group")):
        return
    for label in APPS:
        if label in known:
            create_permissions(installed.get_app_config(label), verbosity=0, using=using, apps=apps)
    permissions = {
        f"{permission.content_type.app_label}.{permission.codename}": permission
        for permission in apps.get_model("auth", "Permission")
        .objects.using(using)
        .filter(content_type__app_label__in=APPS)
        .select_related("content_type")
    }
    read = {name for name in permissions if name.partition(".")[2].startswith(READS)} - NOT_FINANCES
    for role, acts in ACTS.items():
        group, _ = apps.get_model("auth", "Group").objects.using(using).get_or_create(name=role)
        group.permissions.set([permissions[name] for name in {*read, *acts} if name in permissions])
