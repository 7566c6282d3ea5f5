"""The database alone: the SQL of one delivery, sent by PostgreSQL's own pgbench."""

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from deploy.bench.load import CONNECTIONS
from deploy.bench.specimen import Specimen
from deploy.postgres_binaries import find_programs, server_user
from deploy.processes import StepError

# A number of its own for each transaction of each client, twelve digits long.
NUMBERS = """\\set turn :turn + 1
\\set order :base + :client_id * :turns + :turn - 1
"""
# The rows whose ids the database draws: a SELECT of one tells its id, by which a later UPDATE names it.
READ = re.compile(r'SELECT "id", .* FROM "webhooks_(\w+)" ')
DRAWN_ID = re.compile(r'(UPDATE "webhooks_(\w+)" SET .* WHERE "id" = )\d+')


def find_pgbench() -> Path | None:
    """That of the embedded server, else the system's."""
    try:
        beside_the_server = find_programs(server_user()).folder / "pgbench"
    except StepError:
        beside_the_server = Path()
    if beside_the_server.is_file():
        return beside_the_server
    on_path = shutil.which("pgbench")
    return Path(on_path) if on_path else None


def script(specimen: Specimen) -> str:
    """The transaction as pgbench reads it."""
    lines = []
    for statement in specimen.statements:
        text = specimen.copied(statement.strip(), ":order")
        text = DRAWN_ID.sub(r"\1:\2_id", text)
        read = READ.match(text)
        lines.append(f"{text} \\gset {read[1]}_" if read else f"{text};")
    return NUMBERS + "\n".join(lines) + "\n"


def run_pgbench(program: Path, database_url: str, specimen: Specimen, numbers: range) -> float:
    """Transactions per second over as many connections as the other side has; pays the orders of these numbers."""
    turns = len(numbers) // CONNECTIONS
    variables = {"base": numbers.start, "turns": turns, "turn": 0}
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(script(specimen))
        file.flush()
        command = [str(program), "--no-vacuum", f"--file={file.name}", f"--client={CONNECTIONS}", "--jobs=2"]
        command += [f"--transactions={turns}", *(f"--define={name}={value}" for name, value in variables.items())]
        done = subprocess.run([*command, database_url], check=False, capture_output=True, text=True)
    if done.returncode:
        raise StepError(f"pgbench failed:\n{done.stderr}")
    return rate(done.stdout)


def rate(output: str) -> float:
    """Without the time that connecting took."""
    found = re.search(r"^tps = ([\d.]+)", output, re.MULTILINE)
    if found is None:
        raise StepError(f"pgbench said something unexpected:\n{output}")
    return float(found[1])
