"""The command of an entry point: what goes in comes out in argv, and nothing of it is run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from stageline.errors import InvalidInput
from stageline.projects.command import render_command
from stageline.projects.entry_point import EntryPoint, Parameter
from stageline.projects.mlproject import load_project

ECHO = "import json,sys; sys.stdout.buffer.write(json.dumps(sys.argv[1:]).encode())"
"""Prints its arguments."""

# What argv can hold: any text but NUL; of the lone surrogates, none that UTF-8 lacks.
texts = st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), max_size=30)
nasty = st.text(st.sampled_from("ab '\"\\$`(){}!#&;|<>*?[]~\n\t=%-"), max_size=12)
values = texts | nasty | st.sampled_from(["if", "A=b", "--", "-e", "$(touch canary)", "'\n: '"])


def entry(command: str, *names: str) -> EntryPoint:
    return EntryPoint("main", command, tuple(Parameter(name) for name in names))


def argv_of(line: str, folder: Path, program: Path) -> list[str]:
    """What `show` is called with when bash runs the line."""
    environment = {
        "PATH": f"{program.parent}{os.pathsep}{os.defpath}",
        "LC_ALL": "C.UTF-8",
        "x": "X",
    }
    done = subprocess.run(
        ["bash", "-c", line],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, ""), (line, done)
    return list(json.loads(done.stdout))


@pytest.fixture(scope="module")
def show(tmp_path_factory: pytest.TempPathFactory) -> Path:
    program = tmp_path_factory.mktemp("bin") / "show"
    program.write_text(f"#!{sys.executable} -IS\n{ECHO}\n")
    program.chmod(0o755)
    return program


@given(a=values, b=values, key=values.filter(bool), extra=values)
@settings(max_examples=60)
@example(a="", b="$(touch canary)", key="k", extra="\n; touch canary #")
def test_what_goes_in_comes_out(
    show: Path, tmp_path_factory: pytest.TempPathFactory, a: str, b: str, key: str, extra: str
) -> None:
    folder = tmp_path_factory.mktemp("run")
    line = render_command(
        entry(
            'show {a} --b={b} "in {a} double" \'in {b} single\' "$x{a}" $(echo y; ) "$(echo "{x}")"',
            "a",
            "b",
        ),
        {"a": a, "b": b},
        {key: extra},
    )
    assert argv_of(line, folder, show) == [
        a, f"--b={b}", f"in {a} double", f"in {b} single", f"X{a}", "y", "{x}", f"--{key}", extra,
    ]  # fmt: skip
    assert list(folder.iterdir()) == []


# Any shell at all around the value; a redirection may make files, but never the canary.
shells = st.lists(
    st.sampled_from(
        [" ", "\n", "'", '"', "\\", "#", "$", "$(", "(", ")", "${", "{", "}", "`", "<(", "$'", "$((",
         "<<a", "<<<", ";", "|", "&&", "case a in a)", ";;", "esac", "a", "echo ", "x=", "${a}", "${b:-", "\\\n",
         "x=(", "=(", "((", "))", "[[ ", " ]]", " -eq ", "a[", "]", "for ((", "if ", "then ", "fi ", "declare ",
         "<", ">", "<&", ">&", ">|", "& ", "!", "$x", "$$", "=", "+=", "'\n'", '"\n"', "=~ ", "{ ", "; }", "[", '$"',
         "$[", "0", "-"]
    ),
    max_size=8,
).map("".join)  # fmt: skip
escapes = st.sampled_from(
    ["$(touch canary)", "`touch canary`", "\ntouch canary\n", "';touch canary;'", "\";touch canary;\"",
     "a\n'\n\"\ntouch canary #", ")\ntouch canary\n(", "}\ntouch canary", "\\';touch canary;\\'", "touch canary",
     "a[$(touch canary)]", ";touch canary;", "'\n;touch canary;'", "(touch canary)", "{touch,canary}",
     ")); touch canary; ((", "]] ; touch canary; [[ a", "a'\ntouch canary\n\"\ntouch canary\n"]
)  # fmt: skip


@given(before=shells, between=shells, after=shells, value=escapes)
@settings(max_examples=250)
@example(before="a \\\n# ' ", between="", after="", value="\ntouch canary\n")
@example(before="$(a)#'", between="", after="'", value="\ntouch canary\n")
@example(before="$(", between="", after=")", value="touch canary")
@example(before="\nx=(", between="<<<", after="", value="\ntouch canary\n")
@example(before="\nx=\\\n('\n'", between="<", after="", value=";touch canary;")
@example(before='"$\\\n', between="", after='"', value="(touch canary)")
@example(before="$((", between="", after="))", value="$(touch canary)")
@example(before=">& ", between="", after="", value="$(touch canary)")
@example(before="<(x=(", between="\\|", after="$'", value="\ntouch canary\n")
@example(before="; ((", between="==", after="))", value="a[$(touch canary)]")
@example(before="; [[ ", between=" -eq ", after=" ]]", value="a[$(touch canary)]")
@example(before="; a[", between="", after="]=1", value="$(touch canary)")
@example(before="; x=([", between="", after="]=1)", value="$(touch canary)")
def test_no_shell_around_a_value_makes_it_run(
    tmp_path_factory: pytest.TempPathFactory, before: str, between: str, after: str, value: str
) -> None:
    folder = tmp_path_factory.mktemp("run")
    try:
        line = render_command(entry(f": {before}{{v}}{between}{{v}}{after}", "v"), {"v": value})
    except InvalidInput:
        return
    subprocess.run(
        ["bash", "-c", line], cwd=folder, capture_output=True, stdin=subprocess.DEVNULL, timeout=60
    )
    assert not (folder / "canary").exists(), line


def line(command: str, values: Mapping[str, str], **extra: str) -> str:
    return render_command(entry(command, *values), values, extra)


def test_line_is_that_of_mlflow() -> None:
    given = {"alpha": "0.48", "l1_ratio": "0.1"}
    found = line("python train.py {alpha} {l1_ratio}", given, extra="a b")
    assert found == "python train.py 0.48 0.1 --extra 'a b'"


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("awk '{{print $1}}' {a}", "awk '{print $1}' v"),  # as MLflow asks
        ("awk '{print $1}' {a}", "awk '{print $1}' v"),
        ('fit --grid \'{"a": {"b": 1}}\' {a}', 'fit --grid \'{"a": {"b": 1}}\' v'),
        ("find . -exec cat {} + {a}", "find . -exec cat {} + v"),
        ("echo ${HOME}/x ${a} {a}", "echo ${HOME}/x ${a} v"),
        ("cp {a}.{{csv,txt}} .", "cp v.{csv,txt} ."),
        ("cp {a}.{csv,txt} .", "cp v.{csv,txt} ."),
        ("fit {a} # {a}", "fit v # {a}"),
        ("fit \\\n  {a}\n", "fit \\\n  v"),
    ],
)
def test_braces(command: str, expected: str) -> None:
    assert line(command, {"a": "v"}) == expected


def test_parameter_that_is_not_declared_is_told_from_a_brace() -> None:
    with pytest.raises(
        InvalidInput, match=r"has \{alhpa\}, which is none of its parameters \(alpha\)"
    ):
        line("python fit.py {alhpa}", {"alpha": "1"})
    assert line("python -c 'print(f\"{alhpa}\")' {alpha}", {"alpha": "1"}).endswith("' 1")


@pytest.mark.parametrize(
    "command",
    [
        "cat <<E\n{a}\nE",
        "echo `cat {a}`",
        "echo \\{a}",
        "echo ${b:-{a}}",
        "echo $'{a}'",
        "x=(1 <b); f {a}",
        "echo >&{a}",
        "echo >& x{a}",
        "echo 2>&1{a}",
        "echo <&-{a}",
        '"$\\\n{a}"',
    ],
)
def test_place_where_nothing_can_be_quoted_is_refused_with_a_way_out(command: str) -> None:
    with pytest.raises(InvalidInput, match=r'begin the command with `a=\{a\}; `, and write "\$a"'):
        line(command, {"a": "v"})


@pytest.mark.parametrize(
    "command",
    [
        "echo $(( {a} + 1 ))",
        'echo "$((1 + {a}))"',
        "(( x = {a} ))",
        "for ((i = 0; i < {a}; i++)); do :; done",
        "[[ {a} -gt 3 ]] && fit",
        'if [[ -f x && "{a}" -eq 1 ]]; then fit; fi',
        "x[{a}]=1",
        "x=([{a}]=1)",
        "echo $[{a}]",
    ],
)
def test_place_where_bash_would_run_what_it_computes_with_is_refused(command: str) -> None:
    with pytest.raises(InvalidInput, match="hand the value to a program, and let that compute"):
        line(command, {"a": "v"})


@pytest.mark.parametrize(
    "command",
    [
        "echo $((2 * (x + 1))); fit {a}",
        "(( x > 3 )) && fit {a}",
        "[[ -f 'x' && $(cat {a}) =~ ^(a|b)$ ]] && fit {a}",
        "[ {a} -eq 1 ] || fit {a}",
        "names=(one 'two' {a} # three\n four); fit ${names[1]} {a}",
        "fit x[0]=1 *[a-z].csv {a}",
    ],
)
def test_what_computes_without_a_value_stands_in_nobodys_way(command: str) -> None:
    assert line(command, {"a": "v"}) == command.replace("{a}", "v")


@pytest.mark.parametrize("command", ["x=({a}", "x=({a} $'", "x=({a} >b)"])
def test_list_that_is_not_closed_is_refused(command: str) -> None:
    with pytest.raises(InvalidInput, match="close it, or do without it"):
        line(command, {"a": "\ntouch canary\n"})


def test_output_may_go_where_another_goes() -> None:
    assert line("fit {a} >log 2>&1", {"a": "v"}, k="1") == "fit v >log 2>&1 --k 1"


@pytest.mark.parametrize(
    "command", ["fit # later", "fit 'open", 'fit "open', "cat <<E\nE", "fit \\"]
)
def test_extra_parameters_need_a_place_to_follow(command: str) -> None:
    with pytest.raises(InvalidInput, match="declare k as parameters"):
        line(command, {}, k="\ntouch canary")


@pytest.mark.parametrize("value", ["a\0b", "\ud800"])
def test_what_no_argument_can_be_is_refused(value: str) -> None:
    with pytest.raises(InvalidInput, match="the value of 'a'"):
        line("fit {a}", {"a": value})


@given(name=st.sampled_from(["it's {a} $x.sh", "a b.sh", "{{x}}.sh"]), value=values)
@settings(max_examples=20)
def test_script_gets_its_parameters_whole(
    tmp_path_factory: pytest.TempPathFactory, show: Path, name: str, value: str
) -> None:
    folder = tmp_path_factory.mktemp("project")
    (folder / name).write_text('show "$@"\n')
    script = load_project(folder).entry_point(name)
    assert argv_of(render_command(script, {}, {"v": value}), folder, show) == ["--v", value]


@given(value=values)
@settings(max_examples=20)
def test_r_script_runs_by_rscript_and_gets_its_parameters_whole(
    tmp_path_factory: pytest.TempPathFactory, show: Path, value: str
) -> None:
    """R is not there where these tests run: a stand-in of its name shows how it would be called."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "it's.R").touch()
    if not (show.parent / "Rscript").exists():
        (show.parent / "Rscript").symlink_to(show)
    script = load_project(folder).entry_point("it's.R")
    option, expression, *rest = argv_of(render_command(script, {}, {"v": value}), folder, show)
    assert (option, rest) == ("-e", ["--args", "--v", value])
    assert "mlflow::mlflow_source('it\\'s.R') else source('it\\'s.R')" in expression
