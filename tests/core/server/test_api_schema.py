"""`/api/stageline/1` does what its OpenAPI document says, whatever it is sent; the document is whole."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable

from stageline.server.api.app import PREFIX
from stageline.server.app import create_app
from stageline.workspace import Workspace

schemathesis = pytest.importorskip(
    "schemathesis", reason="schemathesis is in the environment of Prefect alone"
)

EXAMPLES = 15
METHODS = ("get", "put", "post", "delete", "patch")


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The application over a store with something of everything."""
    folder: Path = tmp_path_factory.mktemp("api")
    workspace = Workspace.open(folder / "store", cache=str(folder / "cache"), user="ann")
    registry = workspace.registry
    with workspace.runs.create(run_name="train") as run:
        run.log_metric("rmse", 0.5)
    for number in (1, 2):
        registry.register("wine", run_id=run.run_id, source=f"s3://models/{number}")
    registry.transition("wine", 1, "Production")
    registry.transition("wine", 2, "Production", archive_existing=True)
    registry.request_transition("wine", 1, "Staging")
    app = create_app(workspace)
    yield app
    app.state.replica.close()


KNOWN = {"name": "wine", "version": 1, "number": 1, "stage": "Production"}
"""What is there, in place of what hypothesis makes up, for half of the requests."""


@pytest.mark.parametrize("mode", ["positive", "negative"])
def test_answers_are_those_that_the_document_declares(api: Any, mode: str) -> None:
    schema = schemathesis.openapi.from_asgi(f"{PREFIX}/openapi.json", api)
    generation = schemathesis.GenerationMode(mode)
    run_id = str(api.state.replica.workspace.search_runs(["0"])[0].info.run_id)
    asked = 0
    # All by one test: schemathesis' own decorator does not know this pytest.
    for found in schema.get_all_operations():
        operation = found.ok()
        if operation.path.endswith("/events/stream"):
            continue  # it does not end; test_api_events reads it
        try:
            cases = operation.as_strategy(generation_mode=generation)
            asked += ask_all(cases, {**KNOWN, "run_id": run_id})
        except Unsatisfiable:
            assert mode == "negative", operation.label  # nothing about it can be wrong
    assert asked > 100


def ask_all(cases: Any, known: dict[str, Any]) -> int:
    """Send what hypothesis makes of an operation, and check each answer; how many there were."""
    asked = 0

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases, is_known=st.booleans())
    def check(case: Any, is_known: bool) -> None:
        nonlocal asked
        asked += 1
        if is_known:
            case.path_parameters = {
                name: known.get(name, value) for name, value in case.path_parameters.items()
            }
        if "wait" in (case.query or {}):
            case.query = {**case.query, "wait": 0}
        case.call_and_validate(checks=_checks())

    check()
    return asked


def _checks() -> list[Any]:
    from schemathesis import checks

    checks.load_all_checks()
    return [
        checks.not_a_server_error,
        checks.status_code_conformance,
        checks.content_type_conformance,
        checks.response_schema_conformance,
        checks.response_headers_conformance,
    ]


def document(api: Any) -> Any:
    return api.state.api.openapi()


def operations(api: Any) -> list[tuple[str, Any]]:
    return [
        (f"{method} {path}", operation)
        for path, item in document(api)["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    ]


def test_document_is_of_openapi_3_1_and_names_where_it_is(api: Any) -> None:
    assert document(api)["openapi"].startswith("3.1")
    assert document(api)["info"]["title"] == "Stageline"


def test_every_operation_is_described_and_declares_its_errors(api: Any) -> None:
    for name, operation in operations(api):
        assert operation["description"], name
        assert operation["tags"], name
        assert {"400", "403", "404", "429", "503"} <= set(operation["responses"]), name
        assert "422" not in operation["responses"], name
    ids = [operation["operationId"] for _, operation in operations(api)]
    assert len(set(ids)) == len(ids)


def test_every_field_that_is_sent_is_declared_by_a_schema_with_a_type(api: Any) -> None:
    for name, operation in operations(api):
        for parameter in operation.get("parameters", ()):
            assert parameter["schema"], (name, parameter)
        for media in operation.get("requestBody", {}).get("content", {}).values():
            assert "$ref" in media["schema"], name
