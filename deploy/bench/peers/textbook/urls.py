from django.urls import path

from . import views

urlpatterns = [
    path("textbook/", views.receive),
    path("signature/", views.verify),
    path("nothing/", views.do_nothing),
]
