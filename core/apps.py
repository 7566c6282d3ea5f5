from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy


class CoreConfig(AppConfig):
    name = "core"
    verbose_name = gettext_lazy("Records")

    def ready(self) -> None:
        from core import privileges, readings  # noqa: F401, PLC0415 registers what is looked at when a process starts, and what is told
        from core.staff import receivers, roles  # noqa: F401, PLC0415 registers the aggregate and what follows from changed users

        post_migrate.connect(roles.give_roles, sender=self, dispatch_uid="core.give_roles")


class StaffSiteConfig(AdminConfig):
    """Makes StaffSite the site that `admin.site` and `@admin.register` mean."""

    default_site = "core.admin_site.StaffSite"

    def ready(self) -> None:
        super().ready()
        from core import people  # noqa: F401, PLC0415 takes the place of what other apps have registered by now
