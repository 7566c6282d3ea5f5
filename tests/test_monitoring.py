"""The alerts and the dashboard ask for what /metrics tells, and every alert says what to do."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.test import Client

from tests.exposed import series_names

ROOT = Path(__file__).resolve().parent.parent
MONITORING = ROOT / "deploy/monitoring"
# What Prometheus itself says of each target.
ITS_OWN = {"up"}


def alerts() -> list[dict[str, Any]]:
    [group] = yaml.safe_load((MONITORING / "alerts.yml").read_text())["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found


def panels() -> list[dict[str, Any]]:
    found = json.loads((MONITORING / "dashboard.json").read_text())["panels"]
    return [panel for panel in found if panel["type"] != "row"]


def series_in(expression: str) -> set[str]:
    """The names that are followed by a matcher, a range or the end of an argument, and are no function or label."""
    without_texts = re.sub(r'"[^"]*"', '""', expression)
    without_labels = re.sub(r"\b(?:by|on|without) \([^)]*\)", "", without_texts)
    without_matchers = re.sub(r"\{[^}]*\}", "", without_labels)
    names = set(re.findall(r"\b[a-z_][a-z0-9_]*\b(?!\s*\()", without_matchers))
    return names - {"and", "or", "unless", "m", "s", "h"}


@pytest.fixture
def exported(db: None, client: Client, settings: Any) -> set[str]:
    settings.METRICS_TOKEN = "for-prometheus-alone"
    answer = client.get("/metrics", headers={"Authorization": f"Bearer {settings.METRICS_TOKEN}"})
    return series_names(answer.content.decode())


def headings() -> set[str]:
    """As anchors, the way that GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", (ROOT / "docs/operations.md").read_text(), re.MULTILINE)
    return {re.sub(r"[^a-z0-9 _-]", "", title.lower()).replace(" ", "-") for title in titles}


def test_every_alert_asks_for_what_is_there(exported: set[str]) -> None:
    asked = {name for alert in alerts() for name in series_in(alert["expr"])}
    assert asked - exported - ITS_OWN == set()
    assert len(asked) > 10


def test_every_panel_asks_for_what_is_there(exported: set[str]) -> None:
    shown = panels()
    for panel in shown:
        for target in panel["targets"]:
            assert series_in(target["expr"]) - exported - ITS_OWN == set(), panel["title"]
    assert len({panel["title"] for panel in shown}) == len(shown) > 15


def test_everything_that_is_told_is_on_the_dashboard_or_in_an_alert(exported: set[str]) -> None:
    shown = {name for panel in panels() for target in panel["targets"] for name in series_in(target["expr"])}
    watched = shown | {name for alert in alerts() for name in series_in(alert["expr"])}
    families = {re.sub(r"_(?:bucket|sum|count|total)$", "", name) for name in watched}
    ours = {name for name in exported if name.startswith("countersign_")}
    # Its age is watched by the events that it does not cover: a shop that sells nothing makes none.
    told = {re.sub(r"_(?:bucket|sum|count|total)$", "", name) for name in ours} - {"countersign_checkpoint_age_seconds"}
    assert told - families == set()


def test_every_alert_says_what_it_is_how_bad_and_what_to_do() -> None:
    told = alerts()
    assert len({alert["alert"] for alert in told}) == len(told)
    for alert in told:
        assert alert["labels"]["severity"] in {"page", "ticket"}
        assert alert["annotations"]["summary"].endswith(".")
        page, _, anchor = alert["annotations"]["runbook"].partition("#")
        assert (page, anchor) == ("docs/operations.md", alert["alert"].lower())
        assert anchor in headings()


def test_alerts_name_targets_that_are_scraped() -> None:
    scraped = yaml.safe_load((MONITORING / "prometheus.yml").read_text())
    jobs = {job["job_name"] for job in scraped["scrape_configs"]}
    texts = [(MONITORING / name).read_text() for name in ("alerts.yml", "dashboard.json")]
    asked = {name for text in texts for name in re.findall(r'job=\\?"([^"\\]+)', text)}
    assert asked == jobs
    assert scraped["rule_files"] == ["alerts.yml"]
