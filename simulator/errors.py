"""Stripe-shaped errors. Source: docs.stripe.com/api/errors and docs.stripe.com/error-codes."""

from typing import Any


class StripeError(Exception):
    """An answer other than 2xx.

    `saved` says whether an idempotency key remembers it: Stripe saves results only once an endpoint has begun to
    execute: not for invalid parameters, refused keys or rate limits (docs.stripe.com/api/idempotent_requests).
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        saved: bool = False,
    ) -> None:
        super().__init__(message)
        self.status, self.saved = status, saved
        doc_url = f"https://docs.stripe.com/error-codes#{code.replace('_', '-')}" if code else None
        fields = {"type": kind, "code": code, "param": param, "message": message, "doc_url": doc_url}
        self.body: dict[str, Any] = {"error": {key: value for key, value in fields.items() if value is not None}}

    @classmethod
    def of_fields(cls, status: int, fields: dict[str, Any]) -> "StripeError":
        """An error that is known by all its fields already, such as an intent's `last_payment_error`."""
        error = cls(status, fields["message"])
        error.body = {"error": dict(fields)}
        return error


def invalid_parameter(param: str | None, message: str, code: str | None = None) -> StripeError:
    return StripeError(400, message, param=param, code=code)


def missing_parameter(param: str) -> StripeError:
    return invalid_parameter(param, f"Missing required param: {param}.", "parameter_missing")


def resource_missing(kind: str, object_id: str, param: str) -> StripeError:
    message = f"No such {kind}: '{object_id}'"
    return StripeError(404, message, code="resource_missing", param=param, saved=True)


def unexpected_state(message: str, code: str | None = None) -> StripeError:
    """The object's state forbids the operation: the endpoint has run, so the answer is saved."""
    return StripeError(400, message, code=code, saved=True)


def not_simulated(what: str) -> StripeError:
    """Never a made-up answer: what this simulator cannot do, it says."""
    return StripeError(501, f"The simulator does not implement {what}.", kind="api_error")
