"""What a migration may do while the version before it is still running: CONTRIBUTING.md, "A migration"."""

from collections.abc import Iterator
from typing import Any

from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import connection
from django.db.migrations import Migration, operations
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState
from django.db.models import NOT_PROVIDED, ManyToManyField

# Of each app the last migration that is older than the rule.
OLDER = {"billing": 4, "core": 6, "finance": 6, "orders": 11, "webhooks": 6}
# The class attribute by which a migration says why both versions can live with what stands in `findings` of it.
REASON = "both_versions"

HARMLESS = (
    operations.CreateModel,
    operations.AlterModelOptions,
    operations.AlterModelManagers,
    operations.AlterModelTableComment,
    operations.RemoveConstraint,
    AddIndexConcurrently,
    RemoveIndexConcurrently,
)


def is_older(app: str, name: str) -> bool:
    return int(name.partition("_")[0]) <= OLDER.get(app, 0)


def findings(migration: Migration, state: ProjectState) -> Iterator[str]:
    """What the version before could not live with, by operation, unless the migration says why it can.

    `state` is that before the migration, and is changed.
    """
    if getattr(migration, REASON, ""):
        return
    made = {operation.name_lower for operation in migration.operations if isinstance(operation, operations.CreateModel)}
    for operation in migration.operations:
        before = state.clone()
        operation.state_forwards(migration.app_label, state)
        for change in changes_of_tables(operation):
            if getattr(change, "model_name_lower", None) in made or isinstance(change, HARMLESS):
                continue
            if not is_bearable(change, migration.app_label, before, state):
                yield change.describe()


def changes_of_tables(operation: Operation) -> list[Operation]:
    """A field may leave the code in one release and its column the table in the next: the former changes no table."""
    if isinstance(operation, operations.SeparateDatabaseAndState):
        return [change for inner in operation.database_operations for change in changes_of_tables(inner)]
    return [operation]


def is_bearable(change: Operation, app: str, before: ProjectState, after: ProjectState) -> bool:
    if isinstance(change, operations.AddField):
        return is_filled_by_itself(change.field)
    if isinstance(change, operations.AlterField):
        return loosens(change, app, before, after)
    return False


def is_filled_by_itself(field: Any) -> bool:
    """An INSERT that does not name the column succeeds (Django's own default is no column's), and no index is built."""
    has_value = field.null or field.db_default is not NOT_PROVIDED
    return isinstance(field, ManyToManyField) or (has_value and not (field.unique or field.db_index))


def loosens(change: operations.AlterField, app: str, before: ProjectState, after: ProjectState) -> bool:
    """It concerns the code alone, or lets more of an INSERT succeed."""
    with connection.schema_editor(collect_sql=True, atomic=False) as editor:
        change.database_forwards(app, editor, before, after)
    statements = [statement for statement in editor.collected_sql if not statement.startswith("--")]
    return all(statement.endswith(" DROP NOT NULL;") or " SET DEFAULT " in statement for statement in statements)
