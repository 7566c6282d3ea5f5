"""Who did it, by name: the log knows people by their numbers alone."""

from collections.abc import Iterable, Mapping

from django.contrib.auth import get_user_model

ACTORS = {"shopper": "shopper", "staff": "{name}", "stripe": "Stripe ({name})", "system": "system ({name})"}


def staff_names(actors: Iterable[str]) -> dict[str, str]:
    """Actor -> name to show, of those actors that are staff; one query, and none where there are no staff."""
    keys = {actor.removeprefix("staff:") for actor in actors if actor.startswith("staff:")}
    users = get_user_model().objects.in_bulk([key for key in keys if key.isdecimal()])
    return {f"staff:{key}": user.get_full_name() or user.get_username() for key, user in users.items()}


def actor_in_words(actor: str, staff: Mapping[str, str]) -> str:
    role, _, name = actor.partition(":")
    return ACTORS.get(role, actor).format(name=staff.get(actor, name if role != "staff" else f"staff {name}"))
