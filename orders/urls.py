from django.urls import path

from orders.views import basket, paying, receipts, shop

urlpatterns = [
    path("", shop.catalogue, name="catalogue"),
    path("item/<int:item_id>", shop.item, name="item"),
    path("item/by_order/<int:item_id>", shop.orders_with_item, name="orders-with-item"),
    path("buy/<int:item_id>", shop.buy, name="buy"),
    path("order/<int:order_id>", shop.order, name="order"),
    path("order/<int:order_id>/status", shop.order_status, name="order-status"),
    path("order/<int:order_id>/checkout", shop.checkout, name="checkout"),
    path("order/<int:order_id>/payment-intent", paying.payment_intent, name="payment-intent"),
    path("order/<int:order_id>/pay", paying.pay, name="pay"),
    path("order/<int:order_id>/receipt", receipts.receipt, name="receipt"),
    path("order/<int:order_id>/revoke-links", shop.revoke_links_of, name="revoke-links"),
    path("basket", basket.basket, name="basket"),
    path("basket/items", basket.basket_items, name="basket-items"),
    path("basket/discount", basket.basket_discount, name="basket-discount"),
    path("basket/checkout", basket.basket_checkout, name="basket-checkout"),
]
