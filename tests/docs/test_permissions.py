"""The bucket policies of docs/how-to/permissions.md, on a real server: each role does its work, and no other's."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from doc_blocks import ROOT
from servers import KEY, SECRET, S3Server

from stageline import Workspace
from stageline.domain.run import RunStatus
from stageline.errors import Unauthorized

PAGE = ROOT / "docs" / "how-to" / "permissions.md"
OF_ROLE = {
    "reader": ["Readers"],
    "trainer": ["Readers", "Trainers"],
    "promoter": ["Readers", "Promoters"],
    "admin": ["Admins"],
}


class Bucket:
    """A bucket whose users have what the page gives them; `as_` opens its store as one of them."""

    def __init__(self, server: S3Server, folder: Path) -> None:
        self.server = server
        self.name = server.new_bucket().removeprefix("s3://")
        self._folder = folder
        self._mark = uuid.uuid4().hex[:8]
        self._keys: dict[str, tuple[str, str]] = {}

    def as_(self, role: str, **settings: Any) -> Workspace:
        if role not in self._keys:
            self._keys[role] = self._user(role)
        key, secret = self._keys[role]
        place = self._folder / uuid.uuid4().hex
        return Workspace.open(
            f"s3://{self.name}/ml",
            storage_options={**self.server.options, "key": key, "secret": secret},
            user=role,
            spool=str(place / "spool"),
            cache=str(place / "cache"),
            **settings,
        )

    def _user(self, role: str) -> tuple[str, str]:
        iam = _iam(self.server)
        user = f"{role}-{self._mark}"
        iam.create_user(UserName=user)
        for heading in OF_ROLE[role]:
            made = iam.create_policy(
                PolicyName=f"{heading}-{user}", PolicyDocument=policy(heading, self.name)
            )
            iam.attach_user_policy(UserName=user, PolicyArn=made["Policy"]["Arn"])
        key = iam.create_access_key(UserName=user)["AccessKey"]
        return key["AccessKeyId"], key["SecretAccessKey"]


def policy(heading: str, bucket: str) -> str:
    """The JSON below a heading of the page, for another bucket."""
    text = PAGE.read_text("utf-8").partition(f"## {heading}\n")[2]
    found = re.search(r"```json\n(.*?)```", text, re.S)
    assert found, heading
    return json.dumps(json.loads(found[1].replace("my-bucket", bucket)))


def _iam(server: S3Server) -> Any:
    from botocore.session import Session

    return Session().create_client(
        "iam",
        endpoint_url=server.endpoint,
        region_name="us-east-1",
        aws_access_key_id=KEY,
        aws_secret_access_key=SECRET,
    )


@pytest.fixture
def bucket(seaweedfs_server: S3Server, tmp_path: Path) -> Bucket:
    return Bucket(seaweedfs_server, tmp_path)


def train(workspace: Workspace, rmse: float = 0.4) -> str:
    with workspace.runs.create(experiment_name="wine") as run:
        run.log_metrics({"rmse": rmse})
        run.log_params({"alpha": 0.5})
    workspace.artifacts(run.run_id).log_text("flavors: {}\n", "model/MLmodel")
    return run.run_id


def test_a_trainer_makes_a_store_and_logs_to_it_and_may_not_register(bucket: Bucket) -> None:
    trainer = bucket.as_("trainer")
    run_id = train(trainer)
    trainer.runs.set_tags(run_id, {"checked": "yes"})
    trainer.runs.delete(run_id)
    trainer.runs.restore(run_id)
    for turn in range(3):
        train(trainer, turn / 10)
    experiment = trainer.experiments.get_by_name("wine")
    trainer.index.index(experiment.experiment_id).fold()
    assert len(trainer.search_runs([experiment.experiment_id])) == 4
    with pytest.raises(Unauthorized, match="registry/wine"):
        trainer.registry.register("wine", run_id=run_id, artifact_path="model")
    with pytest.raises(Unauthorized, match="gc/"):
        trainer.collector().mark(trainer.collector().plan(0))


def test_a_promoter_registers_asks_and_promotes_and_may_not_log(bucket: Bucket) -> None:
    run_id = train(bucket.as_("trainer"))
    promoter = bucket.as_("promoter")
    registry = promoter.registry
    registry.register("wine", run_id=run_id, artifact_path="model")
    registry.transition("wine", 1, "Staging")
    asked = registry.request_transition("wine", 1, "Production")
    registry.approve("wine", asked.number, actor="somebody else")
    registry.register("wine", run_id=run_id, artifact_path="model", again=True)
    registry.transition("wine", 2, "Production", archive_existing=True)
    registry.rollback("wine", "Production")
    assert registry.get_version("wine", 1).current_stage == "Production"
    with pytest.raises(Unauthorized, match="runs/"):
        promoter.runs.set_tags(run_id, {"mine": "now"})


def test_a_reader_reads_all_of_it_and_writes_nothing(bucket: Bucket, tmp_path: Path) -> None:
    run_id = train(bucket.as_("trainer"))
    promoter = bucket.as_("promoter")
    promoter.registry.register("wine", run_id=run_id, artifact_path="model")
    reader = bucket.as_("reader")
    experiment = reader.experiments.get_by_name("wine")
    (found,) = reader.search_runs([experiment.experiment_id])
    assert found.data.metrics == {"rmse": 0.4}
    assert reader.search_runs([experiment.experiment_id, "0"]), "an index that nobody has made"
    assert [one.step for one in reader.runs.metric_history(run_id, "rmse")] == [0]
    assert reader.registry.get_version("wine", 1).run_id == run_id
    assert reader.lineage.of_model("models:/wine/1").nodes
    assert reader.artifacts(run_id).list()
    for forbidden in writes(reader, run_id):
        with pytest.raises(Unauthorized):
            forbidden()


def test_a_reader_sees_a_run_that_vanished_without_ending_it(bucket: Bucket) -> None:
    trainer = bucket.as_("trainer")
    run = trainer.runs.create(experiment_name="wine")
    run.log_metrics({"rmse": 0.4})
    run.flush()
    reader = bucket.as_("reader", stale_after_s=0)
    assert reader.runs.get(run.run_id).info.status is RunStatus.RUNNING
    (found,) = reader.search_runs([reader.experiments.get_by_name("wine").experiment_id])
    assert found.info.run_id == run.run_id
    run.end()


def writes(workspace: Workspace, run_id: str) -> list[Callable[[], object]]:
    return [
        lambda: workspace.runs.set_tags(run_id, {"mine": "now"}),
        lambda: workspace.experiments.create("mine"),
        lambda: workspace.registry.transition("wine", 1, "Production"),
        lambda: workspace.store.replace("registry/wine/log/0.json", b"{}"),
        lambda: workspace.store.delete(f"runs/{run_id}/log/start.json"),
        lambda: workspace.store.read("tokens/a/made.json"),
        lambda: workspace.store.read("webhooks/log/a.json"),
    ]


def test_an_admin_collects_what_others_deleted(bucket: Bucket) -> None:
    trainer = bucket.as_("trainer")
    run_id = train(trainer)
    trainer.runs.delete(run_id)
    admin = bucket.as_("admin")
    collector = admin.collector()
    collector.mark(collector.plan(0))
    done = collector.collect(collector.due(0))
    assert done.runs == [run_id]
    assert not admin.store.list(f"runs/{run_id}/")


@pytest.mark.parametrize("role", ["trainer", "promoter"])
def test_who_is_no_admin_can_not_touch_the_registrys_past(bucket: Bucket, role: str) -> None:
    run_id = train(bucket.as_("trainer"))
    bucket.as_("promoter").registry.register("wine", run_id=run_id, artifact_path="model")
    (entry,) = bucket.as_("admin").store.list("registry/wine/log/")
    with pytest.raises(Unauthorized):
        bucket.as_(role).store.delete(entry.key)
    with pytest.raises(Unauthorized):
        bucket.as_(role).store.read("tokens/any/made.json")
