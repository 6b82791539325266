"""What a page assumes to be there: by page, what is put in place before its first block is run."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
from doc_blocks import ROOT
from doc_given_how_to import HOW_TO
from doc_planted import MLFLOW, registered, trained
from doc_reader import Reader

sys.path.insert(0, str(ROOT / "tests" / "core" / "server"))

from running import Running

import stageline
from stageline import Workspace


@contextmanager
def readme(reader: Reader) -> Iterator[None]:
    (reader.folder / "outputs").mkdir()
    (reader.folder / "outputs" / "note.txt").write_text("good")
    (reader.folder / "policy.yaml").write_text(
        "rules:\n  - rule: metric\n    condition: metrics.rmse < 0.5\n"
    )
    workspace = Workspace.open("mlstore")
    reader.instead["<run>"] = trained(workspace, "kind-owl", 0.4)
    yield
    (logged,) = workspace.search_runs(["0"], "params.alpha = '0.5'")
    assert logged.data.metrics["rmse"] == 1 / 3
    assert workspace.registry.get_version("wine", 1).current_stage == "Production"


@contextmanager
def registry(reader: Reader) -> Iterator[None]:
    workspace = Workspace.open("mlstore")
    for name, rmse in (("sweep-1", 0.7), ("sweep-2", 0.6)):
        trained(workspace, name, rmse)
    other = Workspace.open(reader.bucket("s3://bucket/ml"))
    reader.names["run_id"] = trained(other, "sweep-1", 0.7)
    workspace.artifacts(reader.names["run_id"])
    folder = reader.bucket("s3://bucket/models/wine")
    folder.mkdir(parents=True)
    (folder / "MLmodel").write_text("flavors: {}\n")
    yield
    held = {one.version: one.current_stage for one in workspace.registry.versions("wine")}
    assert held == {1: "Production", 2: "None", 3: "Archived"}
    assert other.registry.get_by_uri("models:/wine/Production").version == 1


@contextmanager
def copies(reader: Reader) -> Iterator[None]:
    workspace = Workspace.open(reader.bucket("s3://team/ml"))
    registered(workspace, 7)
    registered(Workspace.open(reader.bucket("s3://prod/ml")), 2)
    reader.choose(workspace)
    reader.instead[', storage_options={"profile": "prod"}'] = ""
    yield
    assert reader.names["version"].origin.name == "wine"


@contextmanager
def lineage(reader: Reader) -> Iterator[None]:
    workspace = Workspace.open(reader.bucket("s3://team/ml"))
    runs = registered(workspace, 3)
    reader.choose(workspace)
    reader.instead |= {"01a20712ba3f": runs[2], "2026-03-01": "2100-03-01"}
    yield
    assert reader.names["graph"].sources("model_version:wine/3")


@contextmanager
def mlflow(reader: Reader) -> Iterator[None]:
    pytest.importorskip("pyarrow")
    shutil.copytree(MLFLOW / "mlruns", "mlruns")
    shutil.copy(MLFLOW / "db" / "mlflow.db", ".")
    reader.instead["stageline import mlflow mlflow.db"] = (
        f"stageline import mlflow mlflow.db --artifacts {MLFLOW / 'db' / 'mlruns'}"
    )
    yield
    assert list(reader.folder.glob("out/runs/*/run.json"))
    assert (reader.folder / "tables" / "runs.parquet").exists()


@contextmanager
def steps(reader: Reader) -> Iterator[None]:
    """Its last commands ask for one point file and one run that a reader has by then."""
    shutil.copytree(ROOT / "examples", "examples")
    (reader.folder / "points.csv").write_text("0,0\n1,1\n2,2\n")
    workspace = Workspace.open("mlstore")
    with workspace.runs.create() as run:
        workspace.artifacts(run.run_id).log_text("# flat", "report.md")
    reader.instead["0190a0b0c0d07abc8def001122334455"] = run.run_id
    yield


@contextmanager
def batch(reader: Reader) -> Iterator[None]:
    """Three bottles, and a model of them."""
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    linear = pytest.importorskip("sklearn.linear_model")
    pytest.importorskip("skops")
    rows = pandas.DataFrame({"alcohol": [9.0, 10.0, 11.0], "ph": [3.0, 3.2, 3.4]})
    model = linear.LinearRegression().fit(rows, [5.0, 6.0, 7.0])
    workspace = Workspace.open("mlstore")
    stageline.set_store("mlstore")
    with stageline.start_run() as run:
        stageline.log_model(model, signature=stageline.infer_signature(rows, model.predict(rows)))
    workspace.registry.register("wine", run_id=run.run_id, artifact_path="model")
    workspace.registry.transition("wine", 1, "Production")
    folder = reader.bucket("s3://bucket/in/")
    folder.mkdir(parents=True)
    rows.assign(id=["a", "b", "c"]).to_parquet(folder / "1.parquet")
    reader.instead["1200000 rows"] = "3 rows"
    yield
    assert list(reader.bucket("s3://bucket/out").glob("*.parquet"))


@contextmanager
def rest_api(reader: Reader) -> Iterator[None]:
    """A server for a store with one version of `wine`."""
    if shutil.which("curl") is None:
        pytest.skip("the commands of the page need curl")
    workspace = Workspace.open("mlstore")
    workspace.registry.register("wine", run_id=trained(workspace, "sweep", 0.5))
    with Running(str(reader.folder / "mlstore"), reader.folder) as server:
        reader.instead["127.0.0.1:5000"] = f"127.0.0.1:{server.port}"
        yield
        assert server.end() == 0
    assert workspace.registry.get_version("wine", 1).current_stage == "Production"


@contextmanager
def storage_format(reader: Reader) -> Iterator[None]:
    registered(Workspace.open("mlstore"), 2)
    shutil.copy(ROOT / "tests/core/fixtures/formats/wal-1.wal", "run.wal")
    yield
    assert len(reader.names["records"]) > 5


GIVEN: dict[str, Callable[[Reader], AbstractContextManager[None]]] = {
    "README.md": readme,
    "docs/batch.md": batch,
    "docs/copies.md": copies,
    "docs/lineage.md": lineage,
    "docs/mlflow.md": mlflow,
    "docs/projects-steps.md": steps,
    "docs/registry.md": registry,
    "docs/rest-api.md": rest_api,
    "docs/storage-format.md": storage_format,
    **HOW_TO,
}
