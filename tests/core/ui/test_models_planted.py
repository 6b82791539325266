"""Scripts that somebody planted in what is stored are shown as text, and links that would run go nowhere."""

from __future__ import annotations

import pytest
from promoting import press, registered
from reading import Element, Reader

from stageline.registry import Policy
from stageline.workspace import Workspace

EVIL = "<img src=x onerror=alert(1)>\"'<b>"
SCRIPT = "<script>alert(1)</script>"
NAME = "wine <img src=x onerror=alert(1)>"


@pytest.fixture
def planted(workspace: Workspace) -> Workspace:
    registry = workspace.registry
    for rmse in (0.7, 0.6):
        registered(workspace, rmse, NAME)
    registry.transition(NAME, 1, "Production", reason=EVIL)
    registry.set_policy(NAME, "Production", Policy(approvals=1))
    registry.set_description(
        NAME, f"{SCRIPT} {EVIL} [go](javascript:alert(1)) ![x](https://e.example/x)"
    )
    registry.set_version_description(NAME, 2, f"{SCRIPT} <a href='javascript:alert(1)'>go</a>")
    registry.set_tag(NAME, "evil", EVIL)
    registry.set_version_tag(NAME, 2, "evil", SCRIPT)
    registry.annotate(NAME, 2, SCRIPT)
    registry.set_deployment(NAME, 1, EVIL, url="javascript:alert(1)", link="javascript:alert(2)")
    registry.request_transition(
        NAME, 2, "Production", archive_existing=True, comment=SCRIPT, actor=EVIL
    )
    return workspace


PAGES = (
    "/models",
    f"/models/{NAME}",
    f"/models/{NAME}/versions/1",
    f"/models/{NAME}/versions/2",
    f"/models/{NAME}/history",
    f"/models/{NAME}/compare",
    "/requests",
    "/lineage",
    f"/lineage?of=models:/{NAME}",
)


@pytest.mark.parametrize("path", PAGES)
def test_nothing_planted_comes_through(planted: Workspace, path: str) -> None:
    page = Reader(planted).page(path)
    assert "alert(1)" in page.text  # it is shown: as text
    for element in page.all():
        assert not _runs(element), element


def _runs(element: Element) -> bool:
    is_script = element.tag == "script" and not (element.get("src") or "").startswith("/static/")
    is_data = element.get("type") == "application/json"
    handlers = [name for name in element.attributes if name.startswith("on") or name == "style"]
    addresses = [element.get(name) or "" for name in ("href", "src", "action", "xlink:href")]
    leads_out = [one for one in addresses if one and not one.startswith(("/", "#"))]
    return bool((is_script and not is_data) or handlers or element.tag == "img" or leads_out)


def test_a_name_with_marks_of_addresses_is_found(workspace: Workspace, reader: Reader) -> None:
    name = "50% of #1 & more?"
    registered(workspace, 0.7, name)
    page = reader.page("/models")
    (link,) = (one for one in page.all("a") if one.text == name)
    assert reader.page(link["href"]).one("h1").text == name
    page = press(reader, link["href"], "Set", key="a", value="b")
    assert page.one("h1").text == name
    assert workspace.registry.get(name).tags == {"a": "b"}
