"""The use cases of deployments: a version records where it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stageline.domain import decisions
from stageline.domain.model import Deployment
from stageline.domain.registry_names import check_comment, check_label, check_version
from stageline.registry.choosing import Choosing

if TYPE_CHECKING:
    from stageline.domain.model import ModelVersion


class Deployments(Choosing):
    """Where versions run."""

    def set_deployment(
        self, name: str, version: int | str, target: str, *, url: str = "", link: str | None = None
    ) -> ModelVersion:
        """Record that a version runs at `target`, and that no other one does."""
        number = check_version(version)
        deployment = Deployment(
            target=check_label("target", target),
            time=self._ledger.clock.now_ms(),
            by=self.actor.name,
            url=check_comment("url", url),
            link=check_comment("link", self._context.link if link is None else link),
        )
        change = self._change(
            name, lambda state: decisions.decide_set_deployment(state, number, deployment)
        )
        return decisions.get_version(change.state, number)

    def delete_deployment(self, name: str, version: int | str, target: str) -> ModelVersion:
        """Record that a version no longer runs at `target`. Raises `NotFound`."""
        number = check_version(version)
        change = self._change(
            name, lambda state: decisions.decide_delete_deployment(state, number, target)
        )
        return decisions.get_version(change.state, number)
