"""A slow, lossy and cut network between a training and SeaweedFS: nothing lost, nothing stuck, and words that help."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from processes import Script, lines_of, until
from servers import KEY, SEAWEEDFS_KEYS, SECRET, free_ports, seaweedfs_command
from wire import FAR, Wire, started, why_not, wired

pytestmark = pytest.mark.slow

HEAD = """
import json, os, sys
from pathlib import Path
from stageline import MetricPoint, Workspace
from stageline.errors import StagelineError
workspace = Workspace.open(sys.argv[1])
diary = os.open(sys.argv[2], os.O_CREAT | os.O_WRONLY | os.O_APPEND)
say = lambda *what: os.write(diary, (json.dumps(what) + "\\n").encode())
def until_told(what):
    say("waiting", what)
    while not Path(sys.argv[2] + "." + what).exists():
        pass
"""
TRAIN = """
run = workspace.runs.create(run_name="far")
say("run", run.run_id)
for step in range(300):
    run.log_metric("loss", float(step), step)
    if step == 100:
        run.flush() if sys.argv[3] == "flushes" else until_told("go on")
run.log_points([MetricPoint("batch", float(one), one, one) for one in range(500)])
run.log_param("alpha", 0.5)
workspace.artifacts(run.run_id).log_text("weights" * 50_000, "model.txt")
say("logged", 300)
run.end()
say("ended", run.run_id)
"""
READ = """
run = workspace.runs.get(sys.argv[3])
loss = [point.step for point in workspace.runs.metric_history(run.info.run_id, "loss")]
batch = [point.step for point in workspace.runs.metric_history(run.info.run_id, "batch")]
text = workspace.artifacts(run.info.run_id).read("model.txt").decode()
say("read", run.info.status, loss == list(range(300)), batch == list(range(500)), text == "weights" * 50_000,
    run.data.params)
"""
SYNC = """
say("synced", len(workspace.sync()), len(workspace.sync()))
"""
REGISTER = """
registry = workspace.registry
registry.register("wine", source="s3://elsewhere/1", digest="1")
until_told("go on")
try:
    registry.register("wine", source="s3://elsewhere/2", digest="2")
except StagelineError as error:
    say("refused", type(error).__name__, str(error))
until_told("healed")
say("registered", registry.register("wine", source="s3://elsewhere/2", digest="2").version)
say("versions", [version.source for version in registry.versions("wine")])
"""
ENDS_WITHIN_S = 150
"""Of a process on a busy machine, where what it waits for by itself is a few seconds."""


@dataclass
class Place:
    """A store behind a wire."""

    wire: Wire
    endpoint: str
    url: str
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_DEFAULT_REGION": "us-east-1",
            "STAGELINE_SPOOL": str(self.folder / "spool"),
            "STAGELINE_CACHE": str(self.folder / "cache"),
            "STAGELINE_FLUSH_S": "0",
            "STAGELINE_END_TIMEOUT_S": "3",
            "STAGELINE_RETRY_FOR_S": "3",
        }

    def start(self, script: str, *arguments: str) -> Script:
        """A script at the near end."""
        words = [sys.executable, "-c", textwrap.dedent(HEAD + script), self.url, str(self.diary)]
        return started(
            self.wire.near, [*words, *arguments], env=self.environment, stderr=subprocess.PIPE
        )

    def run(self, script: str, *arguments: str) -> str:
        """What a script at the near end complained of."""
        with self.start(script, *arguments) as process:
            _, complaints = process.communicate(timeout=ENDS_WITHIN_S)
        assert process.returncode == 0, complaints
        return complaints

    @property
    def diary(self) -> Path:
        return self.folder / "diary"

    def said(self, what: str) -> list[list[object]]:
        return [line[1:] for line in map(json.loads, lines_of(self.diary)) if line[0] == what]

    def wait_for(self, what: str) -> None:
        give_up = time.monotonic() + ENDS_WITHIN_S
        while not self.said(what):
            assert time.monotonic() < give_up, f"nobody has {what}"
            time.sleep(0.05)

    def tell(self, what: str) -> None:
        until(lambda: [what] in self.said("waiting"), f"it waits for {what!r}")
        Path(f"{self.diary}.{what}").touch()


@pytest.fixture(scope="module")
def far(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Wire, str]]:
    """SeaweedFS at the far end of a wire."""
    if lack := why_not():
        pytest.skip(lack)
    weed = Path(sys.executable).with_name("weed")
    if not weed.exists():
        pytest.skip("weed is not installed in this environment")
    folder = tmp_path_factory.mktemp("far")
    with wired() as wire, (folder / "log").open("wb") as log:
        command, endpoint = seaweedfs_command(str(weed), folder, free_ports(12), FAR)
        server = started(
            wire.far, command, cwd=folder, stdout=log, stderr=log, env={**os.environ, **SEAWEEDFS_KEYS}
        )  # fmt: skip
        try:
            make = [sys.executable, "-c", FIRST_BUCKET, endpoint, KEY, SECRET]
            made = subprocess.run(
                [*wire.near.within, *make], capture_output=True, check=False, timeout=ENDS_WITHIN_S
            )
            assert made.returncode == 0, made.stderr.decode()
            yield wire, endpoint
        finally:
            server.kill()
            server.wait()


FIRST_BUCKET = """
import sys, time
import s3fs
endpoint, key, secret = sys.argv[1:]
for left in reversed(range(200)):
    try:
        fs = s3fs.S3FileSystem(key=key, secret=secret, skip_instance_cache=True,
                               client_kwargs={"endpoint_url": endpoint, "region_name": "us-east-1"})
        if not fs.exists("far"):
            fs.call_s3("create_bucket", Bucket="far")
        fs.pipe_file("far/_first", b"1")
        break
    except OSError:
        if not left:
            raise
        time.sleep(0.2)
