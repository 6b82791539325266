"""Whether a caller may: runs and logged models are judged by their experiment, registered models by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stageline.errors import NotFound
from stageline.server.failures import Refused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stageline.server.auth.homes import Homes
    from stageline.server.caller import Caller, Right


class Access:
    """What one request's caller may do. Cheap to make.

    Whether it `waits` for the store; if not, `NotKnown` is raised where it would have to.
    """

    def __init__(self, homes: Homes, caller: Caller, *, waits: bool = True) -> None:
        self._homes = homes
        self._waits = waits
        self.caller = caller

    # -- may it? ----------------------------------------------------------------------------------

    def of_experiment(self, right: Right, experiment_id: str) -> bool:
        """On an experiment, by id."""
        name = self._homes.experiment_name(experiment_id, waits=self._waits)
        return self.caller.may(right, experiment=name)

    def of_run(self, right: Right, run_id: str) -> bool:
        """On a run."""
        return self.of_experiment(right, self._homes.of_run(run_id, waits=self._waits))

    def of_logged_model(self, right: Right, model_id: str) -> bool:
        """On a logged model."""
        return self.of_experiment(right, self._homes.of_logged_model(model_id, waits=self._waits))

    # -- it must ----------------------------------------------------------------------------------

    def check(self, right: Right) -> None:
        """Raise `Refused` unless the caller has the right somewhere."""
        if not self.caller.may(right):
            raise refused(self.caller, right)

    def check_all(self, right: Right) -> None:
        """Raise `Refused` unless the caller has the right everywhere."""
        if not self.caller.may_all(right):
            raise refused(self.caller, right, "all experiments and models")

    def check_experiment(self, right: Right, experiment_id: str) -> None:
        """Raise `Refused`, or `NotFound` in the words that clients look for."""
        if not self.of_experiment(right, experiment_id):
            raise refused(self.caller, right, f"experiment {experiment_id}")

    def check_experiment_name(self, right: Right, name: str) -> None:
        """Raise `Refused`; the experiment may not be there yet."""
        if not self.caller.may(right, experiment=name):
            raise refused(self.caller, right, f"experiment {name!r}")

    def check_run(self, right: Right, run_id: str) -> None:
        """Raise `Refused`, or `NotFound`."""
        if not self.of_run(right, run_id):
            raise refused(self.caller, right, f"run {run_id}")

    def check_model(self, right: Right, name: str) -> None:
        """Raise `Refused`; the registered model may not be there yet."""
        if not self.caller.may(right, model=name):
            raise refused(self.caller, right, f"model {name!r}")

    def check_logged_model(self, right: Right, model_id: str) -> None:
        """Raise `Refused`, or `NotFound`."""
        if not self.of_logged_model(right, model_id):
            raise refused(self.caller, right, f"logged model {model_id}")

    # -- what there is to see ---------------------------------------------------------------------

    def readable_experiments(self, experiment_ids: Sequence[str]) -> list[str]:
        """Those of the ids that the caller may read."""
        found = []
        for one in experiment_ids:
            try:
                if self.of_experiment("read", one):
                    found.append(one)
            except NotFound:  # whoever searches in what is not there finds nothing, as before
                continue
        return found


def refused(caller: Caller, right: str, thing: str = "") -> Refused:
    """The refusal, in words that tell whom to ask for what."""
    where = f" on {thing}" if thing else ""
    return Refused(
        403,
        "PERMISSION_DENIED",
        f"Permission denied: {caller.name} has no right to {right}{where}. Whoever runs the server grants it",
    )


def field(ask: Any, name: str) -> Any:
    """A field of what is asked, if there is such."""
    return getattr(ask, name, None)
