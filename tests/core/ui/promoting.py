"""Models on their way, for the tests of their pages: real runs, versions and policies; ann asks, bob approves."""

from __future__ import annotations

import msgspec
from reading import Element, Reader, parsed

from stageline.domain.run import DatasetInput, DatasetRef
from stageline.registry import MetricRule, Policy, SignatureRule
from stageline.workspace import Workspace

MLMODEL = """flavors:
  sklearn: {{pickled_model: model.pkl}}
signature:
  inputs: '[{{"type": "double", "name": "alcohol", "required": true}}{more}]'
"""
MORE = ', {"type": "double", "name": "sulphates", "required": false}'
POLICY = Policy(
    rules=(MetricRule(condition="metrics.rmse < 0.8"), SignatureRule()),
    approvals=1,
    approvers=("bob", "ann"),
)


def trained(
    workspace: Workspace, rmse: float, *, alpha: float = 0.1, digest: str = "d1", more: str = ""
) -> str:
    """A run with a model, its data and a signature; its id."""
    ref = DatasetRef(namespace="s3://data", name="wine.csv", digest=digest, source_type="s3")
    tags = {"mlflow.source.git.commit": "0123456789abcdef", "mlflow.source.git.branch": "main"}
    with workspace.runs.create(run_name=f"sweep {rmse}", tags=tags) as run:
        run.log_inputs([DatasetInput(ref, {})])
        run.log_params({"alpha": alpha})
        run.log_metrics({"rmse": rmse})
        files = workspace.artifacts(run.run_id)
        files.log_text(MLMODEL.format(more=more), "model/MLmodel")
    return run.run_id


def registered(workspace: Workspace, rmse: float, name: str = "wine", **how: str) -> int:
    """A version of a run's model."""
    run_id = trained(workspace, rmse, **how)  # type: ignore[arg-type]
    return workspace.registry.register(name, run_id=run_id, artifact_path="model").version


def with_policy(workspace: Workspace, policy: Policy = POLICY) -> None:
    """Version 1 is in Production, 2 is better than it, 3 is worse than the policy allows."""
    for number, rmse in enumerate((0.7, 0.6, 0.9), start=1):
        more = MORE if number == 2 else ""
        registered(workspace, rmse, digest=f"d{number}", more=more)
    workspace.registry.transition("wine", 1, "Production")
    workspace.registry.set_policy("wine", "Production", policy)


def as_user(workspace: Workspace, name: str) -> Reader:
    """The pages, as somebody else sees them."""
    settings = msgspec.structs.replace(workspace.settings, user=name)
    return Reader(Workspace(workspace.store, settings, workspace.clock))


def stages(workspace: Workspace, name: str = "wine") -> dict[int, str]:
    return {one.version: one.current_stage for one in workspace.registry.versions(name)}


def entries(workspace: Workspace, name: str = "wine") -> int:
    """How many things happened."""
    return len(workspace.registry.history(name))


def form_with(page: Element, button: str) -> dict[str, str]:
    """What pressing the button with these words sends, with the address under `action`."""
    found = [one for one in page.all("button") if one.text == button]
    assert len(found) == 1, (button, [one.text for one in page.all("button")])
    pressed, form = found[0], found[0].parent
    assert "disabled" not in pressed.attributes
    while form is not None and form.tag != "form":
        form = form.parent
    assert form is not None
    assert form["method"] == "post"
    fields = {one["name"]: one.get("value") or "" for one in form.all("input")}
    if pressed.get("name"):
        fields[pressed["name"]] = pressed.get("value") or ""
    return {"action": form["action"], **fields}


def press(reader: Reader, path: str, button: str, *, status: int = 200, **typed: str) -> Element:
    """Open a page, fill the form of a button, and press it."""
    fields = {**form_with(reader.page(path), button), **typed}
    answer = reader.post(fields.pop("action"), data=fields)
    assert answer.status_code == status, (answer.status_code, answer.text[-2000:])
    return parsed(answer.text)


def rows(page: Element) -> list[list[str]]:
    """The cells of the first table of the page."""
    body = page.all("table")[0].one("tbody")
    return [
        [cell.text for cell in row.content if isinstance(cell, Element)] for row in body.all("tr")
    ]
