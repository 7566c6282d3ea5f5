"""The application's database role: what PostgreSQL refuses it, and that web, worker and commands lack nothing by it.

Every test of this folder, and of the browser's, runs the shop by that role.
"""

import json

import psycopg
import pytest
from psycopg import sql
from psycopg.errors import InsufficientPrivilege

from tests.shop import Shop, Shopper, wait_for

REFUSED = [
    *(
        statement.format(table=table)
        for table in ("core_event", "core_checkpoint")
        for statement in (
            "DELETE FROM {table}",
            "TRUNCATE {table}",
            "ALTER TABLE {table} DISABLE TRIGGER USER",
            "DROP TRIGGER {table}_append_only ON {table}",
            "CREATE TRIGGER late BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION {table}_refuse_change()",
            "DROP FUNCTION {table}_refuse_change() CASCADE",
            "ALTER TABLE {table} OWNER TO CURRENT_USER",
            "DROP TABLE {table}",
            "LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE",
        )
    ),
    "UPDATE core_event SET kind = kind",
    "UPDATE core_checkpoint SET root = root",
    "SELECT setval('core_event_position_seq', 1)",
    "SET session_replication_role = replica",
    "ALTER ROLE CURRENT_USER SET session_replication_role = replica",
    "ALTER ROLE CURRENT_USER SUPERUSER",
    "SET ROLE {owner}",
    "GRANT {owner} TO CURRENT_USER",
    "CREATE TABLE mine (id int)",
    "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE SCHEMA mine",
    "ALTER TABLE orders_order ADD COLUMN mine int",
    "DROP TABLE orders_order",
    "TRUNCATE orders_order CASCADE",
    "INSERT INTO django_migrations (app, name, applied) VALUES ('core', '9999_mine', now())",
    "UPDATE django_migrations SET name = name",
    "DELETE FROM django_migrations",
]

# Every periodic job but the one that needs a worker's own context, every list of the admin, and commands.
EVERYTHING = """
import io, json, time
from django.contrib import admin
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from procrastinate.contrib.django import app

wrong, done = [], []
for periodic in list(app.periodic_registry.periodic_tasks.values()):
    if periodic.task.pass_context:
        continue
    try:
        periodic.task.func(timestamp=int(time.time()))
        done.append(periodic.task.name)
    except Exception as error:
        wrong.append(f"{periodic.task.name}: {error!r}")
client = Client()
client.force_login(User.objects.filter(is_superuser=True).first())
for model in admin.site._registry:
    path = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    status = client.get(path).status_code
    if status not in (200, 302):
        wrong.append(f"{path}: {status}")
    done.append(path)
for command in (
    "audit verify", "replay --check", "projections --check", "projections --rebuild", "forget forgotten@shop.example",
):
    try:
        call_command(*command.split(), stdout=io.StringIO(), stderr=io.StringIO())
        done.append(command)
    except (Exception, SystemExit) as error:
        wrong.append(f"{command}: {error!r}")
print(json.dumps({"wrong": wrong, "done": done}))
"""


@pytest.mark.parametrize("statement", REFUSED)
def test_postgresql_refuses_what_would_change_the_log_or_the_tables(running_shop: Shop, statement: str) -> None:
    named = sql.SQL(statement).format(owner=sql.Identifier(running_shop.roles.owner.name))
    with psycopg.connect(running_shop.application_url) as connection, pytest.raises(InsufficientPrivilege):
        connection.execute(named)


def test_web_worker_and_commands_lack_nothing(shop: Shop, shopper: Shopper) -> None:
    bought = shopper.buy()
    shop.stripe.pay(bought["url"], email="forgotten@shop.example")
    wait_for(lambda: shopper.read(f"/order/{bought['order_id']}/status")["state"] == "paid")

    told = json.loads(shop.manage("shell", "--no-imports", "-c", EVERYTHING).stdout.splitlines()[-1])
    assert told["wrong"] == []
    assert {"core.follow_log", "webhooks.purge_payloads", "/admin/orders/order/", "audit verify"} <= set(told["done"])
    assert shop.sql("SELECT task_name FROM procrastinate_jobs WHERE status = 'failed'") == []
