"""The files of a server, and what its operator does with them."""

import shutil
from pathlib import Path

from deploy.processes import ROOT
from tests.containers.docker import Project, run

NAME = "countersign-rehearsal"
DOMAIN = "shop.example"
# In the container `ca`.
AUTHORITY = "/data/caddy/pki/authorities/local/root.crt"
OF_A_SERVER = ("__pycache__", ".env", "live", "secrets", "settings.env")
SECRETS = {
    "stripe_default_secret_key": "sk_test_default",
    "stripe_default_webhook_secrets": "whsec_default",
    "email_url": "console:",
}
SETTINGS = """\
STRIPE_DEFAULT_PUBLISHABLE_KEY=pk_test_default
REFUND_LIMIT=10000
DJANGO_SUPERUSER_PASSWORD=root
CHECKOUTS_PER_ADDRESS=100000
"""
COUNTED = {"orders": "orders_order", "events": "core_event", "deliveries": "webhooks_delivery"}


class Server:
    """A copy of deploy/ in a folder of its own, as it lies on a server."""

    def __init__(self, folder: Path) -> None:
        self.deploy, self.backups = folder / "deploy", folder / "backups"
        shutil.copytree(ROOT / "deploy", self.deploy, ignore=shutil.ignore_patterns(*OF_A_SERVER))
        for name in ("rehearsal.yaml", "Caddyfile"):
            shutil.copy(Path(__file__).parent / name, self.deploy)
        self.backups.mkdir()
        self.remember(COMPOSE_PROJECT_NAME=NAME, DOMAIN=DOMAIN, ACME_EMAIL=f"ops@{DOMAIN}", BACKUPS=self.backups)
        self.remember(GENERATION=1)
        (self.deploy / "production" / "settings.env").write_text(SETTINGS)
        files = (Path("compose.production.yaml"), Path("rehearsal.yaml"))
        self.project = Project(NAME, self.deploy, *files, environment={"RELEASE": "r1"})

    def remember(self, **values: object) -> None:
        """In `.env`; what stands there before is overruled by what comes after."""
        with (self.deploy / ".env").open("a") as remembered:
            remembered.writelines(f"{name}={value}\n" for name, value in values.items())

    def script(self, name: str, *arguments: str) -> str:
        environment = {"COMPOSE": " ".join(self.project.command), "KEEP": "2"}
        written = run(["sh", f"production/{name}", *arguments], folder=self.deploy, environment=environment)
        print(f"$ {name} {' '.join(arguments)}\n{written.strip()}", flush=True)
        return written

    def bring_secrets(self) -> None:
        folder = self.deploy / "production" / "secrets"
        folder.mkdir()
        for name, value in SECRETS.items():
            (folder / name).write_text(value)
        self.script("secrets.sh")

    def sql(self, statement: str, role: str = "countersign") -> str:
        psql = ("psql", "--dbname=countersign", f"--username={role}", "--no-align", "--tuples-only")
        return self.project.compose("exec", "-T", "database", *psql, f"--command={statement}").strip()

    def count(self) -> dict[str, int]:
        """What must be the same after a restore."""
        return {what: int(self.sql(f"SELECT count(*) FROM {table}")) for what, table in COUNTED.items()}  # noqa: S608 see there

    def authority(self) -> Path:
        """The certificate of who signed the shop's."""
        path = self.deploy / "authority.pem"
        path.write_text(self.project.compose("exec", "-T", "ca", "cat", AUTHORITY))
        return path
