"""`make check CHECKS=audit`: the locked packages, held against published advisories by pip-audit.

The advisories come from PyPI, else from OSV (osv.dev). Where neither can be reached nothing was audited; that is said,
and fails only where AUDIT_REQUIRED=1: work without a network goes on.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from deploy.processes import NOT_DONE, ROOT

LOCKED = ("requirements.txt", "requirements-simulator.txt", "requirements-dev.txt")
SERVICES = ("pypi", "osv")
SECONDS = 120

type Report = dict[str, Any]


def ask(service: str) -> Report | None:
    """What pip-audit found; None where the service can't be reached. Nothing is installed: the locks name all."""
    command = [sys.executable, "-m", "pip_audit", "--require-hashes", "--disable-pip", "--progress-spinner=off"]
    command += [f"--vulnerability-service={service}", "--format=json"]
    command += [f"--requirement={name}" for name in LOCKED]
    try:
        done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True, timeout=SECONDS)
        report: Report = json.loads(done.stdout)
    except (subprocess.TimeoutExpired, json.JSONDecodeError):
        return None
    return report


def advisories(report: Report) -> Iterator[str]:
    for package in report["dependencies"]:
        for advisory in package.get("vulns", []):
            fixed = ", ".join(advisory["fix_versions"]) or "no version yet"
            yield f"{package['name']} {package['version']}: {advisory['id']}, fixed in {fixed}"


def unaudited(report: Report) -> list[str]:
    """What the service knows nothing of, which is not the same as nothing being wrong."""
    return [package["name"] for package in report["dependencies"] if "skip_reason" in package]


def judge(reports: list[Report | None]) -> tuple[list[str], int]:
    """What to say and the exit code, by the answer that knows most; each report is of one service."""
    answered = [one for one in reports if one is not None and len(unaudited(one)) < len(one["dependencies"])]
    if not answered:
        return ["advisories unreachable: not audited"], NOT_DONE
    best = min(answered, key=lambda report: len(unaudited(report)))
    found, unknown = list(advisories(best)), unaudited(best)
    if unknown:
        found_or_not = [*found, f"not audited: {', '.join(unknown)}"]
        return found_or_not, 1 if found else NOT_DONE
    return found or [f"{len(best['dependencies'])} packages, no advisory"], 1 if found else 0


def main() -> int:
    reports: list[Report | None] = []
    for service in SERVICES:
        reports.append(ask(service))
        said, code = judge(reports)
        if code != NOT_DONE:
            break
    print("\n".join(said))
    is_required = os.environ.get("AUDIT_REQUIRED") == "1"
    return 1 if code == NOT_DONE and is_required else code


if __name__ == "__main__":
    sys.exit(main())
