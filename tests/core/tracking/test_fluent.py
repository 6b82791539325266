"""The module-level API, as a script ported from MLflow uses it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import stageline
from stageline.errors import InvalidInput, NotFound


@pytest.fixture(autouse=True)
def store(tmp_path: Path) -> Iterator[Path]:
    stageline.set_store(tmp_path / "store", cache=str(tmp_path / "cache"))
    yield tmp_path / "store"
    while stageline.active_run():
        stageline.end_run()


def test_quickstart_script_of_the_field_needs_only_another_import(tmp_path: Path) -> None:
    script = """
import os
from random import random, randint
from stageline import log_metric, log_param, log_artifacts

if __name__ == "__main__":
    log_param("param1", randint(0, 100))
    log_metric("foo", random())
    log_metric("foo", random() + 1)
    log_metric("foo", random() + 2)
    if not os.path.exists("outputs"):
        os.makedirs("outputs")
    with open("outputs/test.txt", "w") as f:
        f.write("hello world!")
    log_artifacts("outputs")
"""
    import subprocess
    import sys

    (tmp_path / "quickstart.py").write_text(script)
    done = subprocess.run(
        [sys.executable, "quickstart.py"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    stageline.set_store(tmp_path / "mlstore")
    (found,) = stageline.search_runs(output_format="list")
    assert str(found.info.status) == "FINISHED"
    assert list(found.data.params) == ["param1"]
    assert found.data.metrics["foo"] >= 2
    local = stageline.download_artifacts(found.info.run_id, "test.txt", tmp_path / "back")
    assert Path(local).read_text() == "hello world!"
    plain = tmp_path / "mlstore" / "runs" / found.info.run_id / "artifacts" / "test.txt"
    assert plain.read_text() == "hello world!", "any tool reads artifacts without us"


def test_logging_without_a_run_starts_one_and_goes_on_in_it() -> None:
    stageline.log_param("alpha", 1)
    run = stageline.active_run()
    assert run is not None
    stageline.log_metrics({"a": 1, "b": 2.5}, step=3)
    stageline.end_run()
    found = stageline.get_run(run.run_id)
    assert found.data.metrics == {"a": 1.0, "b": 2.5}
    assert stageline.active_run() is None


def test_nested_run_is_a_child_and_leaving_it_returns_to_the_parent() -> None:
    with stageline.start_run(run_name="outer") as outer:
        with stageline.start_run(nested=True) as inner:
            assert stageline.active_run() is inner
        assert stageline.active_run() is outer
    parent = stageline.get_parent_run(inner.run_id)
    assert parent is not None
    assert parent.info.run_id == outer.run_id


def test_second_run_without_nested_is_refused() -> None:
    with stageline.start_run(), pytest.raises(InvalidInput, match=r"already active.*nested=True"):
        stageline.start_run()


def test_threads_have_runs_of_their_own() -> None:
    seen: dict[str, str] = {}

    def work(name: str) -> None:
        stageline.log_param("thread", name)
        run = stageline.active_run()
        assert run is not None
        seen[name] = run.run_id
        stageline.end_run()

    with stageline.start_run() as main:
        threads = [threading.Thread(target=work, args=(f"t{i}",)) for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert stageline.active_run() is main
    assert len({main.run_id, *seen.values()}) == 5
    for name, run_id in seen.items():
        assert stageline.get_run(run_id).data.params == {"thread": name}


def test_asyncio_tasks_have_runs_of_their_own() -> None:
    async def work(number: int) -> str:
        with stageline.start_run(run_name=f"task{number}") as run:
            for step in range(5):
                await asyncio.sleep(0)
                stageline.log_metric("step", float(step * number), step)
            return run.run_id

    async def main() -> list[str]:
        return await asyncio.gather(*(work(number) for number in range(4)))

    for number, run_id in enumerate(asyncio.run(main())):
        points = stageline.get_workspace().runs.metric_history(run_id, "step")
        assert [point.value for point in points] == [float(s * number) for s in range(5)]


def test_experiment_is_made_once_and_found_by_name() -> None:
    chosen = stageline.set_experiment("wine")
    assert stageline.set_experiment("wine").experiment_id == chosen.experiment_id
    with stageline.start_run() as run:
        pass
    assert stageline.get_run(run.run_id).info.experiment_id == chosen.experiment_id
    found = stageline.search_runs(experiment_names=["wine", "none such"], output_format="list")
    assert [hit.info.run_id for hit in found] == [run.run_id]
    assert stageline.get_experiment_by_name("none such") is None


def test_search_gives_a_frame_of_the_usual_shape() -> None:
    for alpha in (1, 2, 3):
        with stageline.start_run():
            stageline.log_param("alpha", alpha)
            stageline.log_metric("rmse", 1 / alpha)
    frame = stageline.search_runs(filter_string="metrics.rmse < 0.9", order_by=["metrics.rmse ASC"])
    assert frame["params.alpha"].tolist() == ["3", "2"]
    assert list(frame.columns[:6]) == [
        "run_id", "experiment_id", "status", "artifact_uri", "start_time", "end_time",
    ]  # fmt: skip
    assert str(frame["start_time"].dt.tz) == "UTC"
    assert len(stageline.search_runs()) == 3
    assert stageline.search_runs(filter_string="metrics.rmse > 9").empty


def test_pages_join_up() -> None:
    for _ in range(7):
        with stageline.start_run():
            pass
    workspace = stageline.get_workspace()
    seen: list[str] = []
    token: str | None = None
    while True:
        page = workspace.search_runs(["0"], max_results=3, page_token=token)
        seen += [run.info.run_id for run in page]
        token = page.token
        if token is None:
            break
    assert len(seen) == len(set(seen)) == 7


def test_run_named_by_the_environment_is_joined(monkeypatch: pytest.MonkeyPatch) -> None:
    with stageline.start_run() as outer:
        pass
    monkeypatch.setenv("STAGELINE_RUN_ID", outer.run_id)
    with stageline.start_run() as joined:
        stageline.log_metric("from_inside", 1.0)
    assert joined.run_id == outer.run_id
    assert stageline.get_run(outer.run_id).data.metrics == {"from_inside": 1.0}


def test_name_is_filled_in_and_other_braces_are_left() -> None:
    stageline.set_experiment("wine")
    with stageline.start_run(run_name="{experiment}-{user}-{what}") as run:
        pass
    name = stageline.get_run(run.run_id).info.run_name
    assert name.startswith("wine-")
    assert name.endswith("-{what}")


def test_terminal_output_is_kept_on_request(capsys: pytest.CaptureFixture[str]) -> None:
    with stageline.start_run(capture_output=True) as run:
        print("epoch 1")
    print("after")
    assert capsys.readouterr().out == "epoch 1\nafter\n"
    text = "".join(line.text for line in stageline.get_workspace().runs.output(run.run_id))
    assert text == "epoch 1\n"


def test_deleted_run_leaves_the_default_view() -> None:
    with stageline.start_run() as run:
        pass
    stageline.delete_run(run.run_id)
    assert stageline.search_runs(output_format="list") == []
    assert len(stageline.search_runs(output_format="list", run_view_type=2)) == 1
    with pytest.raises(InvalidInput, match="a view is one of"):
        stageline.search_runs(run_view_type=7)


def test_public_names_are_what_all_says() -> None:
    for name in stageline.__all__:
        assert getattr(stageline, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'log_metrc'"):
        stageline.log_metrc  # noqa: B018
    with pytest.raises(NotFound):
        stageline.get_run("nothing")


def test_figure_image_and_table_are_stored_and_tagged_as_the_field_does() -> None:
    import numpy as np
    from matplotlib.figure import Figure

    with stageline.start_run() as run:
        figure = Figure()
        figure.subplots().plot([1, 2])
        stageline.log_figure(figure, "plots/line.png")
        stageline.log_image(np.zeros((4, 4, 3), dtype="uint8"), key="mask", step=2)
        stageline.log_table({"x": [1, 2]}, "tables/t.json")
        stageline.log_dict({"a": 1}, "d.json")
        stageline.log_text("hello", "notes/n.txt")
    paths = {file.path for file in stageline.list_artifacts(run.run_id)}
    assert paths == {"plots", "images", "tables", "d.json", "notes"}
    tags = stageline.get_run(run.run_id).data.tags
    assert tags["mlflow.loggedArtifacts"] == '[{"path":"tables/t.json","type":"table"}]'
    assert tags["mlflow.loggedImages"] == "True"
