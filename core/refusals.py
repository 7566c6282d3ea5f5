"""Refusals: what the product says no to, each as one exception class that the edge turns into a page or JSON."""

from http import HTTPStatus
from typing import ClassVar

from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _


class Refusal(Exception):
    """A request that can't be met; `code` is for programs, the message for people, `status` for HTTP.

    A subclass states its message in `message`, with the ids it was raised with as fields: `Order {order_id} is …`.
    """

    code: ClassVar[str]
    status: ClassVar[HTTPStatus]
    message: ClassVar[str]

    def __init__(self, **ids: object) -> None:
        self.ids = ids
        super().__init__(gettext(self.message).format(**ids))


class NotFound(Refusal):
    """There is nothing here, or it belongs to somebody else: which of the two is not said."""

    code = "not_found"
    status = HTTPStatus.NOT_FOUND
    message = _("There is nothing here that you can see.")


class PrefetchRefused(Refusal):
    """A browser announced that it only guesses that the person will come here; opening a checkout is no guess."""

    code = "prefetch_refused"
    status = HTTPStatus.FORBIDDEN
    message = _("A checkout is opened by a person, not ahead of time.")


class TooManyRequests(Refusal):
    """An address asked for more than its share."""

    code = "too_many_requests"
    status = HTTPStatus.TOO_MANY_REQUESTS
    message = _("Too many checkouts were opened from your address. Wait a minute and try again.")
