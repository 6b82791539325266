"""The block in which a task's own code runs: its run is the active one, for it and for what it starts."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from stageline.tasks.environment import NamedInEnvironment

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from stageline.tasks.session import Session
    from stageline.tracking.active import ActiveRun


class ActiveBlock:
    """Entered around the task's code; nothing happens if there is no open run.

    What it can not do, for whatever error, `spare` is told, which decides whether the task is to fail of it.
    """

    __slots__ = ("_activated", "_named", "_run", "_session", "_spare")

    def __init__(
        self,
        run: ActiveRun | None,
        session: Session | None,
        spare: Callable[[str, Exception], None],
    ) -> None:
        self._run = run
        self._session = session
        self._spare = spare
        self._activated: AbstractContextManager[Any] | None = None
        self._named: NamedInEnvironment | None = None

    def __enter__(self) -> None:
        run, session = self._run, self._session
        if run is None or session is None:
            return
        try:
            try:
                activated = session.activated(run)
                activated.__enter__()
                self._activated = activated
            except Exception as error:
                self._spare("make its run the active one", error)
            try:
                named = NamedInEnvironment(run, session)
                named.__enter__()
                self._named = named
            except Exception as error:
                self._spare("name its run in the environment", error)
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise

    def __exit__(self, *failure: Any) -> None:
        try:
            if self._named is not None:
                self._named.__exit__(*failure)
        finally:
            if self._activated is not None:
                self._activated.__exit__(*failure)
