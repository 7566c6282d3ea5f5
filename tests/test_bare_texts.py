"""`make messages` says which texts for people no gettext function marks."""

import pytest

from deploy.bare_texts import bare_texts
from deploy.messages import unmarked


@pytest.mark.parametrize(
    "code",
    [
        'raise ValidationError("Too much.")',
        'raise ValidationError(f"{name} is too much.")',
        'raise ValidationError("%s is too much." % name)',
        'raise ValidationError("{} is too much.".format(name))',
        'raise ValidationError({"amount": "Too much."})',
        'raise ValidationError(_("Fine.") if fine else "Too much.")',
        'messages.error(request, "Too much.")',
        'messages.add_message(request, level, "Too much.")',
        'class Refused(CommandRefused):\n    words = {"fine": _("fine"), "too_much": "too much"}',
        'class State(models.TextChoices):\n    DONE = "done", "done"',
    ],
)
def test_what_is_spelled_out_is_found(code: str) -> None:
    assert len(list(bare_texts(code))) == 1


@pytest.mark.parametrize(
    "code",
    [
        'raise ValidationError(_("%(amount)s is too much.") % {"amount": "5"})',
        'raise ValidationError(wrong, code="too_much")',
        "messages.error(request, str(refusal))",
        'messages.error(request, " ".join(refused.messages))',
        'log.error("too.much", amount=5)',
        'words = {"fine": _("fine"), "method": data["method"]}',
        'class Kind(models.TextChoices):\n    INTENT = "payment_intent", "PaymentIntent"',
    ],
)
def test_what_is_marked_or_not_ours_is_not(code: str) -> None:
    assert list(bare_texts(code)) == []


def test_no_text_of_the_product_is_bare() -> None:
    assert list(unmarked()) == []
