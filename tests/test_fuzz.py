"""A small share of `make fuzz`, by the same code; and what it would find."""

from pathlib import Path

from tests.fuzz.campaign import attack, shares, targets
from tests.fuzz.endpoints import unknown_routes
from tests.fuzz.stand import running_stand

CASES = 200
SEED = 7


def test_every_address_is_attacked() -> None:
    assert unknown_routes() == set()


def test_no_strange_request_breaks_anything(tmp_path: Path) -> None:
    with running_stand(tmp_path) as stand:
        chosen = targets(stand)
        results = [attack(stand, one, cases, SEED) for one, cases in zip(chosen, shares(chosen, CASES), strict=True)]
        assert [(result.name, result.problems, result.failed) for result in results if result.problems] == []
        assert sum(result.cases for result in results) >= CASES // 2
        assert stand.findings("replay", "--check") == (0, [])
