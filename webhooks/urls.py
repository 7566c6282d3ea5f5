from django.urls import path

from webhooks import views

urlpatterns = [
    path("", views.receive, name="webhook"),
    path("<str:account_name>/", views.receive, name="webhook-of-account"),
]
