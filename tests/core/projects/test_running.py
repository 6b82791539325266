"""A project as a tracked run: what is recorded, what its script joins, how it ends."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from processes import until
from servers import S3Server

import stageline
from stageline import RunStatus, Workspace
from stageline.domain.run import Run
from stageline.errors import InvalidInput, NotFound, RunFailed, StorageFailed
from stageline.storage.open import open_store

TRAIN = """
    import sys
    import stageline
    with stageline.start_run() as run:
        stageline.log_param("alpha", float(sys.argv[1]))
        stageline.log_metric("rmse", 0.7)
        print("trained in", run.run_id)
        print("a warning", file=sys.stderr)
"""
PROJECT = """
    name: demo
    entry_points:
      main:
        parameters: {alpha: {type: float, default: 0.5}}
        command: python train.py {alpha}
      fail: {command: "python -c 'raise ValueError(\\"bad alpha\\")'"}
      echo: {parameters: {text: string}, command: "echo {text}; echo \\"{text}\\" >&2"}
"""

MakeProject = Callable[..., Path]


def only_run(workspace: Workspace) -> Run:
    (run,) = workspace.search_runs([e.experiment_id for e in workspace.experiments.list()])
    return run


def output(workspace: Workspace, run_id: str) -> str:
    return workspace.artifacts(run_id).read("project/output.txt").decode()


def test_run_records_what_was_run_and_its_script_joins_it(
    workspace: Workspace, make_project: MakeProject, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = make_project(MLproject=PROJECT, train_py=TRAIN)
    submitted = workspace.projects.run(
        folder,
        parameters={"alpha": "0.48", "note": "it's"},
        experiment_name="wine",
        run_name="first",
    )
    assert submitted.get_status() == "FINISHED"
    run = only_run(workspace)
    assert (run.info.run_id, run.info.run_name) == (submitted.run_id, "first")
    assert (run.info.status, run.info.reason) == (RunStatus.FINISHED, None)
    assert workspace.experiments.get(run.info.experiment_id).name == "wine"
    assert run.data.params == {"alpha": "0.48", "note": "it's"}
    assert run.data.metrics == {"rmse": 0.7}
    tags = run.data.tags
    assert tags["mlflow.source.type"] == "PROJECT"
    assert tags["mlflow.source.name"] == str(folder)
    assert tags["mlflow.project.entryPoint"] == "main"
    assert tags["mlflow.project.backend"] == "local"
    assert tags["mlflow.project.env"]
    assert tags["stageline.project.command"] == "python train.py 0.48 --note 'it'\"'\"'s'"
    assert tags["stageline.project.exitCode"] == "0"
    assert float(tags["stageline.project.durationS"]) > 0
    out, err = capfd.readouterr()
    assert f"trained in {submitted.run_id}\n" in out
    assert "a warning\n" in err
    assert set(output(workspace, run.info.run_id).splitlines()) == {
        f"trained in {submitted.run_id}",
        "a warning",
    }
    kept = {(line.stream, line.text) for line in workspace.runs.output(run.info.run_id)}
    assert kept == {
        ("stdout", f"trained in {submitted.run_id}\n"),
        ("stderr", "a warning\n"),
    }


def test_later_and_nested_runs_of_a_script_are_runs_of_their_own(
    workspace: Workspace, make_project: MakeProject
) -> None:
    folder = make_project(
        two_py="""
            import stageline
            with stageline.start_run(run_name="joined") as first:
                with stageline.start_run(nested=True, run_name="child"):
                    pass
            with stageline.start_run(run_name="second"):
                pass
        """
    )
    submitted = workspace.projects.run(folder, "two.py", experiment_name="wine")
    experiment = workspace.experiments.get_by_name("wine").experiment_id
    runs = {run.info.run_name: run for run in workspace.search_runs([experiment])}
    assert runs.keys() == {"joined", "child", "second"}
    assert runs["joined"].info.run_id == submitted.run_id
    assert runs["child"].parent_run_id == submitted.run_id
    assert runs["second"].parent_run_id is None
    assert {run.info.status for run in runs.values()} == {RunStatus.FINISHED}


def test_script_that_fails_after_its_run_has_not_finished(
    workspace: Workspace, make_project: MakeProject
) -> None:
    folder = make_project(
        late_py="""
            import stageline
            with stageline.start_run():
                stageline.log_metric("rmse", 0.7)
            raise SystemExit(3)
        """
    )
    with pytest.raises(RunFailed, match="exit code 3"):
        workspace.projects.run(folder, "late.py")
    run = only_run(workspace)
    assert (run.info.status, run.info.reason) == (RunStatus.FAILED, "exit code 3")
    assert run.data.tags["stageline.project.exitCode"] == "3"
    assert run.data.metrics == {"rmse": 0.7}


def test_reason_of_a_failure_is_what_was_said_last(
    workspace: Workspace, make_project: MakeProject
) -> None:
    folder = make_project(MLproject=PROJECT)
    with pytest.raises(RunFailed, match="ValueError: bad alpha"):
        workspace.projects.run(folder, "fail")
    assert only_run(workspace).info.reason == "exit code 1: ValueError: bad alpha"
    assert "Traceback" in output(workspace, only_run(workspace).info.run_id)


def test_script_without_mlproject_or_a_run_of_its_own_is_a_run(
    workspace: Workspace, make_project: MakeProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_project(hello_sh='echo "hello $1 $2"; pwd')
    monkeypatch.setenv("SHELL", "bash")
    submitted = workspace.projects.run(folder, "hello.sh", {"name": "$(id) world"})
    assert output(workspace, submitted.run_id) == f"hello --name $(id) world\n{folder}\n"
    assert workspace.runs.get(submitted.run_id).data.params == {"name": "$(id) world"}


def test_r_script_is_run_by_rscript(
    workspace: Workspace, make_project: MakeProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R is not there where these tests run: a stand-in of its name prints how it is called."""
    (tmp_path / "bin").mkdir()
    stand_in = tmp_path / "bin" / "Rscript"
    stand_in.write_text("#!/bin/sh\nprintf '<%s>\\n' \"$@\"\n")
    stand_in.chmod(0o755)
    monkeypatch.setenv("PATH", f"{stand_in.parent}{os.pathsep}{os.environ['PATH']}")
    submitted = workspace.projects.run(make_project(fit_R="1"), "fit.R", {"alpha": "0.5"})
    lines = output(workspace, submitted.run_id).splitlines()
    assert (lines[0], lines[2:]) == ("<-e>", ["<--args>", "<--alpha>", "<0.5>"])
    assert "source('fit.R')" in lines[1]


