"""`make check`: every check that needs no test; each says ok or shows what it found, and none hides another.

One that could not be made, for want of a network, says so and fails nothing.
"""

import os
import secrets
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Mapping

from deploy.postgres import temporary_server
from deploy.processes import NOT_DONE, ROOT, StepError

LINT_IMPORTS = "import sys; from importlinter.cli import lint_imports_command; sys.exit(lint_imports_command())"
# Named as in .pre-commit-config.yaml; arguments of the project's Python.
SOURCE_CHECKS = {
    "format": ["-m", "ruff", "format", "--check", "."],
    "lint": ["-m", "ruff", "check", "."],
    "types": ["-m", "mypy", "."],
    "imports": ["-c", LINT_IMPORTS],
    "messages": ["-m", "deploy.messages", "--check"],
    "secrets": ["-m", "deploy.secret_scan"],
    "audit": ["-m", "deploy.audit"],
}
PRODUCTION_CHECKS = {
    "migrations": ["manage.py", "makemigrations", "--check", "--dry-run"],
    "deployment": ["manage.py", "check", "--deploy", "--fail-level", "WARNING"],
}
CHECKS = SOURCE_CHECKS | PRODUCTION_CHECKS
VERDICTS = {0: "ok", NOT_DONE: "not done"}


def production(database_url: str) -> dict[str, str]:
    """An environment as in production, with secrets that nothing else knows."""
    return os.environ | {
        "AUDIT_SIGNING_KEY": b64encode(secrets.token_bytes(32)).decode(),
        "COUNTERSIGN_DEMO": "0",
        "DATABASE_URL": database_url,
        "DJANGO_ALLOWED_HOSTS": "shop.example",
        "DJANGO_DEBUG": "0",
        "DJANGO_SECRET_KEY": secrets.token_urlsafe(48),
        "DJANGO_SETTINGS_MODULE": "core.settings",
        "DJANGO_SUPERUSER_PASSWORD": "",
        "PUBLIC_URL": "https://shop.example",
        "REFUND_LIMIT": "none",
        "STRIPE_ACCOUNTS": "default",
        "STRIPE_API_BASE": "",
        "STRIPE_DEFAULT_CURRENCIES": "*",
        "STRIPE_DEFAULT_PUBLISHABLE_KEY": f"pk_live_{secrets.token_hex(16)}",
        "STRIPE_DEFAULT_SECRET_KEY": f"sk_live_{secrets.token_hex(16)}",
        "STRIPE_DEFAULT_WEBHOOK_SECRETS": f"whsec_{secrets.token_hex(16)}",
    }


def passes(name: str, environment: Mapping[str, str]) -> bool:
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, *CHECKS[name]], cwd=ROOT, env=environment, check=False, text=True, capture_output=True
    )
    verdict = VERDICTS.get(done.returncode, "failed")
    print(f"{name}: {verdict} ({time.monotonic() - started:.1f} s)", flush=True)
    if done.returncode:
        print(done.stdout + done.stderr, flush=True)
    return done.returncode in VERDICTS


def main() -> int:
    names = sys.argv[1:] or list(CHECKS)
    unknown = set(names) - set(CHECKS)
    if unknown:
        print(f"no such check: {', '.join(sorted(unknown))}; there are {', '.join(CHECKS)}", file=sys.stderr)
        return 2
    verdicts = [passes(name, os.environ) for name in names if name in SOURCE_CHECKS]
    if not PRODUCTION_CHECKS.keys().isdisjoint(names):
        try:
            with temporary_server() as database_url:
                environment = production(database_url)
                verdicts += [passes(name, environment) for name in names if name in PRODUCTION_CHECKS]
        except StepError as error:
            print(error, file=sys.stderr)
            return 1
    return 0 if all(verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
