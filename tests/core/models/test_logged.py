"""Models of runs: logged among their artifacts, found again by every kind of URI, and checked on the way."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

import stageline
import stageline.fluent
from stageline.errors import Corrupt, InvalidInput, NotAllowed, NotFound
from stageline.models.logged import Models
from stageline.models.saving import save_model
from stageline.storage.open import open_store
from stageline.storage.transfer import put_folder
from stageline.workspace import Workspace

pytestmark = pytest.mark.usefixtures("store")


class Shelf:
    """A registry that behaves: versions by name."""

    def __init__(self) -> None:
        self.versions: dict[str, list[tuple[str, str] | str]] = {}

    def register(self, name: str, *, run_id: str, artifact_path: str) -> SimpleNamespace:
        self.versions.setdefault(name, []).append((run_id, artifact_path))
        return SimpleNamespace(version=len(self.versions[name]))

    def resolve(self, uri: str) -> tuple[str, str] | str:
        name, _, number = uri.removeprefix("models:/").replace("@champion", "/1").partition("/")
        try:
            return self.versions[name][int(number) - 1]
        except (KeyError, IndexError):
            raise NotFound(f"no {uri}") from None


def test_model_of_a_run_comes_back(
    linear: LinearRegression, frame: pd.DataFrame, store: Path
) -> None:
    with stageline.start_run() as run:
        info = stageline.log_model(linear, "deep/model", input_example=frame)
    assert info.model_uri == f"runs:/{run.run_id}/deep/model"
    place = store / "runs" / run.run_id / "artifacts" / "deep" / "model"
    assert (place / "MLmodel").exists(), "any tool reads the folder without us"
    for uri in (info.model_uri, place, f"file://{place}"):
        loaded = stageline.load_model(uri)
        np.testing.assert_allclose(loaded.predict(frame), linear.predict(frame))
    assert loaded.metadata.run_id == run.run_id
    assert stageline.infer_signature(frame, linear.predict(frame)) == info.signature


def test_files_of_a_model_are_in_the_manifest_and_a_changed_one_is_not_read(
    linear: LinearRegression, store: Path
) -> None:
    with stageline.start_run() as run:
        info = stageline.log_model(linear)
    file = store / "runs" / run.run_id / "artifacts" / "model" / "model.skops"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(Corrupt):
        stageline.load_model(info.model_uri)


def test_consent_is_a_setting_or_an_argument(frame: pd.DataFrame, tmp_path: Path) -> None:
    with stageline.start_run():
        info = stageline.log_model(lambda data: data["a"], "model")
    with pytest.raises(NotAllowed, match="allow_pickle=True or set STAGELINE_ALLOW_PICKLE=1"):
        stageline.load_model(info.model_uri)
    assert stageline.load_model(info.model_uri, allow_pickle=True).predict(frame).tolist()[0] == 1.0
    trusting = Workspace.open(tmp_path / "store", allow_pickle=True)
    assert trusting.models.load(info.model_uri).predict(frame).tolist()[0] == 1.0
    with pytest.raises(NotAllowed):
        trusting.models.load(info.model_uri, allow_pickle=False)


def test_model_at_any_url_is_fetched_and_checked(
    linear: LinearRegression, frame: pd.DataFrame, tmp_path: Path
) -> None:
    save_model(linear, tmp_path / "model")
    there = open_store("memory://bucket/model")
    put_folder(there, tmp_path / "model", "")
    loaded = stageline.load_model("memory://bucket/model", dst_path=tmp_path / "here")
    np.testing.assert_allclose(loaded.predict(frame), linear.predict(frame))
    assert (tmp_path / "here" / "MLmodel").exists()
    there.replace("model.skops", b"something else")
    with pytest.raises(Corrupt):
        stageline.load_model("memory://bucket/model")
    with pytest.raises(NotFound, match="has no MLmodel"):
        stageline.load_model("memory://bucket/nothing")


def test_registered_model_is_loaded_by_name(
    linear: LinearRegression, frame: pd.DataFrame, tmp_path: Path
) -> None:
    workspace = Workspace.open(tmp_path / "store")
    shelf = Shelf()
    models = Models(workspace.artifacts, lambda: shelf)
    run = workspace.runs.create()
    info = models.log(
        run.run_id, linear, "model", registered_model_name="wine", input_example=frame
    )
    run.end()
    assert info.registered_model_version == 1
    for uri in ("models:/wine/1", "models:/wine@champion"):
        np.testing.assert_allclose(models.load(uri).predict(frame), linear.predict(frame))
        assert models.describe(uri) == info.metadata
    shelf.versions["wine"].append(str(models.fetch("models:/wine/1")))
    assert models.load("models:/wine/2").metadata == info.metadata
    shelf.versions["wine"].append("models:/wine/3")
    with pytest.raises(Corrupt, match="itself a name"):
        models.load("models:/wine/3")
    with pytest.raises(NotFound):
        models.load("models:/wine/9")


def test_versions_are_loaded_by_number_stage_and_alias(
    linear: LinearRegression, frame: pd.DataFrame
) -> None:
    with stageline.start_run():
        info = stageline.log_model(linear, input_example=frame, registered_model_name="wine")
    assert info.registered_model_version == 1
    registry = stageline.fluent.get_workspace().registry
    registry.transition("wine", 1, "Production")
    registry.set_alias("wine", "champion", 1)
    for uri in (
        "models:/wine/1",
        "models:/wine/latest",
        "models:/wine/Production",
        "models:/wine@champion",
    ):
        assert stageline.load_model(uri).metadata == info.metadata
    for uri in ("models:/wine/2", "models:/beer/1", "models:/wine/Staging", "models:/wine@none"):
        with pytest.raises(NotFound):
            stageline.load_model(uri)


def test_what_fails_stores_nothing(store: Path) -> None:
    with stageline.start_run() as run:
        with pytest.raises(InvalidInput):
            stageline.log_model(object(), "model")
        with pytest.raises(InvalidInput):
            stageline.log_model(LinearRegression(), "../model")
        assert stageline.list_artifacts(run.run_id) == []
        stageline.log_text("x", "file.txt")
        for uri in (f"runs:/{run.run_id}/none", f"runs:/{run.run_id}/file.txt"):
            with pytest.raises(NotFound):
                stageline.load_model(uri)


def test_models_elsewhere_are_opened_with_the_options_that_are_looked_up(tmp_path: Path) -> None:
    asked: list[str] = []

    def look_up() -> dict[str, str]:
        asked.append("once more")
        return {}

    workspace = Workspace.open(tmp_path / "store", storage_options=look_up)
    assert workspace.storage_options == {}
    with pytest.raises(NotFound):
        workspace.models.load("memory://models-elsewhere/none")
    assert workspace.beside("memory://beside").storage_options == {}
    assert len(asked) == 2