"""


@pytest.fixture
def place(far: tuple[Wire, str], tmp_path: Path) -> Iterator[Place]:
    wire, endpoint = far
    yield Place(wire, endpoint, f"s3://far/{tmp_path.name}", tmp_path)
    wire.loss, wire.delay_s, wire.is_cut = 0.0, (0.0, 0.0), False


def check_all_is_there(place: Place, run_id: object) -> None:
    place.run(READ, str(run_id))
    assert place.said("read") == [["FINISHED", True, True, True, {"alpha": "0.5"}]]


def test_packets_that_are_lost_late_and_overtaken_lose_no_record(place: Place) -> None:
    place.wire.loss, place.wire.delay_s = 0.1, (0.01, 0.1)
    before = place.wire.lost
    place.run(TRAIN, "flushes")
    assert place.wire.lost > before, "the wire was bad"
    place.wire.loss, place.wire.delay_s = 0.0, (0.0, 0.0)
    place.run(SYNC)
    ((run_id,),) = place.said("ended")
    check_all_is_there(place, run_id)


def test_training_whose_wire_is_cut_goes_on_and_sync_ships_all_of_it(place: Place) -> None:
    with place.start(TRAIN, "waits") as training:
        until(lambda: place.said("waiting") == [["go on"]], "it has logged")
        place.wire.is_cut = True
        place.tell("go on")
        _, complaints = training.communicate(timeout=ENDS_WITHIN_S)
    assert training.returncode == 0, complaints
    assert place.said("logged") == [[300]]
    assert "`stageline sync`" in complaints
    assert place.endpoint in complaints
    place.wire.is_cut = False
    place.run(SYNC)
    assert place.said("synced") == [[1, 0]]
    ((run_id,),) = place.said("ended")
    check_all_is_there(place, run_id)


def test_registration_over_a_cut_wire_is_told_as_unknown_and_may_be_asked_again(
    place: Place,
) -> None:
    with place.start(REGISTER) as registering:
        until(lambda: place.said("waiting") == [["go on"]], "the first version")
        place.wire.is_cut = True
        place.tell("go on")
        place.wait_for("refused")
        place.wire.is_cut = False
        place.tell("healed")
        _, complaints = registering.communicate(timeout=ENDS_WITHIN_S)
    assert registering.returncode == 0, complaints
    ((kind, message),) = place.said("refused")
    assert kind == "StorageFailed"
    assert "unknown" in str(message)
    assert "again is safe" in str(message)
    assert place.said("registered") == [[2]]
    assert place.said("versions") == [[["s3://elsewhere/1", "s3://elsewhere/2"]]]


def test_command_over_a_cut_wire_says_where_nobody_answered(place: Place) -> None:
    place.wire.is_cut = True
    program = str(Path(sys.executable).with_name("stageline"))
    asked = [*place.wire.near.within, program, "--store", place.url, "experiments", "list"]
    done = subprocess.run(
        asked, env=place.environment, capture_output=True, text=True, check=False,
        timeout=ENDS_WITHIN_S,
    )  # fmt: skip
    assert done.returncode == 7, done.stderr
    assert place.endpoint in done.stderr
    assert "STAGELINE_REACH_FOR_S" in done.stderr
