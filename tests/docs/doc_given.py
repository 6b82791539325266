"""What a page assumes to be there: by page, what is put in place before its first block is run."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
from doc_blocks import ROOT
from doc_reader import Reader

sys.path.insert(0, str(ROOT / "tests" / "core" / "server"))

from running import Running

import stageline
from stageline import DatasetInput, DatasetRef, Workspace
from stageline.models.flavor import known_flavors

MLFLOW = ROOT / "tests" / "core" / "fixtures" / "mlflow"


def trained(workspace: Workspace, name: str, rmse: float) -> str:
    """A run that has read data, measured something and kept a model."""
    run = workspace.runs.create(run_name=name)
    run.log_inputs([DatasetInput(DatasetRef(name="wine.csv", digest="d1"))])
    run.log_metrics({"rmse": rmse})
    run.end()
    workspace.artifacts(run.run_id).log_text("flavors: {}\n", "model/MLmodel")
    return run.run_id


def registered(workspace: Workspace, versions: int) -> list[str]:
    """Versions of `wine`, the last in Production; their runs."""
    made = [trained(workspace, f"sweep-{one}", 0.8 - one / 100) for one in range(1, versions + 1)]
    for run_id in made:
        workspace.registry.register("wine", run_id=run_id, artifact_path="model")
    workspace.registry.transition("wine", versions, "Production")
    return made


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


@contextmanager
def modules_of_ones_own(reader: Reader) -> Iterator[None]:
    """What the page writes can be imported, as it could by a program in that folder; and is forgotten afterwards."""
    before = {*sys.modules}
    sys.path.insert(0, str(reader.folder))
    stageline.set_store("mlstore")
    try:
        yield
    finally:
        sys.path.remove(str(reader.folder))
        for name in {*sys.modules} - before:
            if str(reader.folder) in str(getattr(sys.modules[name], "__file__", "")):
                del sys.modules[name]


@contextmanager
def orchestrator(reader: Reader) -> Iterator[None]:
    with modules_of_ones_own(reader):
        yield
    runs = reader.names["runs"]
    assert sorted((run.data.params["alpha"], len(run.attempts)) for run in runs) == [
        ("0.1", 1),
        ("0.2", 2),
    ]
    assert stageline.get_run(reader.names["parent"]).info.status == "FINISHED"


@contextmanager
def flavor(reader: Reader) -> Iterator[None]:
    """The page's package is installed: its entry point is where pip would have put it."""
    there = reader.folder / "lookup_flavor-1.0.dist-info"
    there.mkdir()
    (there / "METADATA").write_text("Metadata-Version: 2.1\nName: lookup-flavor\nVersion: 1.0\n")
    (there / "entry_points.txt").write_text("[stageline.flavors]\nlookup_flavor = lookup_flavor\n")
    known_flavors.cache_clear()
    try:
        with modules_of_ones_own(reader):
            yield
    finally:
        known_flavors.cache_clear()


@contextmanager
def backup(reader: Reader) -> Iterator[None]:
    workspace = Workspace.open(reader.bucket("s3://team/ml"))
    (_, run_id) = registered(workspace, 2)
    text = "flavors:\n  python_function: {loader_module: mlflow.sklearn}\n"
    workspace.artifacts(run_id).log_text(text, "model/MLmodel")
    workspace.registry.register("wine", run_id=run_id, artifact_path="model")
    workspace.registry.transition("wine", 3, "Production", archive_existing=True)
    yield
    copy = Workspace.open(reader.bucket("s3://backup/ml"))
    assert copy.registry.get_by_uri("models:/wine/Production").version == 3


@contextmanager
def migrate(reader: Reader) -> Iterator[None]:
    shutil.copytree(MLFLOW / "mlruns", "mlruns")
    yield
    assert len(Workspace.open("mlstore").experiments.list()) > 1


@contextmanager
def approvals(reader: Reader) -> Iterator[None]:
    workspace = Workspace.open("mlstore")
    workspace.registry.register("wine", run_id=trained(workspace, "sweep", 0.5))
    yield
    assert workspace.registry.get_version("wine", 1).current_stage == "Production"


GIVEN: dict[str, Callable[[Reader], AbstractContextManager[None]]] = {
    "README.md": readme,
    "docs/batch.md": batch,
    "docs/copies.md": copies,
    "docs/how-to/add-a-flavor.md": flavor,
    "docs/how-to/add-an-orchestrator.md": orchestrator,
    "docs/how-to/approvals.md": approvals,
    "docs/how-to/backup.md": backup,
    "docs/how-to/migrate-from-mlflow.md": migrate,
    "docs/lineage.md": lineage,
    "docs/mlflow.md": mlflow,
    "docs/projects-steps.md": steps,
    "docs/registry.md": registry,
    "docs/rest-api.md": rest_api,
    "docs/storage-format.md": storage_format,
}
