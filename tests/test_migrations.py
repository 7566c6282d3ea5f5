"""While web is replaced the version before runs on the tables of the new one, and it runs again after a rollback."""

import pytest
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import models
from django.db.migrations import Migration, operations
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from tests.both_versions import OLDER, findings, is_older

# What a change of a field does to its table is asked of the database's own back end.
pytestmark = pytest.mark.django_db

INDEX = models.Index(fields=["name"], name="thing_name")
THING = operations.CreateModel(
    "Thing", [("id", models.BigAutoField(primary_key=True)), ("name", models.CharField(max_length=20))]
)


def test_every_migration_is_one_that_both_versions_can_live_with() -> None:
    loader = MigrationLoader(None)
    new = {
        key: migration for key, migration in loader.disk_migrations.items() if key[0] in OLDER and not is_older(*key)
    }
    found = {key: list(findings(migration, loader.project_state(key, at_end=False))) for key, migration in new.items()}
    assert {key: problems for key, problems in found.items() if problems} == {}, "CONTRIBUTING.md, A migration"


def found(*made: Operation, **attributes: str) -> list[str]:
    state = ProjectState()
    THING.state_forwards("orders", state)
    migration = type("Made", (Migration,), {"operations": list(made), **attributes})("0099_made", "orders")
    return list(findings(migration, state))


@pytest.mark.parametrize(
    "operation",
    [
        operations.AddField("Thing", "size", models.IntegerField(null=True)),
        operations.AddField("Thing", "size", models.IntegerField(db_default=0)),
        operations.AddField("Thing", "things", models.ManyToManyField("orders.Thing")),
        operations.AlterField("Thing", "name", models.CharField(max_length=20, choices=[("a", "A")], default="a")),
        operations.AlterField("Thing", "name", models.CharField(max_length=20, null=True)),
        operations.AlterField("Thing", "name", models.CharField(max_length=20, db_default="a")),
        AddIndexConcurrently("Thing", INDEX),
        operations.SeparateDatabaseAndState(state_operations=[operations.RemoveField("Thing", "name")]),
        operations.AlterModelOptions("Thing", {"ordering": ["name"]}),
    ],
    ids=lambda operation: operation.describe(),
)
def test_what_only_adds_is_let_through(operation: Operation) -> None:
    assert found(operation) == []


@pytest.mark.parametrize(
    "operation",
    [
        operations.RemoveField("Thing", "name"),
        operations.RenameField("Thing", "name", "title"),
        operations.DeleteModel("Thing"),
        operations.RenameModel("Thing", "Ware"),
        operations.AlterModelTable("Thing", "wares"),
        operations.AddField("Thing", "size", models.IntegerField(default=0)),
        operations.AddField("Thing", "size", models.IntegerField(null=True, unique=True)),
        operations.AlterField("Thing", "name", models.CharField(max_length=10)),
        operations.AlterField("Thing", "name", models.CharField(max_length=20, unique=True)),
        operations.AddIndex("Thing", INDEX),
        operations.AddConstraint("Thing", models.CheckConstraint(condition=~models.Q(name=""), name="thing_named")),
        operations.SeparateDatabaseAndState(database_operations=[operations.RemoveField("Thing", "name")]),
        operations.RunSQL("SELECT 1"),
        operations.RunPython(operations.RunPython.noop),
    ],
    ids=lambda operation: operation.describe(),
)
def test_anything_else_says_why_both_versions_can_live_with_it(operation: Operation) -> None:
    assert len(found(operation)) == 1
    assert found(operation, both_versions="The version before has not read it since 0.3.0.") == []


def test_a_column_that_becomes_not_null_says_why() -> None:
    nullable = operations.AddField("Thing", "size", models.IntegerField(null=True))
    strict = operations.AlterField("Thing", "size", models.IntegerField())
    assert found(nullable, strict) == ["Alter field size on Thing"]


def test_a_table_that_is_new_may_have_any_index() -> None:
    ware = operations.CreateModel("Ware", THING.fields)
    assert found(ware, operations.AddIndex("Ware", models.Index(fields=["name"], name="ware_name"))) == []


def test_the_rule_begins_behind_migrations_that_are_there() -> None:
    last = {app: name for app, name in sorted(MigrationLoader(None).disk_migrations) if is_older(app, name)}
    assert {app: int(last[app][:4]) for app in OLDER} == OLDER
