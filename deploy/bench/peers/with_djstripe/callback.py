"""What a queue would be given; here nothing."""


def leave_it(trigger: object, api_key: str) -> None:  # noqa: ARG001 dj-stripe hands both
    return None
