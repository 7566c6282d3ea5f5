from django.contrib import admin
from django.urls import include, path
from django.views.i18n import set_language

from core import views

handler400 = "core.views.bad_request"
handler403 = "core.views.permission_denied"
handler404 = "core.views.page_not_found"
handler500 = "core.views.server_error"

urlpatterns = [
    path("webhooks/stripe/", include("webhooks.urls")),
    path("", include("orders.urls")),
    path("language", set_language, name="set_language"),
    path("admin/export/", include("finance.urls")),
    path("admin/", admin.site.urls),
    path("healthz", views.healthz),
    path("readyz", views.readyz),
    path("metrics", views.metrics),
]