@pytest.mark.parametrize(
    ("how", "match"),
    [
        ({"entry_point": "gone"}, "no entry point 'gone'"),
        ({"parameters": {"alpha": "half"}}, "is a float"),
        ({"entry_point": "echo"}, "missing parameters: 'text'"),
        ({"backend": "moon"}, "no backend 'moon'; there are .*local"),
        ({"experiment_name": "a", "experiment_id": "1"}, "not by both"),
    ],
)
def test_what_can_be_refused_leaves_no_run(
    workspace: Workspace, make_project: MakeProject, how: dict[str, object], match: str
) -> None:
    folder = make_project(MLproject=PROJECT, train_py=TRAIN)
    with pytest.raises(InvalidInput, match=match):
        workspace.projects.run(folder, **how)  # type: ignore[arg-type]
    assert list(workspace.search_runs(["0"])) == []


@pytest.mark.parametrize(
    ("option", "match"),
    [
        ({"docker_args": {"gpus": "all"}}, "local takes no options for `docker run`"),
        ({"build_image": True}, "no image to build on"),
    ],
)
def test_option_that_nobody_would_act_on_is_refused(
    workspace: Workspace, make_project: MakeProject, option: dict[str, object], match: str
) -> None:
    with pytest.raises(InvalidInput, match=match):
        workspace.projects.run(make_project(a_py=""), "a.py", **option)  # type: ignore[arg-type]


