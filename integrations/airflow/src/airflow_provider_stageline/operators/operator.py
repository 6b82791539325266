"""What all operators have: a connection, in whose name they act, and which errors another try would not mend."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowFailException, BaseOperator

from airflow_provider_stageline.links import ModelVersionLink, RunLink

if TYPE_CHECKING:
    from airflow.sdk import BaseOperatorLink, Context

    from stageline import Workspace

CONN_ID = "stageline_default"


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


def open_workspace(conn_id: str) -> Workspace:
    """The store of a connection."""
    from airflow_provider_stageline.hooks import StagelineHook

    return StagelineHook(conn_id).workspace()


def registry_of(operator: Any, context: Context) -> Any:
    """The registry, where each change says who made it, from which run, and on which page of Airflow it shows."""
    from stageline import active_run

    run = active_run()
    return open_workspace(operator.stageline_conn_id).registry.acting(
        operator.actor or f"airflow:{operator.dag_id}",
        run_id=run.run_id if run else None,
        link=context["ti"].log_url,
    )


def find_version(registry: Any, model: str, version: int | str) -> Any:
    """A version by its number, a stage, `latest`, or an alias with its `@`. Raises `NotFound`."""
    selector = str(version)
    separator = "" if selector.startswith("@") else "/"
    return registry.get_by_uri(f"models:/{model}{separator}{selector}")


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


def version_values(version: Any) -> dict[str, Any]:
    """A version as an XCom."""
    return {
        "model": version.name,
        "version": version.version,
        "stage": version.current_stage,
        "uri": f"models:/{version.name}/{version.version}",
        "run_id": version.run_id,
    }


@contextmanager
def failing_for_good() -> Iterator[None]:
    """What a policy forbids, or an argument has wrong, fails the task at once: a retry would only ask again."""
    from stageline.errors import AlreadyExists, InvalidInput, NotAllowed

    try:
        yield
    except (AlreadyExists, InvalidInput, NotAllowed) as error:
        raise AirflowFailException(str(error)) from error
