"""Which experiment a run belongs to: remembered, since it never changes and each page of a run asks."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stageline.workspace import Workspace

MOST = 10_000


class Homes:
    """Of one workspace. Safe from many threads."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._known: OrderedDict[str, str] = OrderedDict()

    def of(self, run_id: str) -> str:
        """The id of its experiment. Raises `NotFound`."""
        known = self._known.get(run_id)
        if known is None:
            known = self._workspace.runs.get(run_id).info.experiment_id
            self._known[run_id] = known
            while len(self._known) > MOST:
                self._known.popitem(last=False)
        return known
