"""What all operators have: a connection, in whose name they act, and which errors another try would not mend."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowFailException, BaseOperator

from airflow_provider_stageline.links import ModelVersionLink, RunLink
from airflow_provider_stageline.reaching import CONN_ID, version_values

if TYPE_CHECKING:
    from airflow.sdk import BaseOperatorLink, Context


class StagelineOperator(BaseOperator):
    """An operator that works on a store.

    Its result is a mapping, and each value is an XCom of its own too: `register.output["version"]`.

    Args:
        stageline_conn_id: Connection of type `stageline`.
        actor: In whose name the registry is changed; default: `airflow:<dag_id>`, since it is the DAG that acts.
    """

    template_fields: Sequence[str] = ("stageline_conn_id", "actor")
    operator_extra_links: Sequence[BaseOperatorLink] = (RunLink(), ModelVersionLink())
    told: Mapping[str, Any] | None = None
    """The version that the task has to do with, once it is known."""

    def __init__(
        self, *, stageline_conn_id: str = CONN_ID, actor: str | None = None, **kwargs: Any
    ) -> None:
        kwargs.setdefault("multiple_outputs", True)
        super().__init__(**kwargs)
        self.stageline_conn_id = stageline_conn_id
        self.actor = actor


def tell(operator: Any, context: Context, version: Any, **more: Any) -> dict[str, Any]:
    """What a task says of a version: its result, the events of its outlets, its link, what OpenLineage is told."""
    from airflow_provider_stageline.assets import announce
    from airflow_provider_stageline.hooks import StagelineHook
    from airflow_provider_stageline.links import note_model_version

    values = version_values(version)
    operator.told = values
    hook = StagelineHook(operator.stageline_conn_id)
    note_model_version(
        context["ti"], lambda: hook.ui_url(model=version.name, version=version.version)
    )
    announce(operator, context, version)
    return {**values, **more}


@contextmanager
def failing_for_good() -> Iterator[None]:
    """What a policy forbids, or an argument has wrong, fails the task at once: a retry would only ask again."""
    from stageline.errors import AlreadyExists, InvalidInput, NotAllowed

    try:
        yield
    except (AlreadyExists, InvalidInput, NotAllowed) as error:
        raise AirflowFailException(str(error)) from error
