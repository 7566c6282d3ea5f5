from django.urls import path

from orders import views

urlpatterns = [
    path("", views.catalogue, name="catalogue"),
    path("item/<int:item_id>", views.item, name="item"),
    path("item/by_order/<int:item_id>", views.orders_with_item, name="orders-with-item"),
    path("buy/<int:item_id>", views.buy, name="buy"),
    path("order/<int:order_id>", views.order, name="order"),
    path("order/<int:order_id>/status", views.order_status, name="order-status"),
    path("order/<int:order_id>/checkout", views.checkout, name="checkout"),
]