def test_misspelt_option_is_refused_as_python_does(
    workspace: Workspace, make_project: MakeProject
) -> None:
    with pytest.raises(TypeError, match="did you mean 'env_manager'"):
        workspace.projects.run(make_project(), env_manger="local")  # type: ignore[call-arg]


def test_memory_can_not_be_seen_by_another_process(make_project: MakeProject) -> None:
    with pytest.raises(InvalidInput, match="name another store"):
        Workspace.open("memory://projects").projects.run(make_project(a_py=""), "a.py")


def test_failure_between_start_and_launch_ends_the_run(
    workspace: Workspace, make_project: MakeProject
) -> None:
    folder = make_project(
        MLproject="entry_points: {main: {parameters: {d: path}, command: 'cat {d}'}}"
    )
    with pytest.raises(NotFound):
        workspace.projects.run(folder, parameters={"d": f"runs:/{'0' * 32}/data.csv"})
    run = only_run(workspace)
    assert run.info.status is RunStatus.FAILED
    assert run.info.reason.startswith("NotFound: ")  # type: ignore[union-attr]


def test_path_parameter_is_brought_from_a_run_and_removed_after(
    workspace: Workspace, make_project: MakeProject, tmp_path: Path
) -> None:
    with workspace.runs.create() as source:
        workspace.artifacts(source.run_id).log_text("1,2\n", "data/it's.csv")
    folder = make_project(
        MLproject="entry_points: {main: {parameters: {n: string, d: path}, command: 'cat {d}; echo {d}'}}"
    )
    uri = f"runs:/{source.run_id}/data/it's.csv"
    submitted = workspace.projects.run(folder, parameters={"n": 1, "d": uri})
    data, path = output(workspace, submitted.run_id).splitlines()
    assert (data, Path(path).name) == ("1,2", "it's.csv")
    assert Path(path).is_absolute()
    assert not Path(path).exists()
    assert workspace.runs.get(submitted.run_id).data.params["d"] == uri
    kept = workspace.projects.run(
        folder, parameters={"n": 1, "d": f"runs:/{source.run_id}/data"}, storage_dir=tmp_path / "kept",
        synchronous=False,
    )  # fmt: skip
    assert kept.wait()
    (found,) = (tmp_path / "kept").rglob("it's.csv")
    assert "param_1" in found.parts


