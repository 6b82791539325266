"""Lets the tests of this folder share what they have."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from lineage_flows import deployed, promoted, trained, workspace_in

from stageline import Workspace

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return workspace_in(tmp_path)


@pytest.fixture
def chain(workspace: Workspace) -> str:
    """Data, run, version, stage and deployment; the run's id."""
    run_id = trained(workspace)
    deployed(workspace, promoted(workspace, run_id))
    return run_id
