"""A small store that holds an object of every kind, as bytes by key: what the tests of this folder then damage."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
from sklearn.linear_model import LinearRegression

from stageline.domain import events as ev
from stageline.domain.run import DatasetInput, DatasetRef
from stageline.models.signature import ModelSignature
from stageline.projects.steps.cache import Made, StepCache
from stageline.projects.steps.facts import Facts
from stageline.registry import MetricRule, Policy
from stageline.server.auth.token_store import Tokens
from stageline.storage import layout
from stageline.storage.memory import MemoryStore
from stageline.tasks.forwarding import forward_transitions
from stageline.workspace import Workspace

START = 1_790_000_000_000
FORMATS = Path(__file__).parents[1] / "fixtures" / "formats"
SEGMENTED, SHIPPER = "0190a0b0c0d07abc8def001122334455", "00112233445566aa"
"""As the files of `FORMATS` have it."""

_VANISHED = """
import os, sys
from stageline import Workspace
run = Workspace.open(sys.argv[1], cache=sys.argv[2]).runs.create(sys.argv[3])
run.log_metrics({"loss": 0.5})
print(run.run_id, flush=True)
os.kill(os.getpid(), 9)
"""


class Populated(NamedTuple):
    """The objects, and the ids by which the use cases ask for them."""

    objects: dict[str, bytes]
    experiment_id: str
    run_id: str
    live_id: str
    """Its writer died, and its log was left behind."""
    segmented_id: str
    """Shipped in segments, as to a bucket."""
    model_id: str
    token_id: str
    view_id: str
    choice_id: str
    facts: Facts


def opened(url: str, folder: Path) -> Workspace:
    """A workspace that has seen nothing of the store at `url` yet."""
    return Workspace.open(
        url,
        cache=str(folder / "cache"),
        spool=str(folder / "spool"),
        user="ann",
        webhook_allow="127.0.0.1",
        webhook_http=True,
        webhook_ports="9",
        webhook_timeout_s=1.0,
    )


def populate(folder: Path) -> Populated:
    """Write the store: local first, since only there logs lie in the store."""
    place = folder / "store"
    workspace = opened(str(place), folder)
    runs, registry = workspace.runs, workspace.registry
    experiment_id = workspace.experiments.create("wine", tags={"team": "red"}).experiment_id
    workspace.experiments.set_tag(experiment_id, "team", "white")
    run_ids = [_trained(workspace, experiment_id, alpha) for alpha in (0.1, 0.2, 0.3)]
    run_id = run_ids[-1]
    model = workspace.logged_models.create(experiment_id, "net", source_run_id=run_id)
    workspace.index.index(experiment_id).rebuild(lambda: runs.summaries(experiment_id))
    _trained(workspace, experiment_id, 0.4)
    workspace.webhooks.create("chat", "http://127.0.0.1:9/hook", ["registered_model.created"])
    registry.register("wine", run_id=run_ids[0], artifact_path="model")
    registry.register("wine", run_id=run_ids[1], artifact_path="model")
    registry.transition("wine", 1, "Production")
    registry.set_alias("wine", "champion", 1)
    registry.set_policy(
        "wine",
        "Production",
        Policy(rules=(MetricRule(condition="metrics.rmse < 9"),), approvals=1, approvers=("bob",)),
    )
    registry.request_transition("wine", 2, "Production", comment="better")
    registry.create_registered_model("other")
    forward_transitions(workspace, "prefect", lambda _: None, from_start=True)
    workspace.webhooks.deliver()
    token, _ = Tokens(workspace.store, workspace.clock).create("ann", ["read"])
    Tokens(workspace.store, workspace.clock).revoke(token.token_id)
    view = workspace.views.save(experiment_id, "Best ones", "filter=metrics.rmse+%3C+9", "ann")
    choice_id = workspace.views.keep_choice(experiment_id, run_ids)
    facts = Facts(
        entry_point="fit.py",
        command="python fit.py",
        parameters={},
        environment="e1",
        code={"fit.py": "c1"},
        inputs={},
        outputs=["notes.txt"],
    )
    made = Made(run_id=run_id, step="fit", facts=facts, outputs={})
    StepCache(workspace.store, runs).put(made, "project")
    gone = _trained(workspace, experiment_id, 0.5)
    runs.delete(gone)
    collector = workspace.collector()
    collector.mark(collector.plan(older_than_s=0))
    workspace.runs.close()
    live_id = _vanished(place, folder, experiment_id)
    objects = {
        path.relative_to(place).as_posix(): path.read_bytes()
        for path in sorted(place.rglob("*"))
        if path.is_file() and not path.name.startswith(".")
    }
    objects |= _shipped()
    return Populated(
        objects,
        experiment_id,
        run_id,
        live_id,
        SEGMENTED,
        model.model_id,
        token.token_id,
        view.view_id,
        choice_id,
        facts,
    )


def _shipped() -> dict[str, bytes]:
    kept = {
        "start-1.json": layout.run_start(SEGMENTED),
        "segment-1.seg": layout.run_segment(SEGMENTED, SHIPPER, 3),
        "end-1.json": layout.run_end(SEGMENTED, SHIPPER),
    }
    return {key: (FORMATS / name).read_bytes() for name, key in kept.items()}


def _trained(workspace: Workspace, experiment_id: str, alpha: float) -> str:
    with workspace.runs.create(experiment_id, run_name=f"sweep {alpha}") as run:
        run.log_params({"alpha": alpha})
        run.log_batch([("rmse", 1 / (step + 1), step, START + step) for step in range(9)], {})
        ref = DatasetRef(namespace="s3://lake", name="wine.csv", digest="d1")
        run.log_input(DatasetInput(ref, {}))
        run.record(ev.OutputWritten(START, "stdout", "epoch 1\n"))
        files = workspace.artifacts(run.run_id)
        files.log_text("hello\n", "notes.txt")
        files.log_text("x,y\n1,2\n", "squares.csv")
        files.log_dict({"classes": ["red", "white"]}, "labels.json")
        fitted = LinearRegression().fit(np.array([[0.0], [1.0]]), np.array([0.0, alpha]))
        workspace.models.log(
            run.run_id, fitted, pip_requirements=["scikit-learn"], signature=_SIGNATURE
        )
    return run.run_id


_SIGNATURE = ModelSignature.from_dict(
    {
        "inputs": '[{"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1, 1]}}]',
        "outputs": '[{"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1]}}]',
    }
)


def _vanished(store: Path, folder: Path, experiment_id: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", _VANISHED, str(store), str(folder / "cache"), experiment_id],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "PYTHONFAULTHANDLER": ""},
    )
    run_id = done.stdout.strip()
    assert run_id, done.stderr
    return run_id


def in_memory(url: str, objects: dict[str, bytes]) -> MemoryStore:
    """A store in memory that holds these objects and nothing else."""
    store = MemoryStore(url)
    store.clear()
    for key, data in objects.items():
        store.replace(key, data)
    return store
