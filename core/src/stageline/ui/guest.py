"""Who reads the pages within another application, which knows them and says what they may."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stageline.server.caller import EVERYTHING, RIGHTS, Caller, Grant

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from stageline.server.caller import Right


class Guest(Caller):
    """Somebody who has signed in to another application, with what that one lets them do here.

    Args:
        name: Goes into the registry's history.
        experiments: Rights (`read`, `write`) on all experiments and their runs.
        models: Rights (`read`, `write`, `promote`) on all registered models.
        reads_run: Whether they may read a run, by its tags, where `experiments` does not say so. Called in a thread.
    """

    __slots__ = ("reads_run",)

    def __init__(
        self,
        name: str,
        *,
        experiments: Collection[Right] = (),
        models: Collection[Right] = (),
        reads_run: Callable[[Mapping[str, str]], bool] | None = None,
    ) -> None:
        grants = [
            Grant(
                frozenset({right}),
                experiments=EVERYTHING if right in experiments else (),
                models=EVERYTHING if right in models else (),
            )
            for right in RIGHTS
            if right in experiments or right in models
        ]
        super().__init__(name, grants)
        self.reads_run = reads_run
