"""`ProjectTaskGroup`: a project with steps as a group of tasks, one for each step."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from airflow.sdk import TaskGroup

from airflow_provider_stageline.operators.steps import PlanStepsOperator, RunStepOperator


class ProjectTaskGroup(TaskGroup):
    """The steps of a project as tasks, in the order of what they need.

    While the DAG file is parsed, one local MLproject file is read and nothing is fetched: Airflow parses DAG files
    again and again, in each task too. The project itself is fetched by the tasks, in one version.

    Args:
        project_uri: As of `RunProjectOperator`.
        manifest: The MLproject file, or its folder, as it lies beside the DAG file; default: `project_uri`, a folder.
        group_id: Of the group.
        parameters: Values for all steps by name; may be templates.
        version: A branch, a tag or a commit of a git repository.
        env_manager: See `RunProjectOperator`.
        stageline_conn_id: Connection of type `stageline`.
        experiment: Of the runs.
        kwargs: Those of `TaskGroup`.

    Raises:
        NotFound: there is no such file.
        InvalidInput: it breaks a rule, or lists no steps.
    """

    def __init__(
        self,
        *,
        project_uri: str,
        manifest: str | Path | None = None,
        group_id: str = "project",
        parameters: Mapping[str, Any] | None = None,
        version: str | None = None,
        env_manager: str | None = None,
        stageline_conn_id: str = "stageline_default",
        experiment: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(group_id=group_id, **kwargs)
        import stageline
        from stageline.errors import InvalidInput

        steps = stageline.projects.read_steps(project_uri if manifest is None else manifest)
        if not steps:
            raise InvalidInput(f"{manifest or project_uri} lists no steps: use RunProjectOperator")
        about: dict[str, Any] = {
            "project_uri": project_uri,
            "parameters": parameters,
            "stageline_conn_id": stageline_conn_id,
        }
        made: dict[str, RunStepOperator] = {}
        with self:
            plan = PlanStepsOperator(task_id="plan", version=version, **about)
            commit: Any = plan.output
            for step in steps:
                made[step.name] = RunStepOperator(
                    task_id=step.name,
                    step=step.name,
                    upstream={name: made[name].output for name in step.needs},
                    version=commit["version"],
                    env_manager=env_manager,
                    experiment=experiment,
                    **about,
                )
