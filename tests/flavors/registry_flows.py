"""What users of MLflow's registry do by its client, and what they see; whatever answers has to make it true."""

from __future__ import annotations

from typing import Any

from mlflow import MlflowClient
from tracking_flows import refusal

INVALID = ("INVALID_PARAMETER_VALUE", 400)
MISSING = ("RESOURCE_DOES_NOT_EXIST", 404)


def registered_models(client: MlflowClient) -> None:
    made = client.create_registered_model("wine", {"team": "risk"}, "reds")
    assert (made.name, made.tags, made.description) == ("wine", {"team": "risk"}, "reds")
    assert refusal(client.create_registered_model, "wine") == ("RESOURCE_ALREADY_EXISTS", 400)
    client.update_registered_model("wine", "whites")
    client.set_registered_model_tag("wine", "k", "v")
    client.delete_registered_model_tag("wine", "team")
    found = client.get_registered_model("wine")
    assert (found.description, found.tags) == ("whites", {"k": "v"})
    client.rename_registered_model("wine", "beer")
    assert refusal(client.get_registered_model, "wine") == MISSING
    client.delete_registered_model("beer")
    assert refusal(client.get_registered_model, "beer") == MISSING
    assert refusal(client.create_registered_model, " ") == INVALID
    assert refusal(client.create_registered_model, "a/b") == INVALID


def versions(client: MlflowClient) -> None:
    client.create_registered_model("versioned")
    run_id = client.create_run("0").info.run_id
    for number in range(3):
        made = client.create_model_version(
            "versioned", f"s3://models/{number}", run_id, {"n": str(number)}, "http://run", "d"
        )
        assert (made.version, made.current_stage, made.status) == (str(number + 1), "None", "READY")
        assert (made.source, made.run_id, made.tags) == (
            f"s3://models/{number}",
            run_id,
            {"n": str(number)},
        )
    client.update_model_version("versioned", "1", "first")
    client.set_model_version_tag("versioned", "1", "k", "v")
    client.delete_model_version_tag("versioned", "1", "n")
    found = client.get_model_version("versioned", "1")
    assert (found.description, found.tags, found.run_link) == ("first", {"k": "v"}, "http://run")
    assert client.get_model_version_download_uri("versioned", "2") == "s3://models/1"
    client.delete_model_version("versioned", "3")
    assert refusal(client.get_model_version, "versioned", "3") == MISSING
    assert client.create_model_version("versioned", "s3://models/9").version == "4"
    assert refusal(client.get_model_version, "versioned", "99") == MISSING
    assert refusal(client.create_model_version, "nobody", "s3://models/1") == MISSING


def stages(client: MlflowClient) -> None:
    client.create_registered_model("staged")
    for number in range(3):
        client.create_model_version("staged", f"s3://models/{number}")
    moved = client.transition_model_version_stage("staged", "1", "production")
    assert moved.current_stage == "Production"
    client.transition_model_version_stage(
        "staged", "2", "Production", archive_existing_versions=True
    )
    client.transition_model_version_stage("staged", "3", "Staging")
    at = {one.version: one.current_stage for one in client.search_model_versions("name = 'staged'")}
    assert at == {"1": "Archived", "2": "Production", "3": "Staging"}
    latest = client.get_latest_versions("staged")
    assert sorted(one.version for one in latest) == ["1", "2", "3"]
    assert [one.version for one in client.get_latest_versions("staged", ["Production"])] == ["2"]
    listed = client.get_registered_model("staged").latest_versions
    assert sorted(one.current_stage for one in listed) == ["Archived", "Production", "Staging"]
    assert refusal(client.transition_model_version_stage, "staged", "1", "Prod") == INVALID
    assert refusal(client.transition_model_version_stage, "staged", "9", "Staging") == MISSING


def aliases(client: MlflowClient) -> None:
    client.create_registered_model("aliased")
    for number in range(2):
        client.create_model_version("aliased", f"s3://models/{number}")
    client.set_registered_model_alias("aliased", "champion", "1")
    assert client.get_model_version_by_alias("aliased", "champion").version == "1"
    client.set_registered_model_alias("aliased", "champion", "2")
    assert client.get_registered_model("aliased").aliases == {"champion": "2"}
    assert client.get_model_version("aliased", "2").aliases == ["champion"]
    client.delete_registered_model_alias("aliased", "champion")
    assert client.get_registered_model("aliased").aliases == {}
    assert refusal(client.set_registered_model_alias, "aliased", "latest", "1") == INVALID
    assert refusal(client.set_registered_model_alias, "aliased", "v1", "1") == INVALID
    assert refusal(client.set_registered_model_alias, "aliased", "a", "9") == MISSING


def registry_search(client: MlflowClient) -> None:
    for number in range(4):
        client.create_registered_model(f"found-{number}", {"even": str(number % 2 == 0)})
        client.create_model_version(
            f"found-{number}", f"s3://models/{number}", tags={"n": str(number)}
        )
    like = "name LIKE 'found-%'"
    assert names(client.search_registered_models(like)) == [f"found-{n}" for n in range(4)]
    assert names(client.search_registered_models(f"{like} AND tags.even = 'True'")) == [
        "found-0",
        "found-2",
    ]
    backwards = client.search_registered_models(like, order_by=["name DESC"], max_results=3)
    assert names(backwards) == ["found-3", "found-2", "found-1"]
    rest = client.search_registered_models(
        like, order_by=["name DESC"], max_results=3, page_token=backwards.token
    )
    assert (names(rest), rest.token or None) == (["found-0"], None)
    assert names(client.search_registered_models("name ILIKE 'FOUND-1'")) == ["found-1"]
    some = client.search_model_versions("name IN ('found-1', 'found-2')", order_by=["name DESC"])
    assert names(some) == ["found-2", "found-1"]
    assert names(client.search_model_versions("tags.n = '3' AND name = 'found-3'")) == ["found-3"]
    assert names(
        client.search_model_versions("source_path = 's3://models/1' AND name LIKE 'found-%'")
    ) == ["found-1"]
    assert client.search_model_versions("name = 'found-1' AND version_number > 1") == []
    assert refusal(client.search_registered_models, "nonsense") == INVALID
    assert refusal(client.search_registered_models, max_results=1001) == INVALID
    assert refusal(client.search_model_versions, "name = 'a' OR name = 'b'") == INVALID


