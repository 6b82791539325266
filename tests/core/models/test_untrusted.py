"""Model folders of strangers: nothing in one runs, leads elsewhere or passes for what it is not."""

from __future__ import annotations

import io
import os
import pickle
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from sklearn.linear_model import LinearRegression

from stageline.errors import Corrupt, NotAllowed, NotFound, StagelineError
from stageline.models.loading import load_folder
from stageline.models.mlmodel import DIGESTS
from stageline.models.saving import save_model
from stageline.models.trust import Trust

FIXTURES = Path(__file__).parent / "fixtures"


@pytest.fixture
def model(linear: LinearRegression, tmp_path: Path) -> Path:
    save_model(linear, tmp_path / "model")
    return tmp_path / "model"


class _Planted:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.path}",)


def _rewrite(folder: Path, change: Any) -> None:
    """As somebody does who may write to the place: the MLmodel file and its digests are theirs too."""
    raw = yaml.safe_load((folder / "MLmodel").read_text())
    raw["metadata"].pop(DIGESTS, None)
    change(raw)
    (folder / "MLmodel").write_text(yaml.safe_dump(raw))


@pytest.mark.parametrize("form", ["pickle", "cloudpickle", "skops", None, "joblib"])
def test_planted_pickle_does_not_run(form: str | None, model: Path, tmp_path: Path) -> None:
    pwned = tmp_path / "pwned"
    (model / "model.skops").unlink()
    (model / "model.pkl").write_bytes(pickle.dumps(_Planted(pwned)))

    def change(raw: dict[str, Any]) -> None:
        raw["flavors"]["sklearn"].update(pickled_model="model.pkl", serialization_format=form)
        raw["flavors"]["sklearn"]["skops_trusted_types"] = ["posix.system"]

    _rewrite(model, change)
    with pytest.raises((NotAllowed, Corrupt)):
        load_folder(model)
    assert not pwned.exists()
    if form == "pickle":
        with pytest.raises(Corrupt, match="has no method 'predict'"):
            load_folder(model, trust=Trust(allow_pickle=True))
        assert pwned.exists(), "the payload works, where it is allowed"


def test_types_that_a_model_says_to_trust_are_not(model: Path, tmp_path: Path) -> None:
    import skops.io

    (model / "model.skops").write_bytes(skops.io.dumps({"run": os.system}))
    _rewrite(
        model, lambda raw: raw["flavors"]["sklearn"].update(skops_trusted_types=["posix.system"])
    )
    with pytest.raises(NotAllowed, match=r"posix\.system"):
        load_folder(model)


def test_module_named_by_a_model_is_not_imported(model: Path, tmp_path: Path) -> None:
    (model / "evil.py").write_text(f"open({str(tmp_path / 'pwned')!r}, 'w')\n")

    def change(raw: dict[str, Any]) -> None:
        raw["flavors"] = {"python_function": {"loader_module": "evil", "code": "."}}

    _rewrite(model, change)
    with pytest.raises((NotAllowed, Corrupt)):
        load_folder(model)
    _rewrite(model, lambda raw: raw["flavors"]["python_function"].pop("code"))
    with pytest.raises(NotAllowed, match=r"loaded by the module 'evil'.*brings a flavor"):
        load_folder(model)
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize(
    "path",
    [
        "../secret",
        "/etc/passwd",
        "a/../../secret",
        "..%2fsecret",
        "%252e%252e/secret",
        "..\\secret",
        "",
        3,
        None,
    ],
)
def test_path_that_leads_out_of_the_folder_is_refused(path: Any, model: Path) -> None:
    (model.parent / "secret").write_text("x")
    _rewrite(model, lambda raw: raw["flavors"]["sklearn"].update(pickled_model=path))
    with pytest.raises(Corrupt):
        load_folder(model, trust=Trust(allow_pickle=True))


def test_links_and_pipes_in_a_folder_are_refused(model: Path) -> None:
    (model / "notes").symlink_to("/etc/passwd")
    with pytest.raises(NotAllowed, match="symbolic link"):
        load_folder(model)
    (model / "notes").unlink()
    (model / "deep").symlink_to(model.parent, target_is_directory=True)
    with pytest.raises(NotAllowed, match="symbolic link"):
        load_folder(model)
    (model / "deep").unlink()
    os.mkfifo(model / "pipe")
    with pytest.raises(NotAllowed, match="pipe"):
        load_folder(model)


@pytest.mark.parametrize("change", ["cut", "flip", "empty", "missing", "added"])
def test_changed_file_is_corrupt_before_anything_is_read(change: str, model: Path) -> None:
    file = model / "model.skops"
    data = file.read_bytes()
    if change == "missing":
        file.unlink()
    elif change == "added":
        (model / "sklearn.py").write_text("raise SystemExit")
    else:
        file.write_bytes(
            {"cut": data[: len(data) // 2], "flip": bytes([data[0] ^ 1]) + data[1:], "empty": b""}[
                change
            ]
        )
    with pytest.raises(Corrupt, match="is not what was saved"):
        load_folder(model)


@pytest.mark.parametrize("size", [0, 1, 100, 1000])
def test_truncated_model_without_digests_is_corrupt(size: int, tmp_path: Path) -> None:
    shutil.copytree(FIXTURES / "mlflow-3.17.2-sklearn", tmp_path / "model")
    file = tmp_path / "model" / "model.skops"
    file.write_bytes(file.read_bytes()[:size])
    with pytest.raises(Corrupt):
        load_folder(tmp_path / "model")


def test_archive_that_grows_without_measure_is_not_unpacked(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stageline.models.flavors.sklearn.MAX_SMALL", 1 << 20)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("schema.json", "{}")
        archive.writestr("1.npy", b"\0" * (4 << 20))
    (model / "model.skops").write_bytes(buffer.getvalue())
    _rewrite(model, lambda raw: None)
    with pytest.raises(Corrupt, match="would unpack"):
        load_folder(model)


def test_no_model_is_not_found(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises(NotFound):
            load_folder(path)


def test_model_of_mlflow_loads_without_digests_of_ours(frame: pd.DataFrame) -> None:
    loaded = load_folder(FIXTURES / "mlflow-3.17.2-sklearn")
    assert loaded.metadata.digests == {}
    assert loaded.predict(frame, {"q": 2}).shape == (4,)
    example = loaded.input_example()
    assert example is not None
    assert [*example[0].columns] == ["a", "b"]


def test_model_of_mlflow_2_loads_with_consent(tmp_path: Path) -> None:
    frame = pd.DataFrame({"alcohol": [1.0, 2.0], "pH": [3.0, 3.5]})
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(LinearRegression().fit(frame, [1, 2])))
    shutil.copyfile(FIXTURES / "mlflow-2-MLmodel", tmp_path / "MLmodel")
    for name in ("conda.yaml", "python_env.yaml", "requirements.txt"):
        (tmp_path / name).write_text("")
    with pytest.raises(NotAllowed):
        load_folder(tmp_path)
    assert load_folder(tmp_path, trust=Trust(allow_pickle=True)).predict(frame).round(
        6
    ).tolist() == [1, 2]


def test_every_refusal_is_an_error_of_ours(model: Path) -> None:
    _rewrite(model, lambda raw: raw["flavors"].update(sklearn={"pickled_model": ["a"]}))
    with pytest.raises(StagelineError):
        load_folder(model)
