"""`models:/m-<id>`: a logged model is loaded by its id, wherever its files lie."""

from __future__ import annotations

from pathlib import Path

import pytest

from stageline.errors import NotFound
from stageline.models.saving import save_model
from stageline.models.uri import LoggedModelId, RegisteredVersion, parse_model_uri
from stageline.tracking.model_files import ModelFiles
from stageline.workspace import Workspace

ID = "m-" + "0" * 31 + "1"


def double(data: object) -> list[int]:
    return [2 * int(one) for one in data]  # type: ignore[attr-defined]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.open(tmp_path / "store", cache=str(tmp_path / "cache"), user="ann")


def test_id_alone_is_a_logged_model() -> None:
    assert parse_model_uri(f"models:/{ID}") == LoggedModelId(ID)
    assert str(LoggedModelId(ID)) == f"models:/{ID}"
    assert isinstance(parse_model_uri(f"models:/{ID}/1"), RegisteredVersion)
    assert isinstance(parse_model_uri(f"models:/{ID}@best"), RegisteredVersion)


def test_model_of_a_run_is_loaded_by_its_id(workspace: Workspace) -> None:
    with workspace.runs.create("0") as run:
        made = workspace.logged_models.create("0", "net", source_run_id=run.run_id)
        workspace.models.log(run.run_id, double, "net")
    uri = f"models:/{made.model_id}"
    assert str(workspace.models.locate(uri)) == f"runs:/{run.run_id}/net"
    assert workspace.models.load(uri, allow_pickle=True).predict([1, 2]) == [2, 4]
    named = workspace.registry.register("wine", source=uri)
    assert workspace.models.locate(f"models:/wine/{named.version}") == workspace.models.locate(uri)


def test_model_of_no_run_is_loaded_from_its_own_folder(
    workspace: Workspace, tmp_path: Path
) -> None:
    made = workspace.logged_models.create("0", "alone")
    save_model(double, tmp_path / "saved")
    ModelFiles(workspace.store, made.model_id).log_folder(tmp_path / "saved")
    loaded = workspace.models.load(f"models:/{made.model_id}", allow_pickle=True)
    assert loaded.predict([3]) == [6]


def test_deleted_or_unknown_model_is_not_found(workspace: Workspace) -> None:
    made = workspace.logged_models.create("0")
    workspace.logged_models.delete(made.model_id)
    for model_id in (made.model_id, ID):
        with pytest.raises(NotFound, match=model_id):
            workspace.models.load(f"models:/{model_id}")
