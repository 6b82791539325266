"""What the pages of docs/how-to/ assume to be there: what is put in place before their first block is run."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from doc_planted import MLFLOW, registered, trained
from doc_reader import Reader

import stageline
from stageline import Workspace
from stageline.models.flavor import known_flavors


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


HOW_TO: dict[str, Callable[[Reader], AbstractContextManager[None]]] = {
    "docs/how-to/add-a-flavor.md": flavor,
    "docs/how-to/add-an-orchestrator.md": orchestrator,
    "docs/how-to/approvals.md": approvals,
    "docs/how-to/backup.md": backup,
    "docs/how-to/migrate-from-mlflow.md": migrate,
}
