"""The block of a store: it passes Prefect's own suite, names a store to tasks, and renews credentials."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from prefect import flow
from prefect.blocks.core import Block
from prefect.task_runners import ProcessPoolTaskRunner
from prefect.testing.standard_test_suites import BlockStandardTestSuite
from prefect.types import SecretDict
from pydantic import HttpUrl, ValidationError
from runs import all_runs, flow_run_of, run_of, runs_of
from servers import KEY, SECRET, S3Server

import prefect_stageline.blocks
from prefect_stageline import StagelineStore, Tracking, run_environment, tracked_flow, tracked_task
from prefect_stageline.stores import workspace_of
from stageline import RunStatus, fluent, get_store, log_metric, log_param
from stageline.errors import InvalidInput
from stageline.workspace import Workspace

PASSWORD = "hunter2-of-the-block"


@pytest.fixture
def logo_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The logo at an address that answers: the block's own is reserved for examples."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *args: object) -> None: ...

    folder = Path(prefect_stageline.blocks.__file__).parent
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}/logo.png"
    monkeypatch.setattr(StagelineStore, "_logo_url", HttpUrl(url))
    yield
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.usefixtures("logo_server")
class TestStagelineStore(BlockStandardTestSuite):
    @pytest.fixture
    def block(self) -> type[Block]:
        return StagelineStore


@tracked_task
def train(alpha: float) -> dict[str, float]:
    return {"rmse": alpha}


@tracked_task
async def atrain(alpha: float) -> dict[str, float]:
    return {"rmse": alpha}


def test_prefect_finds_it_and_keeps_its_secrets(tmp_path: Path):
    block = StagelineStore(url=str(tmp_path), storage_options=SecretDict({"secret": PASSWORD}))
    assert PASSWORD not in f"{block!r} {block} {block.model_dump_json()}"
    block.save("found", overwrite=True, _sync=True)
    loaded = Block.load("stageline-store/found", _sync=True)
    assert isinstance(loaded, StagelineStore)
    assert loaded.storage_options.get_secret_value() == {"secret": PASSWORD}
    assert PASSWORD not in repr(loaded)


def test_a_password_in_the_url_is_refused():
    with pytest.raises(ValidationError, match="should hold no password"):
        StagelineStore(url="https://ann:secret@host/store")


def test_a_saved_block_names_the_store_in_threads_coroutines_and_subflows(
    tmp_path: Path, workspace: Workspace
):
    block = StagelineStore(url=str(tmp_path / "blocked"), experiment="of-block")
    block.save("named", overwrite=True, _sync=True)
    tracking = Tracking(store="block:named")

    @tracked_flow(name="inner", tracking=Tracking(store="block:stageline-store/named"))
    async def inner() -> None:
        await atrain(0.2)

    @tracked_flow(name="threads", tracking=tracking)
    def threads() -> None:
        train.map([0.1, 0.2]).wait()
        log_param("where", get_store())

    @tracked_flow(name="coroutines", tracking=tracking)
    async def coroutines() -> None:
        await asyncio.gather(atrain(0.1), inner())
        train.submit(0.3).wait()

    threads()
    asyncio.run(coroutines())
    there = block.get_workspace()
    assert there.store.url == str(tmp_path / "blocked")
    assert len(runs_of(there, "train")) == 3
    assert len(runs_of(there, "atrain")) == 2
    everyone = all_runs(there)
    assert {run.info.status for run in everyone} == {RunStatus.FINISHED}
    assert {there.experiments.get(run.info.experiment_id).name for run in everyone} == {"of-block"}
    assert flow_run_of(there, "threads").data.params["where"] == there.store.url
    assert all_runs(workspace) == []


def test_a_block_that_is_not_saved_is_a_store_too_also_in_other_processes(
    tmp_path: Path, workspace: Workspace
):
    block = StagelineStore(url=str(tmp_path / "blocked"))

    @tracked_flow(
        name="pooled",
        tracking=Tracking(store=block),
        task_runner=ProcessPoolTaskRunner(max_workers=1),
    )
    def pooled() -> None:
        train.submit(0.1).wait()
        train(0.2)

    pooled()
    there = block.get_workspace()
    assert [run.data.metrics["rmse"] for run in runs_of(there, "train")] in ([0.1, 0.2], [0.2, 0.1])
    assert {run.parent_run_id for run in runs_of(there, "train")} == {
        flow_run_of(there, "pooled").info.run_id
    }
    assert all_runs(workspace) == []
    assert workspace_of(block) is workspace_of(block.model_copy())


def test_a_block_can_be_the_store_of_the_process(
    tmp_path: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(fluent.Session, "experiment_id", None)
    monkeypatch.setattr(fluent.Session, "experiment_name", None)
    block = StagelineStore(url=str(tmp_path / "blocked"), experiment="chosen", ui_url="http://ui")
    block.use()
    train(0.5)
    there = block.get_workspace()
    run = run_of(there, "train")
    assert there.experiments.get(run.info.experiment_id).name == "chosen"
    assert there.settings.ui_url == "http://ui"


def test_what_is_no_store_is_told(caplog: pytest.LogCaptureFixture):
    with pytest.raises(InvalidInput, match="Prefect has no block 'stageline-store/absent'"):
        workspace_of("block:absent")

    @flow
    def goes_on() -> dict[str, float]:
        return train.with_options(tracking=Tracking(store="block:absent"))(0.5)

    assert goes_on() == {"rmse": 0.5}
    assert "stageline-store/absent" in caplog.text


# -- on S3, with credentials that somebody takes away -------------------------------------------------


class User:
    """Somebody whom the object store knows by one key at a time."""

    def __init__(self, server: S3Server, name: str) -> None:
        import botocore.session

        self._iam: Any = botocore.session.get_session().create_client(
            "iam",
            endpoint_url=server.endpoint,
            region_name="us-east-1",
            aws_access_key_id=KEY,
            aws_secret_access_key=SECRET,
        )
        self._server = server
        self._name = name
        self._key = ""
        self.secrets: list[str] = []
        everything = {"Effect": "Allow", "Action": ["s3:*"], "Resource": ["arn:aws:s3:::*"]}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [everything]})
        self._iam.create_user(UserName=name)
        self._iam.put_user_policy(UserName=name, PolicyName="all", PolicyDocument=policy)

    def new_options(self) -> SecretDict:
        """Options with a new key; the one before is refused from now on."""
        made = self._iam.create_access_key(UserName=self._name)["AccessKey"]
        if self._key:
            self._iam.delete_access_key(UserName=self._name, AccessKeyId=self._key)
        self._key = made["AccessKeyId"]
        self.secrets.append(made["SecretAccessKey"])
        return SecretDict(
            {**self._server.options, "key": self._key, "secret": made["SecretAccessKey"]}
        )

    def close(self) -> None:
        self._iam.close()


def test_credentials_are_rotated_in_the_block_while_a_flow_runs(
    seaweedfs_server: S3Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    user, bucket = User(seaweedfs_server, "rotated"), seaweedfs_server.new_bucket()
    StagelineStore(url=bucket, storage_options=user.new_options()).save(
        "rotating", overwrite=True, _sync=True
    )
    tracking = Tracking(store="block:rotating", experiment="rotated")
    seen: list[dict[str, str]] = []

    def rotate() -> None:
        StagelineStore(url=bucket, storage_options=user.new_options()).save(
            "rotating", overwrite=True, _sync=True
        )

    @tracked_task
    async def logs(value: float) -> None:
        log_metric("value", value)

    @tracked_flow(name="rotated", tracking=tracking)
    async def rotated() -> None:
        await logs(1.0)
        await asyncio.to_thread(rotate)
        await asyncio.gather(logs(2.0), logs(3.0))
        seen.append(await asyncio.to_thread(run_environment))

    asyncio.run(rotated())
    user.close()
    there = Workspace.open(
        bucket, storage_options=seaweedfs_server.options, cache=str(tmp_path / "cache")
    )
    assert {run.info.status for run in all_runs(there)} == {RunStatus.FINISHED}
    assert sorted(run.data.metrics["value"] for run in runs_of(there, "logs")) == [1.0, 2.0, 3.0]
    stored = b"".join(there.store.read(entry.key) for entry in there.store.list(""))
    assert not [one for one in user.secrets if one.encode() in stored or one in caplog.text]
    # What the flow starts is given those that hold now.
    assert user.secrets[-1] in seen[0]["STAGELINE_STORAGE_OPTIONS"]
