"""A run that somebody else opened, as the active run of a block."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from stageline.fluent.runs import STACK
from stageline.fluent.session import chosen_workspace

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager

    from stageline.tracking.active import ActiveRun
    from stageline.workspace import Workspace


def activated(
    run: ActiveRun,
    *,
    workspace: Workspace | None = None,
    autolog: Mapping[str, Any] | None = None,
) -> AbstractContextManager[ActiveRun]:
    """Make `run` the active one inside the block; whoever opened it ends it.

    Args:
        run: An open run.
        workspace: Where it lies, if that is not the store of the process: these functions work there meanwhile.
        autolog: Options of `autolog`, to log the fits of this thread or asyncio task inside the block.
    """
    alone = _OnStack(run)
    if workspace is None and autolog is None:
        return alone
    return _in_its_place(alone, workspace, autolog)


class _OnStack:
    """A class, not a generator: a tracked task of a millisecond enters one."""

    __slots__ = ("_run", "_token")

    def __init__(self, run: ActiveRun) -> None:
        self._run = run

    def __enter__(self) -> ActiveRun:
        self._token = STACK.set((*STACK.get(), self._run))
        return self._run

    def __exit__(self, *failure: object) -> None:
        STACK.reset(self._token)


@contextmanager
def _in_its_place(
    alone: _OnStack, workspace: Workspace | None, autolog: Mapping[str, Any] | None
) -> Iterator[ActiveRun]:
    with ExitStack() as block:
        if workspace is not None:
            block.enter_context(chosen_workspace(workspace))
        if autolog is not None:
            from stageline.fluent.models import autologged  # late: few log fits

            block.enter_context(autologged(autolog))
        yield block.enter_context(alone)
