"""What a task does that does not let its DAG go on: skip what is downstream, fail, or only tell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from airflow.providers.common.compat.sdk import AirflowFailException, SkipMixin

if TYPE_CHECKING:
    from airflow.sdk import Context

OnBlock = Literal["skip", "fail", "tell"]


class Blocking(SkipMixin):
    """A task that may block."""

    on_block: OnBlock
    ignore_downstream_trigger_rules: bool

    def block(self, why: str, context: Context) -> None:
        """Raise what skips or fails; return where nothing is downstream, or the task only tells."""
        if self.on_block == "fail":
            raise AirflowFailException(why)
        if self.on_block == "tell":
            return
        task: Any = context["task"]
        below = (
            task.get_flat_relatives(upstream=False)
            if self.ignore_downstream_trigger_rules
            else task.get_direct_relatives(upstream=False)
        )
        self.skip(ti=context["ti"], tasks=[one for one in below if not one.is_teardown])
