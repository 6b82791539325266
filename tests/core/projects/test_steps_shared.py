"""Steps of several machines: racing processes, a bucket between them, and the example that shows them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from racing import race
from servers import S3Server

from stageline import Workspace
from stageline.domain.run import Run
from stageline.domain.task_tags import TAG_CACHED_FROM
from stageline.projects import read_steps
from stageline.projects.tags import TAG_STEP
from stageline.storage.open import open_store

EXAMPLE = Path(__file__).parents[3] / "examples" / "steps"

RACER = """
    import json, os, sys
    from stageline import Workspace
    workspace = Workspace.open(sys.argv[1], cache=os.path.join(sys.argv[2], str(os.getpid())))
    submitted = workspace.projects.run(sys.argv[3], say=lambda line: None)
    print(json.dumps([submitted.run_id, submitted.get_status()]))
"""


def children(workspace: Workspace, parent: str) -> dict[str, Run]:
    runs = workspace.search_runs(["0"])
    return {run.data.tags[TAG_STEP]: run for run in runs if run.parent_run_id == parent}


def ran(runs: dict[str, Run]) -> set[str]:
    return {name for name, run in runs.items() if TAG_CACHED_FROM not in run.data.tags}


def report(workspace: Workspace, runs: dict[str, Run]) -> bytes:
    run = runs["compare"]
    maker = run.data.tags.get(TAG_CACHED_FROM, run.info.run_id)
    return workspace.artifacts(maker).read("report.md")


@pytest.mark.slow
def test_racing_processes_are_both_right_and_spare_the_next(
    workspace: Workspace, tmp_path: Path
) -> None:
    told = race(RACER, workspace.settings.store, str(tmp_path), str(EXAMPLE), count=2)
    both = [json.loads(one) for one in told]
    assert [status for _, status in both] == ["FINISHED"] * 2
    found = [children(workspace, run_id) for run_id, _ in both]
    assert all(len(runs) == 4 for runs in found)
    assert ran(found[0]) | ran(found[1]) == {"points", "flat", "straight", "compare"}
    assert report(workspace, found[0]) == report(workspace, found[1])
    again = workspace.projects.run(EXAMPLE)
    assert ran(children(workspace, again.run_id)) == set()


def test_example_runs_what_has_changed(workspace: Workspace) -> None:
    assert [step.name for step in read_steps(EXAMPLE)] == ["points", "flat", "straight", "compare"]
    before = sorted(path.name for path in EXAMPLE.rglob("*"))
    first = children(workspace, workspace.projects.run(EXAMPLE).run_id)
    assert ran(first) == first.keys()
    metrics = first["compare"].data.metrics
    assert metrics["rmse.straight"] < 0.2 < metrics["rmse.flat"]
    assert report(workspace, first).startswith(b"| model | rmse |\n")
    steeper = {"straight.degree": 2}
    second = children(workspace, workspace.projects.run(EXAMPLE, parameters=steeper).run_id)
    assert ran(second) == {"straight"}, "it fits the same line, so nothing after it has changed"
    noisier = workspace.projects.run(EXAMPLE, parameters={"noise": 0.3}, max_parallel=2)
    assert len(ran(children(workspace, noisier.run_id))) == 4
    assert sorted(path.name for path in EXAMPLE.rglob("*")) == before


@pytest.mark.slow
def test_bucket_shares_what_was_made(
    seaweedfs_server: S3Server, tmp_path: Path, make_project: Callable[..., Path]
) -> None:
    folder = make_project(
        MLproject="""
            steps:
              - {name: a, entry_point: a.sh, outputs: [a.txt]}
              - {name: b, entry_point: b.sh, inputs: [a.txt, DATA], outputs: [b.txt]}
        """,
        a_sh="echo a > a.txt",
        b_sh="cat a.txt > b.txt",
    )
    url, options = seaweedfs_server.new_place(), seaweedfs_server.options
    file = folder / "MLproject"
    file.write_text(file.read_text().replace("DATA", f"'{url}/data.csv'"))
    machines = [
        Workspace.open(
            f"{url}/store",
            storage_options=options,
            spool=str(tmp_path / f"spool-{number}"),
            cache=str(tmp_path / f"cache-{number}"),
        )
        for number in range(2)
    ]
    beside = open_store(url, options)
    beside.replace("data.csv", b"1")
    first = machines[0].projects.run(folder)
    assert ran(children(machines[0], first.run_id)) == {"a", "b"}
    second = machines[1].projects.run(folder)
    assert ran(children(machines[1], second.run_id)) == set()
    beside.replace("data.csv", b"22")
    third = machines[1].projects.run(folder)
    assert ran(children(machines[1], third.run_id)) == {"b"}
