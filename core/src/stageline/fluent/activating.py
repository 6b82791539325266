"""A run that somebody else opened, as the active run of a block."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from stageline.fluent.runs import STACK
from stageline.fluent.session import chosen_workspace

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from stageline.tracking.active import ActiveRun
    from stageline.workspace import Workspace


@contextmanager
def activated(
    run: ActiveRun,
    *,
    workspace: Workspace | None = None,
    autolog: Mapping[str, Any] | None = None,
) -> Iterator[ActiveRun]:
    """Make `run` the active one inside the block; whoever opened it ends it.

    Args:
        run: An open run.
        workspace: Where it lies, if that is not the store of the process: these functions work there meanwhile.
        autolog: Options of `autolog`, to log the fits of this thread or asyncio task inside the block.
    """
    with ExitStack() as block:
        if workspace is not None:
            block.enter_context(chosen_workspace(workspace))
        if autolog is not None:
            from stageline.fluent.models import autologged  # late: few log fits

            block.enter_context(autologged(autolog))
        token = STACK.set((*STACK.get(), run))
        try:
            yield run
        finally:
            STACK.reset(token)
