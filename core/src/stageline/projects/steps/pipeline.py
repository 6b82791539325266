"""All steps of a project as one command: each after those that it needs, several side by side, stopped as one."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING

from stageline.errors import InvalidInput, StagelineError
from stageline.projects.launching import Exit
from stageline.projects.steps.graph import sorter

if TYPE_CHECKING:
    from stageline.projects.steps.inputs import StepResult
    from stageline.projects.steps.step import Step
    from stageline.projects.submitted import SubmittedRun

Began = Callable[["SubmittedRun"], None]
RunStep = Callable[["Step", Mapping[str, "StepResult"], Began], "StepResult"]
"""Runs a step, given what came of those before it, and tells what it has begun. Raises if the step fails."""

_log = logging.getLogger("stageline")


class Pipeline:
    """A `Launched` of many steps. Which steps run does not depend on chance, but those side by side take turns."""

    def __init__(
        self, steps: tuple[Step, ...], run_step: RunStep, max_parallel: int | None = None
    ) -> None:
        self._steps = {step.name: step for step in steps}
        self._run_step = run_step
        self._width = max_parallel or os.cpu_count() or 1
        self._lock = threading.Lock()
        self._begun: dict[str, SubmittedRun] = {}
        self._stopped_by: signal.Signals | None = None
        self.results: dict[str, StepResult] = {}
        self.failures: dict[str, str] = {}

    def run(self) -> Exit:
        """Run all that can be run; what needs a step that failed can not."""
        waiting = sorter([*self._steps.values()])
        waiting.prepare()
        running: dict[Future[StepResult], str] = {}
        with ThreadPoolExecutor(self._width, thread_name_prefix="stageline-step") as pool:
            while True:
                for name in waiting.get_ready():
                    running[pool.submit(self._one, name)] = name
                if not running:
                    break
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    name = running.pop(future)
                    if self._note(name, future):
                        waiting.done(name)
        return self._exit()

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Stop the steps that run, and begin no other."""
        with self._lock:
            self._stopped_by = number
            running = [*self._begun.values()]
        threads = [threading.Thread(target=self._cancel, args=(one, number)) for one in running]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _one(self, name: str) -> StepResult:
        if self._stopped_by is not None:
            raise InvalidInput("not begun")
        step = self._steps[name]
        upstream = {needed: self.results[needed] for needed in step.needs}
        return self._run_step(step, upstream, lambda submitted: self._began(name, submitted))

    def _began(self, name: str, submitted: SubmittedRun) -> None:
        with self._lock:
            self._begun[name] = submitted
            number = self._stopped_by
        if number is not None:
            self._cancel(submitted, number)

    def _cancel(self, submitted: SubmittedRun, number: signal.Signals) -> None:
        submitted.cancel(f"the run of all steps was stopped by {number.name}", number)

    def _note(self, name: str, future: Future[StepResult]) -> bool:
        try:
            self.results[name] = future.result()
        except StagelineError as error:
            begun = self._begun.get(name)  # its reason is the part that matters
            self.failures[name] = (begun.reason if begun else None) or str(error)
        except Exception as error:  # one broken step must not take the others along
            _log.exception("the step %s could not be run", name)
            self.failures[name] = f"{type(error).__name__}: {error}"
        return name in self.results

    def _exit(self) -> Exit:
        if not self.failures:
            return Exit(0)
        said = [f"the step {name} failed: {why}" for name, why in self.failures.items()]
        left = [name for name in self._steps if name not in {*self.results, *self.failures}]
        if left:
            said.append(f"not run: {', '.join(left)}")
        return Exit(None, detail="; ".join(said))
