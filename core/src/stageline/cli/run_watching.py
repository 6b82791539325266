"""`stageline runs tail` and `wait`: what needs a run that is still going on."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import typer

from stageline.cli.render import clean
from stageline.cli.session import Session, session

if TYPE_CHECKING:
    from stageline.domain.run import Run
    from stageline.workspace import Workspace

_POLL = typer.Option(
    1.0, "--poll", min=0.01, metavar="S", help="Seconds between two looks at the store."
)
_EXIT_CODES = """\b
Exit codes:
  0   the condition holds; without --until: the run is finished
  10  the run is finished, and the condition does not hold
  11  the run failed
  12  the run was killed
  13  the time is over
Others are those of errors: 2 for bad input, 3 for no such run, 7 for a store that is away."""

T = TypeVar("T")


def register(app: typer.Typer, run_argument: Any) -> None:
    """Add the commands to `app`."""

    @app.command()
    def tail(
        ctx: typer.Context,
        run: str = run_argument,
        follow: bool = typer.Option(False, "--follow", "-f", help="Go on until the run ends."),
        metric: str = typer.Option(
            "", metavar="KEY", help="The points of this metric instead of what was printed."
        ),
        poll_s: float = _POLL,
    ) -> None:
        """Print what a run printed, if that was captured (start_run(capture_output=True)), or a metric's points."""
        from stageline.cli.finding import find_run

        here = session(ctx)
        run_id = find_run(here.workspace, run)
        seen: Counter[Hashable] = Counter()
        try:
            for state in _looks(here.workspace, run_id, poll_s, follow):
                if metric:
                    _print_points(here, state, metric, seen)
                else:
                    _print_output(here, run_id, seen)
        except KeyboardInterrupt:
            raise typer.Exit(130) from None
        if not seen and not here.as_json:
            what = f"has no metric {metric!r}" if metric else "printed nothing that was captured"
            print(f"the run {what}", file=sys.stderr)

    @app.command(epilog=_EXIT_CODES)
    def wait(
        ctx: typer.Context,
        run: str = run_argument,
        until: str = typer.Option(
            "", help="A condition on the last values, such as 'metrics.acc >= 0.9'."
        ),
        timeout_s: float | None = typer.Option(
            None, "--timeout", min=0, metavar="S", help="Seconds to wait at most."
        ),
        poll_s: float = _POLL,
    ) -> None:
        """Wait until a run ends, or until a condition holds; the exit code says which."""
        from stageline.cli.documents import run_document
        from stageline.cli.finding import find_run
        from stageline.cli.waiting import Outcome, outcome, parse_condition

        here = session(ctx)
        condition = parse_condition(until)
        run_id = find_run(here.workspace, run)
        clock = here.workspace.clock
        deadline = None if timeout_s is None else clock.now_ms() + timeout_s * 1000
        while True:
            state = here.workspace.runs.get(run_id)
            ended = outcome(state, condition)
            left_s = None if deadline is None else (deadline - clock.now_ms()) / 1000
            if ended is None and left_s is not None and left_s <= 0:
                ended = Outcome.TIMED_OUT
            if ended is not None:
                break
            clock.sleep(poll_s if left_s is None else min(poll_s, left_s))
        name = ended.name.lower()
        here.say({"outcome": name, "run": run_document(state)}, _told(state, name))
        raise typer.Exit(int(ended))


def _told(run: Run, outcome: str) -> str:
    reason = f" ({run.info.reason})" if run.info.reason else ""
    return clean(
        f"{outcome.replace('_', ' ')}: run {run.info.run_name} is {run.info.status}{reason}"
    )


def _looks(workspace: Workspace, run_id: str, poll_s: float, follow: bool) -> Iterator[Run]:
    """The run as it stands: once, or until it has ended."""
    while True:
        # First whether it has ended, then what it printed: so the last look misses nothing.
        state = workspace.runs.get(run_id)
        yield state
        if not follow or state.info.status.is_terminal:
            return
        workspace.clock.sleep(poll_s)


def _print_output(here: Session, run_id: str, seen: Counter[Hashable]) -> None:
    lines = list(here.workspace.runs.output(run_id))
    for line in _new(lines, [(line.timestamp, line.stream, line.text) for line in lines], seen):
        if here.as_json:
            here.line({"timestamp": line.timestamp, "stream": line.stream, "text": line.text})
        else:
            target = sys.stderr if line.stream == "stderr" else sys.stdout
            target.write(line.text)
            target.flush()


def _print_points(here: Session, run: Run, metric: str, seen: Counter[Hashable]) -> None:
    from stageline.cli.render import moment, number

    points = here.workspace.runs.metric_history(run.info.run_id, metric)
    # By its text, since NaN equals nothing, itself included.
    for point in _new(points, [(p.step, p.timestamp, repr(p.value)) for p in points], seen):
        if here.as_json:
            here.line(point._asdict())
        else:
            print(f"{moment(point.timestamp)}  {point.step:>8}  {number(point.value)}", flush=True)


def _new(items: Sequence[T], keys: Sequence[Hashable], seen: Counter[Hashable]) -> list[T]:
    """The items that were not `seen`, brought up to date. Those of another writer may come late, in between."""
    left = seen.copy()
    found = []
    for item, key in zip(items, keys, strict=True):
        if left[key] > 0:
            left[key] -= 1
        else:
            seen[key] += 1
            found.append(item)
    return found
