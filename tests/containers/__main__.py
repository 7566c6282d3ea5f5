"""`make containers`: see the package. Arguments: demo, production; both unless one is named."""

import sys
import time

from deploy.processes import StepError
from tests.containers.demo import rehearse_demo
from tests.containers.production import rehearse_production

REHEARSALS = {"demo": rehearse_demo, "production": rehearse_production}


def main() -> int:
    names = sys.argv[1:] or list(REHEARSALS)
    if unknown := set(names) - set(REHEARSALS):
        print(f"no such rehearsal: {', '.join(sorted(unknown))}; there are {', '.join(REHEARSALS)}", file=sys.stderr)
        return 2
    for name in names:
        started = time.monotonic()
        print(f"== {name}", flush=True)
        try:
            REHEARSALS[name]()
        except (StepError, AssertionError) as error:
            print(f"{name}: failed: {error}", file=sys.stderr)
            return 1
        print(f"{name}: as promised ({time.monotonic() - started:.0f} s)", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
