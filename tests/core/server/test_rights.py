"""What a caller may do: nothing that their token does not say, whatever path leads there."""

from __future__ import annotations

import json
from collections.abc import Iterator

import msgspec
import pytest
from asking import API, Reply
from knocking import Knocking, Who
from starlette.routing import Mount, Route

from stageline.registry import Policy
from stageline.server.app import REGISTRY, TRACKING
from stageline.server.auth.endpoint_rules import RULES
from stageline.server.auth.paths import PUBLIC, is_judged_later
from stageline.server.endpoint import Endpoint
from stageline.workspace import Workspace

OURS, THEIRS = "team-a/wine", "team-b/secret"


@pytest.fixture
def server(workspace: Workspace) -> Iterator[Knocking]:
    with Knocking(workspace) as knocking:
        yield knocking


@pytest.fixture
def root(server: Knocking) -> Who:
    return server.who("admin", name="root")


@pytest.fixture
def ann(server: Knocking) -> Who:
    return server.who("write", "promote", experiments=["team-a/*"], models=["team-a-*"])


class House:
    """Two teams' experiments, runs, files and models."""

    def __init__(self, root: Who) -> None:
        self.experiments = {name: root.experiment(name) for name in (OURS, THEIRS)}
        self.runs = {name: root.run(one) for name, one in self.experiments.items()}
        self.logged = {}
        for name, run_id in self.runs.items():
            for metric in range(2):
                root.post(
                    "runs/log-metric", run_id=run_id, key="m", value=1, timestamp=1, step=metric
                )
            assert root.ask("PUT", self.file(name), b"flavors: {}\n").status == 200
            made = root.post(
                "logged-models",
                experiment_id=self.experiments[name],
                name="model",
                source_run_id=run_id,
            )
            self.logged[name] = made.json["model"]["info"]["model_id"]
        for name, team in ((OURS, "team-a-wine"), (THEIRS, "team-b-wine")):
            assert root.post("registered-models/create", name=team).status == 200
            made = root.post(
                "model-versions/create",
                name=team,
                source=f"runs:/{self.runs[name]}/model",
                run_id=self.runs[name],
            )
            assert made.status == 200, made

    def file(self, name: str) -> str:
        return f"/api/2.0/mlflow-artifacts/artifacts/{self.experiments[name]}/{self.runs[name]}/artifacts/model/MLmodel"


@pytest.fixture
def house(root: Who) -> House:
    return House(root)


def denied(reply: Reply) -> bool:
    return (reply.status, reply.code) == (403, "PERMISSION_DENIED")


# -- nothing is forgotten ---------------------------------------------------------------------------------


def test_every_endpoint_has_a_rule(server: Knocking) -> None:
    table = server.protocol_endpoints()
    assert {(one.method, one.path) for one in (*TRACKING, *REGISTRY)} <= {
        (one.method, one.path) for one in table
    }
    for endpoint in table:
        assert (endpoint.method, endpoint.path) in RULES, endpoint


def test_every_route_is_judged_by_somebody(server: Knocking) -> None:
    routes = server.app.routes
    assert routes
    for route in routes:
        assert isinstance(route, (Route, Mount)), route
        assert route.path in PUBLIC or is_judged_later(route.path), route.path


def test_endpoint_without_a_rule_is_shut(workspace: Workspace) -> None:
    from stageline.server.endpoint import Nothing

    with Knocking(
        workspace,
        endpoints=(Endpoint("GET", "forgotten", Nothing, lambda call, ask: {"secret": 1}),),
    ) as server:
        assert denied(server.who("read", "write", "promote").get("forgotten"))


@pytest.mark.parametrize(
    "path",
    ["/forgotten", "/api", "/admin", "/docs", "/openapi.json", "/graphql", "/ajax-api/2.0/x"],
)
def test_path_that_nobody_judges_is_shut(server: Knocking, path: str) -> None:
    assert denied(server.who("read", "write", "promote").ask("GET", path))
    assert server.nobody.ask("GET", path).status == 401


