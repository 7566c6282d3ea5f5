"""Percentages as parameters: read from decimal text, so a float's shortest spelling is the number that was meant."""

from fractions import Fraction

from simulator.errors import invalid_parameter


def exact(percentage: float) -> Fraction:
    """8.25 as 33/4 and not as the binary fraction next to it."""
    return Fraction(str(percentage))


def check_percentage(param: str, percentage: float, *, decimals: int, above_zero: bool = False) -> None:
    low_enough = percentage > 0 if above_zero else percentage >= 0
    if not low_enough or percentage > 100:  # noqa: PLR2004 per cent
        bounds = "greater than 0 and at most 100" if above_zero else "between 0 and 100"
        raise invalid_parameter(param, f"Invalid {param}: must be {bounds} (it currently is '{percentage}').")
    if (exact(percentage) * 10**decimals).denominator != 1:
        raise invalid_parameter(
            param, f"Invalid decimal: {percentage}; must contain at maximum {decimals} decimal places."
        )
