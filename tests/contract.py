"""Stripe's API description as a witness: every request that leaves stripe-python in any test is checked against it."""

import json
import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import stripe

from simulator.contract import Contract, ContractViolation

CONTRACT = Contract.load()
violations: list[str] = []


class ContractCheckedClient(stripe.RequestsClient):
    """Notes every violation, in a request or in the answer to it, even where the code under test swallows the error.

    A server that a test starts has this client too; it writes to the files that COUNTERSIGN_TEST_VIOLATIONS and
    COUNTERSIGN_TEST_OPERATIONS name.
    """

    def request(
        self, method: str, url: str, headers: Mapping[str, str] | None, post_data: Any = None, *, _usage: Any = None
    ) -> tuple[Any, int, Mapping[str, str]]:
        target = urlsplit(url)
        operation = f"{method.upper()} {target.path}"
        if (headers or {}).get("Stripe-Version") != CONTRACT.version:
            note_violation(f"{operation}: the request carries another Stripe-Version")
        try:
            checked = CONTRACT.check_request(method.upper(), target.path, target.query, post_data or "")
            append_line("COUNTERSIGN_TEST_OPERATIONS", f"{checked.operation.method} {checked.operation.path}")
            answer = super().request(method, url, headers, post_data)
            CONTRACT.check_answer(json.loads(answer[0]))
        except ContractViolation as violation:
            note_violation(f"{operation}: {violation}")
            raise
        return answer


def note_violation(text: str) -> None:
    violations.append(text)
    append_line("COUNTERSIGN_TEST_VIOLATIONS", text)


def append_line(variable: str, text: str) -> None:
    """To the file that an environment variable names, which servers that a test starts write to as well."""
    if path := os.environ.get(variable):
        with Path(path).open("a") as file:
            file.write(f"{text}\n")


def operations_used() -> Counter[str]:
    """How often each operation was used in this run, whatever process used it."""
    path = Path(os.environ["COUNTERSIGN_TEST_OPERATIONS"])
    return Counter(path.read_text().splitlines() if path.exists() else [])