def test_path_parameter_is_brought_from_a_bucket(
    workspace: Workspace,
    make_project: MakeProject,
    seaweedfs_server: S3Server,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in seaweedfs_server.environment().items():
        monkeypatch.setenv(name, value)
    place = seaweedfs_server.new_place()
    open_store(place).create("data/a.csv", b"1,2\n")
    folder = make_project(
        MLproject="entry_points: {main: {parameters: {d: path}, command: 'ls {d}'}}"
    )
    for url in (f"{place}/data/a.csv", f"{place}/data/"):
        submitted = workspace.projects.run(
            folder, parameters={"d": url}, storage_dir=folder / "kept"
        )
        assert submitted.wait()
    found = [path.name for path in (folder / "kept").rglob("a.csv")]
    assert found == ["a.csv", "a.csv"]
    with pytest.raises(NotFound, match="neither a file nor a folder"):
        workspace.projects.run(folder, parameters={"d": f"{place}/gone"})


def test_path_parameter_is_brought_from_the_web(
    workspace: Workspace, make_project: MakeProject
) -> None:
    folder = make_project(
        MLproject="entry_points: {main: {parameters: {d: path}, command: 'cat {d}'}}"
    )
    with web_of(folder) as address:
        submitted = workspace.projects.run(folder, parameters={"d": f"{address}/MLproject?token=x"})
        assert output(workspace, submitted.run_id) == (folder / "MLproject").read_text()
        with pytest.raises(NotFound, match="answers 404") as told:
            workspace.projects.run(folder, parameters={"d": f"{address}/gone?token=secret"})
    assert "secret" not in str(told.value)
    with pytest.raises(StorageFailed, match="can not be fetched"):
        workspace.projects.run(folder, parameters={"d": f"{address}/MLproject"})


@contextmanager
def web_of(folder: Path) -> Iterator[str]:
    """A web server of the folder's files; its address."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_run_goes_on_with_a_run_that_exists(
    workspace: Workspace, make_project: MakeProject
) -> None:
    folder = make_project(MLproject=PROJECT, train_py=TRAIN)
    with workspace.runs.create(tags={"mine": "1"}) as there:
        pass
    assert workspace.projects.run(folder, run_id=there.run_id).run_id == there.run_id
    run = only_run(workspace)
    assert run.data.metrics == {"rmse": 0.7}
    assert run.data.tags["mine"] == "1"


def test_run_that_this_process_has_open_stays_open(
    workspace: Workspace, make_project: MakeProject
) -> None:
    folder = make_project(MLproject=PROJECT, train_py=TRAIN)
    with workspace.runs.create() as mine:
        workspace.projects.run(folder, run_id=mine.run_id)
        assert not mine.is_ended
        with pytest.raises(RunFailed):
            workspace.projects.run(folder, "fail", run_id=mine.run_id)
        assert not mine.is_ended
    assert only_run(workspace).info.status is RunStatus.FINISHED


def test_asynchronous_run_can_be_asked_and_cancelled(
    workspace: Workspace, make_project: MakeProject
) -> None:
    folder = make_project(
        MLproject="entry_points: {main: {command: 'echo begun; sleep 600; echo not reached'}}"
    )
    submitted = workspace.projects.run(folder, synchronous=False)
    assert submitted.get_status() == "RUNNING"
    until(lambda: any(workspace.runs.output(submitted.run_id)), "output of a running project")
    submitted.cancel()
    assert (submitted.get_status(), submitted.wait()) == ("KILLED", False)
    run = only_run(workspace)
    assert (run.info.status, run.info.reason) == (RunStatus.KILLED, "cancelled")
    assert run.data.tags["stageline.project.signal"] == "SIGTERM"
    assert output(workspace, submitted.run_id) == "begun\n"
    submitted.cancel()


@pytest.mark.parametrize(
    ("signal", "status"), [("KILL", RunStatus.KILLED), ("SEGV", RunStatus.FAILED)]
)
@pytest.mark.parametrize("command", ["kill -{0} $$", "bash -c 'kill -{0} $$'; exit $?"])
def test_command_that_a_signal_ended_says_which(
    workspace: Workspace,
    make_project: MakeProject,
    command: str,
    signal: str,
    status: RunStatus,
) -> None:
    folder = make_project(run_sh="")
    (folder / "MLproject").write_text(
        f'entry_points: {{main: {{command: "ulimit -c 0; {command.format(signal)}"}}}}'
    )
    with pytest.raises(RunFailed):
        workspace.projects.run(folder)
    run = only_run(workspace)
    assert run.info.status is status
    if status is RunStatus.KILLED:
        assert run.info.reason == f"SIG{signal}"
        assert run.data.tags["stageline.project.signal"] == f"SIG{signal}"


def test_program_that_is_not_there_is_a_failure_that_says_so(
    workspace: Workspace, make_project: MakeProject
) -> None:
    folder = make_project(MLproject="entry_points: {main: {command: no-such-program}}")
    with pytest.raises(RunFailed, match=r"exit code 127: .*no-such-program"):
        workspace.projects.run(folder)


def test_command_too_long_for_a_process_is_refused_and_the_run_ended(
    workspace: Workspace, make_project: MakeProject
) -> None:
    folder = make_project(MLproject=PROJECT)
    with pytest.raises((InvalidInput, RunFailed)):
        workspace.projects.run(folder, "echo", {"text": "x" * 300_000})
    assert only_run(workspace).info.status is RunStatus.FAILED


def test_what_a_command_leaves_in_its_group_ends_with_it(
    workspace: Workspace, make_project: MakeProject, tmp_path: Path
) -> None:
    folder = make_project(MLproject="entry_points: {main: {command: 'sleep 600 & echo $!'}}")
    submitted = workspace.projects.run(folder)
    left = int(output(workspace, submitted.run_id))
    until(lambda: not is_running(left), "the process that was left behind ends")


def is_running(pid: int) -> bool:
    """Whether the process lives; one that nobody has collected is dead too."""
    import psutil

    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_progress_bars_and_broken_bytes_are_kept_as_they_look(
    workspace: Workspace, make_project: MakeProject, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = make_project(
        MLproject="entry_points: {main: {command: 'printf \"10%%\\r100%%\\n\\377\\n\"'}}"
    )
    submitted = workspace.projects.run(folder)
    assert workspace.artifacts(submitted.run_id).read("project/output.txt") == b"10%\r100%\n\xff\n"
    assert capfd.readouterr().out == "10%\r100%\n\ufffd\n"
    kept = "".join(line.text for line in workspace.runs.output(submitted.run_id))
    assert kept == "100%\n\ufffd\n"


def test_module_level_run_is_a_child_of_the_active_run_in_its_experiment(
    tmp_path: Path, make_project: MakeProject
) -> None:
    folder = make_project(MLproject=PROJECT, train_py=TRAIN)
    stageline.set_store(tmp_path / "other", cache=str(tmp_path / "cache"))
    stageline.set_experiment("wine")
    with stageline.start_run() as parent:
        submitted = stageline.projects.run(str(folder), parameters={"alpha": 1.0})
    again = stageline.run(folder)
    runs = stageline.get_workspace().runs
    assert runs.get(submitted.run_id).parent_run_id == parent.run_id
    assert runs.get(again.run_id).parent_run_id is None
    assert runs.get(again.run_id).info.experiment_id == parent.experiment_id


def test_mlflows_variables_are_set_together_or_not_at_all(
    tmp_path: Path, make_project: MakeProject
) -> None:
    folder = make_project(
        MLproject="entry_points: {main: {command: 'set -o pipefail; env | grep ^MLFLOW_ | sort'}}"
    )
    plain = Workspace.open(tmp_path / "s")
    with pytest.raises(RunFailed):
        plain.projects.run(folder)
    served = Workspace.open(tmp_path / "s", server_url="http://127.0.0.1:5000")
    submitted = served.projects.run(folder)
    assert output(served, submitted.run_id).splitlines() == [
        "MLFLOW_EXPERIMENT_ID=0",
        f"MLFLOW_RUN_ID={submitted.run_id}",
        "MLFLOW_TRACKING_URI=http://127.0.0.1:5000",
    ]


def test_settings_reach_the_script_from_another_folder(
    tmp_path: Path, make_project: MakeProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = make_project(
        MLproject="entry_points: {main: {command: 'env | grep ^STAGELINE_ | sort'}}"
    )
    workspace = Workspace.open("relative", spool="spool", user="ann", webhook_keys="secret")
    submitted = workspace.projects.run(folder)
    assert output(workspace, submitted.run_id).splitlines() == [
        "STAGELINE_EXPERIMENT_ID=0",
        f"STAGELINE_RUN_ID={submitted.run_id}",
        f"STAGELINE_SPOOL={tmp_path}/spool",
        f"STAGELINE_STORE={tmp_path}/relative",
        "STAGELINE_USER=ann",
    ]
