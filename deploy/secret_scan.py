"""`make check CHECKS=secrets`: no key and no password stands in a tracked file, but for those that open nothing.

Such a line says so itself (`pragma: allowlist secret`), or is known by file and digest in `deploy/known_secrets.json`,
which `python -m deploy.secret_scan --know` writes anew, for a person to read.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from detect_secrets.core.secrets_collection import SecretsCollection
from detect_secrets.settings import transient_settings

from deploy.processes import ROOT

KNOWN = Path("deploy/known_secrets.json")
# Digests of locked packages, and of what is known.
MACHINE_MADE = ("requirements", str(KNOWN))
DETECTORS = [
    "AWSKeyDetector",
    "Base64HighEntropyString",
    "BasicAuthDetector",
    "GitHubTokenDetector",
    "GitLabTokenDetector",
    "HexHighEntropyString",
    "JwtTokenDetector",
    "NpmDetector",
    "PrivateKeyDetector",
    "PypiTokenDetector",
    "SendGridDetector",
    "SlackDetector",
]
# KeywordDetector is left out: what Python calls a password is ruff's to find (S105 to S107), and tests need false ones.
SETTINGS: dict[str, Any] = {
    "plugins_used": [
        *({"name": name} for name in DETECTORS),
        {"name": "StripeSecretDetector", "path": f"file://{ROOT}/deploy/stripe_secrets.py"},
    ],
    "filters_used": [
        {"path": f"detect_secrets.filters.{name}"}
        for name in (
            "allowlist.is_line_allowlisted",
            "heuristic.is_likely_id_string",
            "heuristic.is_non_text_file",
            "heuristic.is_potential_uuid",
            "heuristic.is_sequential_string",
            "heuristic.is_templated_secret",
        )
    ],
}


class Found(NamedTuple):
    file: str
    digest: str
    kind: str
    line: int


def scan(names: Iterable[str]) -> list[Found]:
    secrets = SecretsCollection(root=str(ROOT))
    with transient_settings(SETTINGS):
        for name in names:
            secrets.scan_file(name)
    return [Found(name, one.secret_hash, one.type, one.line_number) for name, one in secrets]


def scan_all(names: list[str]) -> list[Found]:
    """In as many processes as there are processors."""
    workers = os.cpu_count() or 1
    with ProcessPoolExecutor(workers) as pool:
        parts = pool.map(scan, [names[first::workers] for first in range(workers)])
        return sorted(found for part in parts for found in part)


def tracked_files() -> Iterator[str]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in listed.split("\0"):
        if name and not name.startswith(MACHINE_MADE) and (ROOT / name).is_file():
            yield name


def main() -> int:
    found = scan_all(list(tracked_files()))
    if "--know" in sys.argv[1:]:
        known = {
            name: sorted({one.digest for one in found if one.file == name}) for name in {one.file for one in found}
        }
        (ROOT / KNOWN).write_text(json.dumps(known, indent=2, sort_keys=True) + "\n")
        return 0
    known = json.loads((ROOT / KNOWN).read_text())
    unknown = [one for one in found if one.digest not in known.get(one.file, [])]
    for one in unknown:
        print(f"{one.file}:{one.line}: {one.kind}")
    if unknown:
        print("Take it out, and have it replaced where it was valid. If it opens nothing: deploy/secret_scan.py.")
    return 1 if unknown else 0


if __name__ == "__main__":
    sys.exit(main())
