"""What every route of `/api/stageline/1` has at hand: the store, and in whose name it acts, within their rights."""

from __future__ import annotations

from typing import Annotated, TypeVar

from fastapi import Depends, Path, Query, Request

from stageline.domain.page import check_max_results, decode_token, encode_token
from stageline.errors import NotAllowed
from stageline.registry.registry import Registry
from stageline.server.caller import Right, actor_of, caller_of
from stageline.server.replica import Replica
from stageline.workspace import Workspace

T = TypeVar("T")

MOST = 1000
"""Things on one page."""


class Asker:
    """One request's view of the store."""

    def __init__(self, request: Request) -> None:
        self.replica: Replica = request.app.state.replica
        self.scope = request.scope
        self.caller = caller_of(request.scope)

    @property
    def workspace(self) -> Workspace:
        """The store."""
        return self.replica.workspace

    @property
    def registry(self) -> Registry:
        """The registry, where entries say that the caller made them."""
        return self.workspace.registry.acting(actor_of(self.scope, self.workspace.settings.user))

    def reading(self, model: str) -> Registry:
        """The registry, for whoever may read a model. Raises `NotAllowed`."""
        self.check("read", model=model)
        return self.registry

    def promoting(self, model: str) -> Registry:
        """The registry, for whoever may move a model's versions. Raises `NotAllowed`."""
        self.check("promote", model=model)
        return self.registry

    def requesting(self, model: str) -> Registry:
        """The registry, for whoever may ask that a model's versions are moved. Raises `NotAllowed`."""
        if not self.caller.may("promote", model=model):
            self.check("write", model=model)
        return self.registry

    def sees(self, model: str) -> bool:
        """Whether a model is shown to them in a list."""
        return self.caller.is_unlimited or self.caller.may("read", model=model)

    def check(
        self, right: Right, *, model: str | None = None, experiment: str | None = None
    ) -> None:
        """Raise `NotAllowed` unless the caller has the right."""
        if not self.caller.may(right, model=model, experiment=experiment):
            what = f"model {model!r}" if model is not None else f"experiment {experiment!r}"
            raise NotAllowed(f"{self.caller.name} has no right to {right} {what}")

    def check_all(self, right: Right) -> None:
        """Raise `NotAllowed` unless the caller has the right everywhere: for what crosses models and experiments."""
        if not self.caller.is_unlimited and not self.caller.may_all(right):
            raise NotAllowed(
                f"{self.caller.name} has no right to {right} all experiments and models"
            )

    def run_experiment(self, run_id: str) -> str:
        """The id of a run's experiment, if they may read it. Raises `NotFound`, `NotAllowed`."""
        experiment_id = self.replica.experiment_of(run_id)
        if not self.caller.is_unlimited:
            self.check("read", experiment=self.workspace.experiments.get(experiment_id).name)
        return experiment_id


class Paging:
    """Which page of a list is asked for."""

    def __init__(self, max_results: int, page_token: str | None) -> None:
        self.count = check_max_results(max_results)
        self.token = page_token

    def of(self, things: list[T]) -> tuple[list[T], str | None]:
        """That page, and the token of the next one. Raises `InvalidInput`."""
        start = decode_token(self.token)
        end = start + self.count
        return things[start:end], encode_token(end) if len(things) > end else None


def _asker(request: Request) -> Asker:
    return Asker(request)


def _paging(
    max_results: Annotated[int, Query(ge=1, le=MOST, description="Things on a page.")] = 100,
    page_token: Annotated[
        str | None, Query(description="The `next_page_token` of the page before.")
    ] = None,
) -> Paging:
    return Paging(max_results, page_token)


# Functions: of a class, FastAPI of 0.118 and before can not read annotations that are texts.
Asking = Annotated[Asker, Depends(_asker)]
Pages = Annotated[Paging, Depends(_paging)]
Name = Annotated[str, Path(description="A registered model.", examples=["wine"])]
Number = Annotated[int, Path(description="A version's number.", ge=1, examples=[1])]
RequestNumber = Annotated[int, Path(description="A request's number.", ge=1, examples=[1])]
StageName = Annotated[str, Path(description="A stage; any case will do.", examples=["Production"])]
RunId = Annotated[str, Path(description="A run's id.")]
