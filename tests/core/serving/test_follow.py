"""Following a stage: requests flow while it moves, and none fails; what can not be loaded changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from processes import until
from served import Clients, Served, save_answering

from stageline.errors import Corrupt, InvalidInput, NotFound, StorageFailed
from stageline.serving.following import Follower, Found, check_followed, find, remove
from stageline.workspace import Workspace

OWN = "/api/stageline/1/serving"


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    """Three versions of a model, the first in Production and the third broken."""
    workspace = Workspace.open(tmp_path / "store")
    for number in (1, 2, 3):
        folder = save_answering(tmp_path / f"model-{number}", f"v{number}")
        if number == 3:
            (folder / "python_model.pkl").write_bytes(b"no pickle")
            (folder / "MLmodel").write_text((folder / "MLmodel").read_text().split("metadata:")[0])
        workspace.registry.register("wine", source=str(folder))
    workspace.registry.transition("wine", 1, "Production")
    return workspace


def promote(workspace: Workspace, version: int) -> None:
    workspace.registry.transition("wine", version, "Production", archive_existing=True)


@pytest.mark.slow
def test_no_request_fails_while_a_stage_moves_there_and_back(
    workspace: Workspace, tmp_path: Path
) -> None:
    uri = "models:/wine/Production"
    options = ["--follow", "--every", "0.2", "--workers", "2"]
    with (
        Served(uri, tmp_path, *options, store=workspace.store.url).ready() as served,
        Clients(served, 4) as clients,
    ):
        first = psutil.Process(served.predict().pid)
        promote(workspace, 2)
        until(lambda: clients.names[-1:] == ["v2"], "answers of the second version")
        promote(workspace, 1)
        until(lambda: clients.names[-1:] == ["v1"], "answers of the first version again")
        until(lambda: not first.is_running(), "the first worker's end")
        assert served.predict().headers["stageline-model"] == "models:/wine/1"
        assert served.end() == 0
        until(lambda: clients.outcomes["refused"] == 4, "refusals")
        assert set(clients.outcomes) == {200, "refused"}, clients.errors
        assert set(clients.names) == {"v1", "v2"}
    assert not [*tmp_path.glob("stageline-serve-*")], "no copy of a version is left behind"


@pytest.mark.slow
def test_version_that_can_not_be_loaded_leaves_the_old_one_serving_and_says_so(
    workspace: Workspace, tmp_path: Path
) -> None:
    uri = "models:/wine/Production"
    with Served(
        uri, tmp_path, "--follow", "--every", "0.2", store=workspace.store.url
    ).ready() as served:
        assert served.get(OWN).body["following"] == {"trouble": None}
        promote(workspace, 3)
        until(lambda: bool(served.get(OWN).body["following"]["trouble"]), "trouble")
        own = served.get(OWN).body
        assert own["model"] == "models:/wine/1"
        assert own["following"]["trouble"].startswith("models:/wine/3 can not be loaded")
        assert str(tmp_path) not in own["following"]["trouble"]
        assert "models:/wine/1 goes on being served" in served.text
        assert served.predict().name == "v1"
        promote(workspace, 2)
        until(lambda: served.predict().name == "v2", "the version after it")
        assert served.get(OWN).body["following"] == {"trouble": None}


@pytest.mark.slow
def test_alias_and_latest_are_followed_too(workspace: Workspace, tmp_path: Path) -> None:
    workspace.registry.set_alias("wine", "champion", 1)
    options = ["--follow", "--every", "0.2"]
    with Served(
        "models:/wine@champion", tmp_path, *options, store=workspace.store.url
    ).ready() as served:
        assert served.predict().name == "v1"
        workspace.registry.set_alias("wine", "champion", 2)
        until(lambda: served.predict().name == "v2", "the other version")


def test_what_never_moves_is_not_followed() -> None:
    for uri in ("models:/wine/3", "runs:/abc/model", "/a/folder"):
        with pytest.raises(InvalidInput, match="nothing to follow"):
            check_followed(uri)
    for uri in ("models:/wine/latest", "models:/wine@champion", "models:/wine/Production"):
        assert check_followed(uri).name == "wine"


class Shelf:
    """Versions, where they are wanted, and what goes wrong on the way."""

    def __init__(self) -> None:
        self.version = 1
        self.error: Exception | None = None
        self.fetched: list[str] = []

    def version_of(self, uri: str) -> int:
        if isinstance(self.error, NotFound):
            raise self.error
        return self.version

    def fetch(self, uri: str, dst: Path | None) -> Path:
        if self.error is not None:
            raise self.error
        self.fetched.append(uri)
        assert dst is not None
        dst.mkdir()
        return dst


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def told() -> Iterator[list[Found | str]]:
    told: list[Found | str] = []
    yield told
    for one in told:
        if isinstance(one, Found):
            remove(one)
            assert not one.folder.exists()


@pytest.fixture
def follower(shelf: Shelf, told: list[Found | str]) -> Follower:
    return Follower(shelf, "models:/wine/Production", "models:/wine/1", 60, told.append)


def test_each_new_version_is_fetched_and_told_once(
    follower: Follower, shelf: Shelf, told: list[Found | str]
) -> None:
    follower.look()
    assert told == []
    shelf.version = 2
    follower.look()
    follower.look()
    assert [one.label for one in told if isinstance(one, Found)] == ["models:/wine/2"]
    assert shelf.fetched == ["models:/wine/2"]


def test_version_whose_files_are_damaged_is_told_once_and_not_fetched_again(
    follower: Follower, shelf: Shelf, told: list[Found | str]
) -> None:
    shelf.version, shelf.error = 2, Corrupt("secret details")
    follower.look()
    follower.look()
    assert told == ["models:/wine/2 can not be fetched: corrupt"]
    shelf.version, shelf.error = 3, None
    follower.look()
    assert told[1] == ""
    assert [one.label for one in told if isinstance(one, Found)] == ["models:/wine/3"]


def test_store_that_was_away_is_asked_again(
    follower: Follower, shelf: Shelf, told: list[Found | str]
) -> None:
    shelf.version, shelf.error = 2, StorageFailed("away")
    with pytest.raises(StorageFailed):
        follower.look()
    shelf.error = None
    follower.look()
    assert [one.label for one in told if isinstance(one, Found)] == ["models:/wine/2"]


def test_trouble_in_a_look_is_told_once_until_it_is_over(
    shelf: Shelf, told: list[Found | str]
) -> None:
    follower = Follower(shelf, "models:/wine/Production", "models:/wine/1", 0.001, told.append)
    shelf.error = NotFound("nothing is in the stage now")
    follower.start()
    until(lambda: len(told) == 1, "trouble")
    shelf.error = None
    until(lambda: len(told) == 2, "its end")
    follower.stop()
    follower.join()
    assert told == ["models:/wine/Production can not be looked up: not_found", ""]


def test_poll_is_one_listing(workspace: Workspace) -> None:
    from stageline.cli.serving import Source
    from stageline.testing.counting import CountingStore

    counting = CountingStore(workspace.store)
    source = Source(Workspace(counting, workspace.settings))
    source.version_of("models:/wine/Production")
    with counting.counted() as counts:
        for _ in range(3):
            assert source.version_of("models:/wine/Production") == 1
    assert counts.by_verb() == {"list": 3}


def test_model_at_a_place_is_named_without_the_place(tmp_path: Path) -> None:
    shelf = Shelf()
    shelf.fetch = lambda uri, dst: tmp_path  # type: ignore[method-assign]
    assert find(shelf, "s3://user:secret@bucket/models/wine?x=1").label == "wine"
    assert find(shelf, str(tmp_path)).label == tmp_path.name
    assert find(shelf, "runs:/abc/model").label == "runs:/abc/model"
