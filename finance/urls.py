"""Below the admin's address, for those who may enter it."""

from django.contrib import admin
from django.urls import re_path

from finance import views

urlpatterns = [
    re_path(
        r"^(?P<of>[a-z-]+)\.(?P<file_format>csv|xlsx)$", admin.site.admin_view(views.export), name="finance_export"
    ),
]