@pytest.mark.parametrize(
    "endpoint", [*TRACKING, *REGISTRY], ids=lambda one: f"{one.method} {one.path}"
)
def test_caller_without_rights_here_gets_nothing_from_any_endpoint(
    server: Knocking, house: House, endpoint: Endpoint
) -> None:
    """Each field that could name something of others does so."""
    eve = server.who("read", "write", "promote", experiments=["nothing"], models=["nothing"])
    run_id, model_id = house.runs[THEIRS], house.logged[THEIRS]
    named = {
        "experiment_id": house.experiments[THEIRS], "experiment_ids": [house.experiments[THEIRS]],
        "experiment_name": THEIRS,
        "run_id": run_id, "run_uuid": run_id, "run_ids": [run_id], "source_run_id": run_id, "model_id": model_id,
        "name": "team-b-wine" if "model" in endpoint.path else THEIRS, "new_name": "nothing", "version": "1",
        "source": f"runs:/{run_id}/model", "metric_key": "m", "key": "k", "value": "1", "alias": "a",
        "stage": "Production", "max_results": 5, "webhook_id": "x",
    }  # fmt: skip
    fields = {one.encode_name: one for one in msgspec.structs.fields(endpoint.ask)}
    ask = {name: value for name, value in named.items() if name in fields}
    if endpoint.path.startswith("metrics/get-history-bulk"):
        ask["run_id"] = [run_id]
    path = endpoint.path.format(model_id=model_id, tag_key="k", webhook_id="x")
    reply = (
        eve.get(path, **ask) if endpoint.method == "GET" else eve.send(endpoint.method, path, **ask)
    )
    if reply.status == 200:  # lists are empty, and of the server itself there is no secret
        shown = {key: value for key, value in reply.json.items() if isinstance(value, list)}
        assert not any(shown.values()), reply
        assert shown or endpoint.path in ("server-info",) or reply.json == {}, reply
        assert endpoint.method == "GET" or endpoint.path.endswith("search"), reply
    else:
        assert reply.status in (403, 404), reply
    for secret in (run_id, THEIRS, "team-b-wine"):
        assert secret not in json.dumps(reply.json) or secret in json.dumps(ask), reply


# -- what each right is good for --------------------------------------------------------------------------


def test_reader_reads_and_changes_nothing(server: Knocking, house: House) -> None:
    reader = server.who("read")
    assert reader.get("runs/get", run_id=house.runs[OURS]).status == 200
    assert reader.ask("GET", house.file(OURS)).content == b"flavors: {}\n"
    changes = [
        ("experiments/create", {"name": "x"}), ("runs/create", {"experiment_id": "0"}),
        ("runs/log-metric", {"run_id": house.runs[OURS], "key": "m", "value": 1, "timestamp": 1}),
        ("runs/log-batch", {"run_id": house.runs[OURS]}), ("runs/delete", {"run_id": house.runs[OURS]}),
        ("registered-models/create", {"name": "x"}),
        ("webhooks", {"name": "x", "url": "https://example.com", "events": []}),
        ("model-versions/transition-stage", {"name": "team-a-wine", "version": "1", "stage": "Production"}),
        ("registered-models/alias", {"name": "team-a-wine", "version": "1", "alias": "a"}),
    ]  # fmt: skip
    for path, body in changes:
        assert denied(reader.post(path, **body)), path
    for method in ("PUT", "DELETE"):
        assert denied(reader.ask(method, house.file(OURS), b"x")), method


def test_writer_does_not_promote_and_promoter_does_not_write(
    server: Knocking, house: House
) -> None:
    writer, promoter = server.who("write"), server.who("promote", name="bob")
    to_production = {"name": "team-a-wine", "version": "1", "stage": "Production"}
    assert denied(writer.post("model-versions/transition-stage", **to_production))
    assert denied(writer.send("DELETE", "registered-models/delete", name="team-a-wine"))
    assert denied(promoter.post("runs/create", experiment_id="0"))
    moved = promoter.post("model-versions/transition-stage", **to_production)
    assert moved.json["model_version"]["current_stage"] == "Production"


def test_writer_asks_and_takes_back_where_promoters_answer(
    server: Knocking, house: House, workspace: Workspace
) -> None:
    writer, promoter = server.who("write"), server.who("promote", name="bob")
    policy = Policy(approvals=1)
    workspace.registry.set_policy("team-a-wine", "Production", policy)
    requests = "/api/stageline/1/models/team-a-wine/requests"
    wanted = b'{"version": 1, "stage": "Production"}'
    assert denied(server.who("read").ask("POST", requests, wanted))
    assert writer.ask("POST", requests, wanted).status == 201
    for answer in ("approve", "reject"):
        assert denied(writer.ask("POST", f"{requests}/1/{answer}", b"{}"))
    assert writer.ask("POST", f"{requests}/1/cancel", b"{}").json["status"] == "cancelled"
    assert writer.ask("POST", requests, wanted).status == 201
    assert promoter.ask("POST", f"{requests}/2/approve", b"{}").json["status"] == "approved"