def logged_models(client: MlflowClient) -> None:
    experiment = client.create_experiment("models")
    run_id = client.create_run(experiment).info.run_id
    made = client.create_logged_model(
        experiment, "net", source_run_id=run_id, tags={"a": "b"}, params={"p": "1"}, model_type="nn"
    )
    assert (made.name, made.model_type, made.source_run_id) == ("net", "nn", run_id)
    assert (made.tags, made.params, str(made.status)) == ({"a": "b"}, {"p": "1"}, "PENDING")
    client.log_model_params(made.model_id, {"q": "2"})
    client.set_logged_model_tags(made.model_id, {"c": "d"})
    client.delete_logged_model_tag(made.model_id, "a")
    client.finalize_logged_model(made.model_id, "READY")
    client.log_metric(run_id, "acc", 0.5, 1000, 1, model_id=made.model_id)
    client.log_metric(run_id, "acc", 0.75, 2000, 2, model_id=made.model_id)
    found = client.get_logged_model(made.model_id)
    assert (found.tags, found.params, str(found.status)) == (
        {"c": "d"},
        {"p": "1", "q": "2"},
        "READY",
    )
    assert 0.75 in [one.value for one in found.metrics]
    other = client.create_logged_model(experiment, "other", source_run_id=run_id)
    client.finalize_logged_model(other.model_id, "FAILED")
    ready = client.search_logged_models([experiment], "metrics.acc > 0.6")
    assert [one.model_id for one in ready] == [made.model_id]
    ordered = client.search_logged_models(
        [experiment], order_by=[{"field_name": "name", "ascending": False}], max_results=1
    )
    assert [one.name for one in ordered] == ["other"]
    rest = client.search_logged_models(
        [experiment],
        order_by=[{"field_name": "name", "ascending": False}],
        page_token=ordered.token,
    )
    assert [one.name for one in rest] == ["net"]
    client.delete_logged_model(other.model_id)
    assert refusal(client.get_logged_model, other.model_id) == MISSING
    assert [one.name for one in client.search_logged_models([experiment])] == ["net"]
    assert refusal(client.delete_logged_model_tag, made.model_id, "nothing") == MISSING
    assert refusal(client.create_logged_model, experiment, "a/b") == INVALID
    assert refusal(client.get_logged_model, "m-" + "0" * 32) == MISSING


def linked_models(client: MlflowClient) -> None:
    from mlflow.entities import LoggedModelInput, LoggedModelOutput

    maker, user = (client.create_run("0").info.run_id for _ in range(2))
    made = client.create_logged_model("0", "linked", source_run_id=maker)
    client.log_outputs(maker, [LoggedModelOutput(made.model_id, 3)])
    client.log_inputs(user, models=[LoggedModelInput(made.model_id)])
    outputs = client.get_run(maker).outputs.model_outputs
    assert [(one.model_id, one.step) for one in outputs] == [(made.model_id, 3)]
    assert [one.model_id for one in client.get_run(user).inputs.model_inputs] == [made.model_id]
    client.log_metric(user, "acc", 0.9, 1000, 0, model_id=made.model_id)
    assert client.get_logged_model(made.model_id).metrics[0].run_id == user


def webhooks(client: MlflowClient) -> None:
    url = "https://93.184.216.34/hook"
    made = client.create_webhook(
        "chat", url, ["registered_model.created"], "tells", status="DISABLED"
    )
    assert (made.name, made.url, made.description, str(made.status)) == (
        "chat",
        url,
        "tells",
        "DISABLED",
    )
    events = ["model_version.created", "model_version_alias.created"]
    changed = client.update_webhook(made.webhook_id, name="talk", events=events, description="more")
    assert (changed.name, changed.description) == ("talk", "more")
    assert sorted(str(one) for one in changed.events) == events
    assert [one.name for one in client.list_webhooks()] == ["talk"]
    assert client.get_webhook(made.webhook_id).name == "talk"
    assert refusal(client.create_webhook, "x", "ftp://example.com", events) == INVALID
    assert refusal(client.create_webhook, "x y", url, events) == INVALID
    client.delete_webhook(made.webhook_id)
    assert refusal(client.get_webhook, made.webhook_id) == MISSING


def gone_source(client: MlflowClient) -> None:
    client.create_registered_model("sourced")
    run_id = client.create_run("0").info.run_id
    other = client.create_run("0").info.run_id
    for source in (
        "/etc", "file:///etc", "s3://models/../x", "mlflow-artifacts:/0/%2e%2e/x", "./here",
        "http://host/api/2.0/mlflow-artifacts/artifacts/../../x",
    ):  # fmt: skip
        assert refusal(client.create_model_version, "sourced", source) == INVALID, source
    assert (
        refusal(client.create_model_version, "sourced", f"runs:/{run_id}/model", other) == INVALID
    )


REGISTRY_FLOWS: tuple[Any, ...] = (
    registered_models, versions, stages, aliases, registry_search, logged_models, linked_models, webhooks, gone_source,
)  # fmt: skip


def names(found: Any) -> list[str]:
    return [one.name for one in found]
