"""A process that has Airflow loaded and forks for each job: a DAG file and a script that runs it.

Loading Airflow takes seconds, a fork none; and each job has a process, a database and a store of its own. Jobs come in
as lines of JSON, answers go out the same way. The script's name `answer` is what its caller gets.
"""

from __future__ import annotations

import faulthandler
import json
import os
import runpy
import shutil
import signal
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any

HOME = Path(os.environ["AIRFLOW_HOME"])
LOOK_EVERY_S = 0.02
BEFORE_THE_END_S = 3.0


def main() -> None:
    """Answer jobs until stdin ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever else is printed goes to the log
    _load()
    for line in sys.stdin:
        answers.write(json.dumps(_forked(json.loads(line))) + "\n")
        answers.flush()


def _load() -> None:
    import airflow.api_fastapi.execution_api.app
    import airflow.dag_processing.bundles.manager
    import airflow.dag_processing.dagbag
    import airflow.models.dagrun
    import airflow.sdk.definitions.dag
    import airflow.sdk.execution_time.supervisor
    import airflow.serialization.serialized_objects  # noqa: F401
    from airflow.sdk.execution_time.supervisor import in_process_api_server

    _ = in_process_api_server().app  # starts no thread; making it takes longer than most tests


def _forked(job: dict[str, Any]) -> dict[str, Any]:
    place = HOME / "job"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    shutil.rmtree(HOME / "dags", ignore_errors=True)
    (HOME / "dags").mkdir()
    for left in HOME.glob(
        "airflow.db*"
    ):  # its write-ahead log too, which would be played into the copy
        left.unlink()
    for left in HOME.glob("airflow.db-*"):
        left.unlink()  # a job that is gone did not close its database: SQLite would put that log over the new one
    shutil.copy(HOME / "migrated.db", HOME / "airflow.db")
    (HOME / "dags" / "dags.py").write_text(job["dags"])
    (place / "script.py").write_text(job["script"])
    pid = os.fork()
    if pid == 0:
        _run(job, place)
    status = _wait(pid, job["within_s"])
    log = (place / "log").read_text(errors="replace") if (place / "log").exists() else ""
    if not (place / "answer.json").exists():
        how = "took too long and was killed" if status is None else f"exit status {status}"
        return {"error": how, "log": log}
    return {"answer": json.loads((place / "answer.json").read_text()), "log": log}


def _run(job: dict[str, Any], place: Path) -> None:
    code = 1
    try:
        os.setsid()
        log = os.open(place / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.environ.update(job["environment"])
        _say_where_it_stands(before=job["within_s"])
        _begin_anew()
        names = {"dag_of": _dag_of, "run": _run_dag, "go_on": _go_on, "rewrite": _rewrite}
        found = runpy.run_path(str(place / "script.py"), init_globals=names)
        (place / "answer.tmp").write_text(json.dumps(found.get("answer"), default=str))
        os.replace(place / "answer.tmp", place / "answer.json")
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        # As at the end of any process, but not of the one that this was forked from.
        threading._shutdown()  # type: ignore[attr-defined]
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _say_where_it_stands(*, before: float) -> None:
    """Have all threads in the log of a job that is about to be killed for taking too long."""
    faulthandler.dump_traceback_later(before - BEFORE_THE_END_S, file=2)  # type: ignore[arg-type]


def _begin_anew() -> None:
    from airflow import settings

    settings.dispose_orm(do_log=False)
    settings.configure_orm()


def _dag_of(dag_id: str) -> Any:
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(dag_folder=str(HOME / "dags"))
    if bag.import_errors:
        raise RuntimeError(next(iter(bag.import_errors.values())))
    return bag.dags[dag_id]


def _rewrite(dags: str) -> None:
    (HOME / "dags" / "dags.py").write_text(dags)


def _run_dag(dag_id: str, **options: Any) -> dict[str, Any]:
    """`dag.test()`: the state of the DAG run, and of each of its task instances."""
    return _told(_dag_of(dag_id).test(**options))


def _told(dag_run: Any) -> dict[str, Any]:
    return {
        "run_id": dag_run.run_id,
        "state": str(dag_run.state),
        "tasks": {
            ti.task_id if ti.map_index < 0 else f"{ti.task_id}[{ti.map_index}]": str(ti.state)
            for ti in dag_run.get_task_instances()
        },
    }


def _go_on(dag_id: str, run_id: str, *, clear: tuple[str, ...] = ()) -> dict[str, Any]:
    """Run what is left of a DAG run, as `dag.test()` would: after its process died, or after tasks were cleared."""
    from airflow import settings
    from airflow.models.dagrun import DagRun
    from airflow.models.taskinstance import TaskInstance, clear_task_instances
    from airflow.sdk.definitions.dag import _run_task
    from airflow.serialization.serialized_objects import DagSerialization
    from sqlalchemy import select

    dag = _dag_of(dag_id)
    session = settings.Session()
    dag_run = session.scalar(select(DagRun).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id))
    tasks = session.scalars(select(TaskInstance).where(TaskInstance.run_id == run_id)).all()
    clear_task_instances([ti for ti in tasks if ti.task_id in clear], session)
    for ti in tasks:
        if ti.state in ("queued", "running"):  # as the scheduler does when its worker is gone
            ti.state = "up_for_retry"
            ti.end_date = ti.start_date
    dag_run.state = "running"
    dag_run.dag = DagSerialization.deserialize_dag(DagSerialization.serialize_dag(dag))
    session.commit()
    while dag_run.state == "running":
        session.expire_all()
        schedulable, _ = dag_run.update_state(session=session)
        for ti in schedulable:
            if ti.state != "up_for_reschedule":
                ti.prepare_db_for_next_try(session)
                ti.try_number += 1
            ti.state = "scheduled"
        session.commit()
        for ti in [
            ti for ti in dag_run.get_task_instances(session=session) if ti.state == "scheduled"
        ]:
            _run_task(ti=ti, task=dag.task_dict[ti.task_id], run_triggerer=True)
    return _told(dag_run)


def _wait(pid: int, within_s: float) -> int | None:
    give_up = time.monotonic() + within_s
    while time.monotonic() < give_up:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(LOOK_EVERY_S)
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:  # it had not come as far as to lead a group
        os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return None


if __name__ == "__main__":
    main()