def test_history_says_who_did_it(server: Knocking, house: House, workspace: Workspace) -> None:
    server.who("promote", name="bob").post(
        "registered-models/alias", name="team-a-wine", version="1", alias="champion"
    )
    assert workspace.registry.history("team-a-wine")[-1].actor == "bob"


def test_webhooks_are_the_administrators(server: Knocking, root: Who) -> None:
    assert denied(server.who("read", "write", "promote").get("webhooks"))
    assert denied(server.who("admin", models=["team-a-*"]).get("webhooks"))
    assert root.get("webhooks").status == 200


# -- whose things -----------------------------------------------------------------------------------------


def test_lists_and_searches_show_what_may_be_read(ann: Who, house: House) -> None:
    found = ann.post("experiments/search", max_results=100).json["experiments"]
    assert [one["name"] for one in found] == [OURS]
    runs = ann.post("runs/search", experiment_ids=list(house.experiments.values())).json["runs"]
    assert [one["info"]["run_id"] for one in runs] == [house.runs[OURS]]
    models = ann.get("registered-models/search").json["registered_models"]
    assert [one["name"] for one in models] == ["team-a-wine"]
    versions = ann.get("model-versions/search", filter="name = 'team-b-wine'").json
    assert not versions.get("model_versions")
    logged = ann.post("logged-models/search", experiment_ids=list(house.experiments.values())).json
    assert {one["info"]["model_id"] for one in logged["models"]} == {house.logged[OURS]}


def test_run_is_judged_by_its_own_experiment(ann: Who, house: House) -> None:
    theirs = house.runs[THEIRS]
    assert denied(ann.get("runs/get", run_id=theirs))
    assert denied(ann.get("runs/get", run_id=house.runs[OURS], run_uuid=theirs))
    assert denied(
        ann.get("metrics/get-history-bulk", run_id=[house.runs[OURS], theirs], metric_key="m")
    )
    assert denied(ann.post("runs/log-batch", run_id=theirs, metrics=[]))
    assert denied(ann.post("runs/log-metric", run_uuid=theirs, key="m", value=1, timestamp=1))
    assert (
        ann.post("runs/log-metric", run_id=house.runs[OURS], key="m", value=1, timestamp=1).status
        == 200
    )
    # The body alone says which run: what else the request carries is not looked at.
    reply = ann.ask(
        "POST",
        f"{API}runs/delete",
        json.dumps({"run_id": theirs}).encode(),
        query={"run_id": house.runs[OURS]},
    )
    assert denied(reply)
    twice = b'{"run_id": "%s", "run_id": "%s"}' % (house.runs[OURS].encode(), theirs.encode())
    assert denied(ann.ask("POST", f"{API}runs/delete", twice))


def test_files_of_a_logged_model_are_for_its_readers(server: Knocking, house: House) -> None:
    address = "/ajax-api/2.0/mlflow/logged-models/{}/artifacts/files"
    reader = server.who("read", experiments=["team-a/*"], models=["nothing"])
    wanted = {"artifact_file_path": "MLmodel"}
    ours = reader.ask("GET", address.format(house.logged[OURS]), query=wanted)
    assert ours.status == 404  # that nothing lies there is told to them alone
    assert denied(reader.ask("GET", address.format(house.logged[THEIRS]), query=wanted))


def test_files_are_judged_by_their_run(ann: Who, house: House) -> None:
    ours, theirs = (house.experiments[one] for one in (OURS, THEIRS))
    base = "/api/2.0/mlflow-artifacts/artifacts"
    assert ann.ask("GET", house.file(OURS)).status == 200
    for method in ("GET", "PUT", "DELETE"):
        assert ann.ask(method, house.file(THEIRS), b"x").status == 403
        mixed = f"{base}/{ours}/{house.runs[THEIRS]}/artifacts/model/MLmodel"
        assert ann.ask(method, mixed, b"x").status == 404
        assert (
            ann.ask(method, f"{base}/{ours}/models/{house.logged[THEIRS]}/artifacts/x", b"x").status
            == 404
        )
    for twin in ("/api", "/ajax-api"):
        listed = ann.ask(
            "GET",
            f"{twin}/2.0/mlflow-artifacts/artifacts",
            query={"path": f"{theirs}/{house.runs[THEIRS]}/artifacts"},
        )
        assert listed.status == 403
    assert (
        ann.ask(
            "GET", "/get-artifact", query={"run_id": house.runs[THEIRS], "path": "model/MLmodel"}
        ).status
        == 403
    )
    assert (
        ann.ask(
            "GET",
            "/model-versions/get-artifact",
            query={"name": "team-b-wine", "version": "1", "path": "MLmodel"},
        ).status
        == 403
    )
    assert (
        ann.ask(
            "GET",
            "/model-versions/get-artifact",
            query={"name": "team-a-wine", "version": "1", "path": "MLmodel"},
        ).status
        == 200
    )


