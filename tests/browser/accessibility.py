"""axe-core on a page: the rules of WCAG 2.0, 2.1 and 2.2 at levels A and AA.

Source: github.com/dequelabs/axe-core/blob/develop/doc/API.md (run options).
"""

from collections.abc import Iterator
from importlib.resources import files
from typing import Any

from playwright.sync_api import Page

AXE = (files("axe_playwright_python") / "axe.min.js").read_text()
LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
OPTIONS = {
    "runOnly": {"type": "tag", "values": LEVELS},
    # axe leaves this one out unless it is asked for, though WCAG 2.2 AA has it (2.5.8).
    "rules": {"target-size": {"enabled": True}},
    # What stands in frames is Stripe's; axe would wait there for an answer that nobody gives.
    "iframes": False,
    "resultTypes": ["violations"],
}


def assert_accessible(page: Page) -> None:
    found = list(violations(page))
    assert not found, "\n".join([page.url, *found])


def violations(page: Page) -> Iterator[str]:
    """Each element that breaks a rule, with what axe says of it, in one line.

    The script is given over the debugger's protocol, which the page's Content-Security-Policy doesn't govern.
    """
    if not page.evaluate("'axe' in window"):
        page.evaluate(f"() => {{ {AXE} }}")
    results: dict[str, Any] = page.evaluate("options => axe.run(document, options)", OPTIONS)
    for violation in results["violations"]:
        for node in violation["nodes"]:
            why = " ".join(node["failureSummary"].split())
            yield f"{violation['id']} ({violation['help']}): {node['target'][0]} {node['html'][:160]} {why}"
