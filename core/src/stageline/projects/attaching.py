"""Taking up a run whose command was submitted to run elsewhere, by this process or by one that is gone."""

from __future__ import annotations

import contextlib
import logging
import shutil
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stageline.errors import InvalidInput
from stageline.projects.launching import Attachment, Exit, get_remote_launcher
from stageline.projects.secrets import Secrets
from stageline.projects.submission import make_run_folder
from stageline.projects.submitted import SubmittedRun

if TYPE_CHECKING:
    from stageline.projects.options import RunOptions
    from stageline.projects.submission import Submission

_log = logging.getLogger("stageline")


def attach(
    submission: Submission,
    run_id: str,
    reference: Mapping[str, Any],
    options: RunOptions,
    seen: Mapping[str, Any] | None,
) -> SubmittedRun:
    """A run that goes on, whose command is found again. Raises as `Projects.attach`."""
    launcher = get_remote_launcher(options.get("backend", "local"))
    owns_end = submission.owns_end({"run_id": run_id})
    secrets = Secrets(
        {}
    )  # a launcher that runs things elsewhere refuses parameters that are secret

    def write(stream: str, text: str) -> None:
        clean = secrets.output(text)
        run.write_output(stream, clean)
        if "output" in options:
            options["output"](stream, clean)

    with contextlib.ExitStack() as undo:
        folder = make_run_folder()
        undo.callback(shutil.rmtree, folder, ignore_errors=True)
        attachment = Attachment(
            run_id=run_id,
            run_folder=folder,
            options=options.get("backend_config") or {},
            say=options.get("say", _log.info),
            write=write,
            shows_output="output" not in options,
            keep_file=lambda file, to: _keep(submission, run_id, file, to),
        )
        launched = launcher.attach(reference, attachment, seen=_exit(seen))
        run = submission.runs.resume(run_id)
        left = undo.pop_all()
    submitted = SubmittedRun(
        run,
        launched,
        owns_end=owns_end,
        clean_up=left.close,
        shown=secrets.text,
        saw_it_begin=False,
    )
    if "begun" in options:
        options["begun"](submitted)
    return submitted


def look(
    run_id: str, reference: Mapping[str, Any], backend: str, config: Mapping[str, Any]
) -> dict[str, Any] | None:
    """How a command that was submitted has ended, if it has. Raises as `Projects.look`."""
    unused = Attachment(run_id=run_id, run_folder=Path(), options=config, say=_log.debug)
    exit_ = get_remote_launcher(backend).attach(reference, unused).look()
    return None if exit_ is None else asdict(exit_)


def _keep(submission: Submission, run_id: str, file: Path, folder: str) -> None:
    submission.artifacts(run_id).log_file(file, folder)


def _exit(seen: Mapping[str, Any] | None) -> Exit | None:
    try:
        return None if seen is None else Exit(**seen)
    except TypeError as error:
        raise InvalidInput(f"{dict(seen or {})} is not what `look` answered: {error}") from error