def test_version_is_not_made_of_what_its_maker_may_not_read(ann: Who, house: House) -> None:
    theirs = house.runs[THEIRS]
    exp = house.experiments[THEIRS]
    for source in (
        f"runs:/{theirs}/model", f"runs://{theirs}/model", f"RUNS:/{theirs}/model", "models:/team-b-wine/1",
        "models:/team-b-wine@x", f"models:/{house.logged[THEIRS]}", f"models://{house.logged[THEIRS]}",
        f"mlflow-artifacts:/{exp}/{theirs}/artifacts/model", f"mlflow-artifacts://host/{exp}/{theirs}/artifacts/model",
        f"mlflow-artifacts:/{house.experiments[OURS]}/{theirs}/artifacts/model",
        f"mlflow-artifacts:/{exp}/models/{house.logged[THEIRS]}/artifacts",
    ):  # fmt: skip
        reply = ann.post("model-versions/create", name="team-a-wine", source=source)
        assert reply.status in (400, 403, 404), (source, reply)
    reply = ann.post(
        "model-versions/create",
        name="team-a-wine",
        source=f"runs:/{house.runs[OURS]}/model",
        run_id=theirs,
    )
    assert reply.status in (400, 403), reply
    reply = ann.post(
        "model-versions/create",
        name="team-a-wine",
        source=f"models:/{house.logged[OURS]}",
        model_id=house.logged[THEIRS],
    )
    assert reply.status in (400, 403), reply


def test_name_does_not_lead_to_others(ann: Who, house: House) -> None:
    assert denied(ann.get("experiments/get-by-name", experiment_name=THEIRS))
    assert ann.get("experiments/get-by-name", experiment_name="team-a/none").status == 404
    assert denied(
        ann.post(
            "experiments/update", experiment_id=house.experiments[OURS], new_name="team-b/mine"
        )
    )
    assert denied(
        ann.post(
            "experiments/update", experiment_id=house.experiments[THEIRS], new_name="team-a/mine"
        )
    )
    assert denied(
        ann.post("registered-models/rename", name="team-b-wine", new_name="team-a-stolen")
    )
    assert denied(ann.post("registered-models/rename", name="team-a-wine", new_name="team-b-x"))
    assert denied(ann.post("experiments/create", name="team-b/new"))


def test_experiment_that_is_renamed_is_judged_by_its_new_name(
    server: Knocking, ann: Who, root: Who, house: House
) -> None:
    run_id = house.runs[OURS]
    assert ann.get("runs/get", run_id=run_id).status == 200
    root.post("experiments/update", experiment_id=house.experiments[OURS], new_name="team-b/wine")
    server.forget_names()
    assert denied(ann.get("runs/get", run_id=run_id))


@pytest.mark.parametrize(
    "prefix",
    [
        "/api/2.0/",
        "/ajax-api/2.0/",
        "/api/3.0/",
        "/ajax-api/3.0/",
        "/api/2.0/preview/",
        "/ajax-api/2.0/preview/",
    ],
)
def test_twin_paths_are_judged_alike(server: Knocking, ann: Who, house: House, prefix: str) -> None:
    path = f"{prefix}mlflow/runs/get"
    assert ann.ask("GET", path, query={"run_id": house.runs[THEIRS]}).status == 403
    assert ann.ask("GET", path, query={"run_id": house.runs[OURS]}).status == 200
    assert server.nobody.ask("GET", path, query={"run_id": house.runs[OURS]}).status == 401


def test_figures_are_for_whoever_may_read_all(server: Knocking) -> None:
    assert server.nobody.ask("GET", "/metrics").status == 401
    assert server.who("read", experiments=["x"]).ask("GET", "/metrics").status == 403
    assert server.who("read").ask("GET", "/metrics").status == 200


def test_api_of_ours_is_judged_too(server: Knocking, ann: Who, house: House) -> None:
    api = "/api/stageline/1"
    assert server.nobody.ask("GET", f"{api}/models").status == 401
    assert [one["name"] for one in ann.ask("GET", f"{api}/models").json["models"]] == [
        "team-a-wine"
    ]
    for path in (
        "/models/team-b-wine",
        "/models/team-b-wine/history",
        f"/runs/{house.runs[THEIRS]}",
        f"/runs/{house.runs[THEIRS]}/attempts",
    ):
        assert ann.ask("GET", api + path).status == 403, path
