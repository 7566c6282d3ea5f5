"""`make check`'s scanners find what is planted, and say when they could not look."""

from pathlib import Path
from typing import Any

import pytest

from deploy.audit import judge
from deploy.processes import NOT_DONE
from deploy.secret_scan import scan

# In parts, or this file would be found itself.
PLANTED = {
    "Stripe secret": ["sk_live", "_51H8xYzKqPmN", "3vRtW9sJ7bLcD"],
    "AWS Access Key": ["AKIA", "Q3EGHJKLMNPR5TUV"],
    "Private Key": ["-----BEGIN RSA", " PRIVATE KEY-----"],
    "Base64 High Entropy String": ["key = 'h7Gk29sLq0Z", "xWv5TnB8yRmE", "dPc3JfAu6Q1'"],
    "Hex High Entropy String": ["key = '9f86d081884c7d65", "9a2feaa0c55ad015a3bf4f1b'"],
    "Basic Auth Credentials": ["postgresql://shop:", "correct-horse@db.internal/shop"],
}


@pytest.mark.parametrize("kind", PLANTED)
@pytest.mark.parametrize("name", ["settings.py", "notes.md", "compose.yaml"])
def test_a_planted_secret_is_found(tmp_path: Path, kind: str, name: str) -> None:
    planted = tmp_path / name
    planted.write_text(f"first = 1\n{''.join(PLANTED[kind])}\n")
    assert {(found.kind, found.line) for found in scan([str(planted)])} >= {(kind, 2)}


def test_what_says_that_it_opens_nothing_is_passed_over(tmp_path: Path) -> None:
    planted = tmp_path / "settings.py"
    planted.write_text(f"KEY = '{''.join(PLANTED['Stripe secret'])}'  # pragma: allowlist secret\n")
    assert scan([str(planted)]) == []


def report(*packages: dict[str, Any]) -> dict[str, Any]:
    return {"dependencies": list(packages), "fixes": []}


CLEAN = {"name": "django", "version": "6.1.3", "vulns": []}
BROKEN = {"name": "stripe", "version": "15.6.2", "vulns": [{"id": "PYSEC-1", "fix_versions": ["15.6.3"]}]}
SKIPPED = {"name": "babel", "skip_reason": "Dependency not found on PyPI"}


@pytest.mark.parametrize(
    ("reports", "said", "code"),
    [
        ([None, None], "advisories unreachable: not audited", NOT_DONE),
        ([report(SKIPPED), None], "advisories unreachable: not audited", NOT_DONE),
        ([report(CLEAN, SKIPPED)], "not audited: babel", NOT_DONE),
        ([report(SKIPPED), report(CLEAN)], "1 packages, no advisory", 0),
        ([report(CLEAN, BROKEN)], "stripe 15.6.2: PYSEC-1, fixed in 15.6.3", 1),
        ([report(SKIPPED, BROKEN)], "not audited: babel", 1),
    ],
)
def test_an_audit_that_was_not_made_is_never_a_clean_one(
    reports: list[dict[str, Any] | None], said: str, code: int
) -> None:
    lines, exit_code = judge(reports)
    assert (lines[-1], exit_code) == (said, code)
