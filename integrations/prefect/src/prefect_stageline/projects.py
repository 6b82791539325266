"""Projects in flows: an entry point, or a step, as a task whose run the command joins; all steps as a flow."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import CancelledError
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from prefect.cache_policies import NO_CACHE
from prefect.context import FlowRunContext, TaskRunContext
from prefect.logging import get_run_logger
from typing_extensions import Unpack

from prefect_stageline.flows import FlowOptions, TrackedFlow, tracked_flow
from prefect_stageline.tasks import tracked_task
from stageline import active_run, get_workspace
from stageline.errors import InvalidInput, RunFailed
from stageline.tasks import Tracking

if TYPE_CHECKING:
    from prefect.futures import PrefectFuture

_OURS = ("run_id", "parent_run_id", "run_name", "experiment_name", "experiment_id", "synchronous",
         "say", "output", "begun")  # fmt: skip
"""Options of a run that are the task's to say."""

# The command logs its params and metrics to the task's run, and what is recorded of it there is the project's.
_TRACKING = Tracking(params=False, metrics=None)


@tracked_task(name="run project", tracking=_TRACKING, cache_policy=NO_CACHE)
def run_project(
    uri: str,
    entry_point: str | None = None,
    parameters: Mapping[str, object] | None = None,
    **options: Any,
) -> str:
    """Run a project; the id of its run, which is this task's: `runs:/<id>/model` is what the command logged there.

    What the command prints goes to the task run's logs in Prefect, and whole into the run. A task that is cancelled,
    times out or is retried ends the command and all that it started first.

    Args:
        uri: A folder, an archive, a git repository, or any URL that fsspec knows; `#subfolder` names a folder in it.
        entry_point: Its name in the MLproject file, or a script. By default the project's steps, or `main`.
        parameters: Values by name.
        options: Those of `stageline.projects.run` that are not the task's to say: `version`, `env_manager`,
            `backend`, `backend_config`, `storage_dir`, `docker_args`, `build_image`, `max_parallel`, `use_cache`,
            `refresh`.

    Raises:
        InvalidInput: the project, the entry point, a parameter or an option breaks a rule.
        NotFound: there is no such project.
        RunFailed: the command failed.
    """
    with _joined(options) as joined:
        submitted = get_workspace().projects.run(uri, entry_point, parameters, **joined)
    return str(submitted.run_id)


@tracked_task(name="run step", tracking=_TRACKING, cache_policy=NO_CACHE)
def run_step(
    uri: str,
    step: str,
    parameters: Mapping[str, object] | None = None,
    *,
    upstream: Mapping[str, Any] | None = None,
    **options: Any,
) -> dict[str, Any]:
    """Run one step of a project, or skip it if the same was made before; what came of it, as plain JSON.

    Args:
        uri: The project.
        step: Its name.
        parameters: Values for all steps.
        upstream: What this returned for the steps that it needs, by their names.
        options: As for `run_project`.

    Raises:
        InvalidInput: there is no such step, or the result of one that it needs is missing.
        RunFailed: its command failed, or did not make its outputs.
    """
    with _joined(options) as joined:
        result = get_workspace().projects.run_step(
            uri, step, parameters, upstream=upstream, **joined
        )
    return dict(result)


def project_flow(
    uri: str,
    *,
    project_version: str | None = None,
    use_cache: bool = True,
    tracking: Tracking | None = None,
    **options: Unpack[FlowOptions],
) -> TrackedFlow[..., dict[str, Any]]:
    """A flow of the steps of a project: a task for each, which waits for those that it needs.

    The project is looked at when the flow runs, and all steps are of the version that it has then. The flow takes the
    parameters of the steps: `flow(parameters={"noise": 0.3})`, and returns what came of each, by its name. A step that
    fails stops what needs it, and fails the flow.

    Args:
        uri: The project.
        project_version: A branch, a tag or a commit of a git repository.
        use_cache: Whether a step is skipped that was run before with all the same.
        tracking: Of the flow and its tasks.
        options: Those of `@flow`; the name is the URI's last part unless given.

    Raises:
        InvalidInput: when the flow runs: the project has no steps, or a parameter breaks a rule.
    """

    def run_steps(parameters: dict[str, Any] | None = None) -> dict[str, Any]:
        plan = get_workspace().projects.plan(uri, parameters, version=project_version)
        futures: dict[str, PrefectFuture[dict[str, Any]]] = {}
        for step in plan["steps"]:
            name = step["name"]
            futures[name] = run_step.with_options(name=name, task_run_name=name).submit(
                uri,
                name,
                parameters,
                upstream={needed: futures[needed] for needed in step["needs"]},
                version=plan["version"],
                use_cache=use_cache,
            )
        for future in futures.values():  # what does not need a step that failed goes on
            future.wait()
        return {name: future.result() for name, future in futures.items()}

    options.setdefault("name", uri.rstrip("/").rpartition("/")[2].partition("@")[0] or uri)
    made: TrackedFlow[..., dict[str, Any]] = tracked_flow(tracking=tracking, **options)(run_steps)
    return made


@contextmanager
def _joined(options: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Options by which a command joins the task's run, prints to its logs, and ends if the task is cancelled."""
    for name in _OURS:
        if name in options:
            raise InvalidInput(
                f"{name!r} is the task's to say: see Tracking(...), or the options of @task"
            )
    logger = _logger()
    run = active_run()
    is_cancelled = _cancel_event()
    joined: dict[str, Any] = {
        **options,
        **({"run_id": run.run_id} if run is not None else {}),
        "say": logger.info,
        "output": _lines_to(logger),
    }
    if is_cancelled is not None:
        joined["begun"] = lambda submitted: _cancelled_by(is_cancelled, submitted)
    try:
        yield joined
    except RunFailed as error:
        if is_cancelled is not None and is_cancelled.is_set():
            raise CancelledError("its flow run was cancelled") from error
        raise


def _lines_to(logger: Any) -> Callable[[str, str], None]:
    def output(stream: str, text: str) -> None:
        for line in text.splitlines():
            logger.info("%s", line)

    return output


def _logger() -> Any:
    """The task run's. Taken here: the threads that read what a command prints know no task run."""
    return get_run_logger() if TaskRunContext.get() is not None else logging.getLogger("stageline")


def _cancel_event() -> threading.Event | None:
    """What is set when the flow run ends before this task, where the task is in a thread that no signal reaches.

    Prefect has no public name for it. Where the private one is missing, the command ends when the process does.
    """
    task, flow = TaskRunContext.get(), FlowRunContext.get()
    if task is None or threading.current_thread() is threading.main_thread():
        return None
    events = getattr(getattr(flow, "task_runner", None), "_cancel_events", {})
    found = events.get(task.task_run.id)
    return found if isinstance(found, threading.Event) else None


def _cancelled_by(is_cancelled: threading.Event, submitted: Any) -> None:
    def watch() -> None:
        is_cancelled.wait()
        submitted.cancel("the flow run was cancelled")  # nothing, if it has ended

    threading.Thread(target=watch, daemon=True).start()
