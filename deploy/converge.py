"""`python -m deploy.converge`: every story's deliveries in all orders, a share of the stories on each processor.

Each share is a run of pytest with a database and a stand-in Stripe of its own. Exit 1 on any divergence.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from deploy.processes import ROOT

OWN_SERVERS = ("DATABASE_URL", "STRIPE_API_BASE")


def main() -> int:
    parser = argparse.ArgumentParser(prog="make converge", description=__doc__)
    parser.add_argument("--at-most", default="all", help="sequences of each story (default: all)")
    parser.add_argument("--seed", default="20260826", help="of what is random; a failure is repeated by its seed")
    parser.add_argument("--shares", type=int, default=os.cpu_count() or 1, help="processes (default: processors)")
    asked = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        tallies = [Path(folder, str(share)) for share in range(asked.shares)]
        runs = [start_share(asked, share, tally) for share, tally in enumerate(tallies)]
        codes = [run.wait() for run in runs]
        total: Counter[str] = Counter()
        for tally in tallies:
            if tally.exists():
                total.update(json.loads(tally.read_text()))
    seconds = time.monotonic() - began
    counted = ", ".join(f"{count} {what}" for what, count in total.items())
    print(f"{counted} (seed {asked.seed}, {seconds:.0f} s, {total['sequences'] / seconds:.1f} sequences/s)")
    return 1 if any(codes) else 0


def start_share(asked: argparse.Namespace, share: int, tally: Path) -> subprocess.Popen[bytes]:
    environment = {name: value for name, value in os.environ.items() if name not in OWN_SERVERS} | {
        "CONVERGE": asked.at_most,
        "CONVERGE_SEED": asked.seed,
        "CONVERGE_SHARE": f"{share}/{asked.shares}",
        "CONVERGE_TALLY": str(tally),
    }
    # A failure's own text tells all, and the traceback nothing of interest.
    command = [sys.executable, "-m", "pytest", "tests/convergence", "-q", "--tb=line", "--show-capture=no"]
    return subprocess.Popen(command, cwd=ROOT, env=environment)


if __name__ == "__main__":
    sys.exit(main())
