"""The steps of a project as tasks: one that looks up the version that they are all of, and one for each step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow_provider_stageline.operators.operator import StagelineOperator, failing_for_good
from airflow_provider_stageline.operators.recorded import RecordedOperator
from airflow_provider_stageline.reaching import open_workspace

if TYPE_CHECKING:
    from airflow.sdk import Context


class PlanStepsOperator(StagelineOperator):
    """Fetches a project with steps, checks the parameters, and tells the commit that all its steps are to be of."""

    template_fields: Sequence[str] = (
        "project_uri", "parameters", "version", *StagelineOperator.template_fields
    )  # fmt: skip

    def __init__(
        self,
        *,
        project_uri: str,
        parameters: Mapping[str, Any] | None = None,
        version: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.project_uri = project_uri
        self.parameters = parameters
        self.version = version

    def execute(self, context: Context) -> dict[str, Any]:
        """The plan, as plain JSON."""
        with failing_for_good():
            plan = open_workspace(self.stageline_conn_id).projects.plan(
                self.project_uri, self.parameters or {}, version=self.version
            )
        return dict(plan)


class RunStepOperator(RecordedOperator):
    """Runs one step of a project in a run below the task's, or skips it if it was made before with all the same.

    Args:
        project_uri: The project.
        step: The name of the step.
        upstream: What the tasks of the steps that it needs returned, by the names of the steps.
        parameters: Values by name, for all steps.
        version: The commit.
        env_manager: See `RunProjectOperator`.
    """

    template_fields: Sequence[str] = (
        "project_uri", "upstream", "parameters", "version", *RecordedOperator.template_fields
    )  # fmt: skip

    def __init__(
        self,
        *,
        project_uri: str,
        step: str,
        upstream: Mapping[str, Any] | None = None,
        parameters: Mapping[str, Any] | None = None,
        version: str | None = None,
        env_manager: str | None = None,
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault("multiple_outputs", False)
        super().__init__(**kwargs)
        self.project_uri = project_uri
        self.step = step
        self.upstream = upstream
        self.parameters = parameters
        self.version = version
        self.env_manager = env_manager

    def execute(self, context: Context) -> dict[str, Any]:
        """What came of it: its run, the run that has the files, their digests."""
        with failing_for_good():
            result: dict[str, Any] = self.record(
                self._run, project_uri=self.project_uri, step=self.step, version=self.version
            )
        return result

    def _run(self, project_uri: str, step: str, version: str | None) -> dict[str, Any]:
        import stageline

        run = self.running()
        result = stageline.projects.run_step(
            project_uri,
            step,
            self.parameters or {},
            upstream=dict(self.upstream or {}),
            version=version,
            env_manager=self.env_manager,
            experiment_id=run.experiment_id if run else None,
            say=self.log.info,
        )
        return dict(result)

    def get_openlineage_facets_on_complete(self, ti: Any) -> Any:
        """What the run read, and what came of it."""
        from airflow_provider_stageline.openlineage import run_lineage

        return run_lineage(self)
