"""Projects in git: over file, http and ssh; by branch, tag and commit; cloned once, and never trusted."""

from __future__ import annotations

import base64
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import processes
import pytest
from racing import race
from repositories import LINK, MODULE, PLAIN, PROGRAM, Repository, served

from stageline.errors import InvalidInput, NotFound, StorageFailed, Unauthorized
from stageline.projects.environments.shelf import prune_environments
from stageline.projects.sources.fetch import fetch
from stageline.projects.sources.fetched import Fetched
from stageline.projects.sources.git import COMMITS


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Repository]:
    made = Repository(tmp_path / "project.git")
    yield made
    made.repo.close()


def text_of(fetched: Fetched) -> str:
    return (fetched.folder / "say.py").read_text()


def commits(cache: Path) -> list[str]:
    return sorted(one.name for one in (cache / COMMITS).iterdir() if one.is_dir())


@pytest.mark.parametrize("form", ["file://{}", "git+file://{}", "{}"])
def test_a_bare_repository_is_fetched_at_its_default_branch(
    repository: Repository, cache: Path, said: list[str], form: str
) -> None:
    repository.files("one")
    commit = repository.files("two")
    repository.files("other", "side")
    fetched = fetch(form.format(repository.path), None, cache=cache, say=said.append)
    assert text_of(fetched) == "two"
    assert (fetched.commit, fetched.branch) == (commit, "main")
    assert fetched.repo_url == form.format(repository.path)
    assert said == [f"cloning {form.format(repository.path)} at {commit[:12]}"]


def test_branches_tags_and_commits_name_versions(repository: Repository, cache: Path) -> None:
    first = repository.files("one")
    repository.tag("v1", first)
    repository.tag("v1-signed", first, annotated=True)
    second = repository.files("two")
    third = repository.files("three", "feature/x")

    def at(version: str) -> tuple[str, str | None, str | None]:
        fetched = fetch(f"file://{repository.path}", version, cache=cache, say=print)
        return text_of(fetched), fetched.commit, fetched.branch

    assert at("v1") == ("one", first, None)
    assert at("v1-signed") == ("one", first, None)
    assert at("refs/tags/v1") == ("one", first, None)
    assert at("main") == ("two", second, "main")
    assert at("feature/x") == ("three", third, "feature/x")
    assert at(first) == ("one", first, None)
    assert at(second.upper()) == ("two", second, None)
    assert at(first[:7]) == ("one", first, None)


def test_a_tag_goes_before_a_branch_of_its_name(repository: Repository, cache: Path) -> None:
    first = repository.files("one")
    repository.files("two", "same")
    repository.tag("same", first)
    fetched = fetch(f"file://{repository.path}", "same", cache=cache, say=print)
    assert (text_of(fetched), fetched.branch) == ("one", None)


def test_a_version_that_is_not_there_names_those_that_are(
    repository: Repository, cache: Path
) -> None:
    repository.tag("v1", repository.files("one"))
    with pytest.raises(NotFound, match="has no version 'v2'; it has main, v1"):
        fetch(f"file://{repository.path}", "v2", cache=cache, say=print)
    with pytest.raises(NotFound, match=f"has no commit {'ab' * 20}"):
        fetch(f"file://{repository.path}", "ab" * 20, cache=cache, say=print)
    with pytest.raises(NotFound, match="has no commit abcdef1"):
        fetch(f"file://{repository.path}", "abcdef1", cache=cache, say=print)
    assert commits(cache) == []


@pytest.mark.parametrize(
    "version", ["--upload-pack=touch x", "-v", "", "a b", "a\nb", "HEAD~1", "a:b"]
)
def test_a_version_that_could_be_an_option_is_refused(
    repository: Repository, cache: Path, version: str
) -> None:
    repository.files("one")
    with pytest.raises(InvalidInput, match="is no version"):
        fetch(f"file://{repository.path}", version, cache=cache, say=print)


def test_http_fetches_branches_tags_and_commits_that_no_ref_names(
    repository: Repository, cache: Path
) -> None:
    first = repository.files("one")
    second = repository.files("two")
    repository.tag("v2", second, annotated=True)
    repository.files("three")
    with served(repository) as (url, _):
        received: list[int] = []
        newest = fetch(url, None, cache=cache, say=print, progress=received.append)
        assert (text_of(newest), newest.branch) == ("three", "main")
        assert sum(received) == len("name: small\n" + "three")
        assert text_of(fetch(f"git+{url}", "v2", cache=cache, say=print)) == "two"
        assert text_of(fetch(url, first, cache=cache, say=print)) == "one"
        assert text_of(fetch(url, first[:9], cache=cache, say=print)) == "one"


def test_a_commit_in_the_cache_takes_no_request(repository: Repository, cache: Path) -> None:
    commit = repository.files("one")
    with served(repository) as (url, asked):
        fetch(url, commit, cache=cache, say=print)
        before = len(asked)
        assert text_of(fetch(url, commit, cache=cache, say=print)) == "one"
        assert len(asked) == before


def test_a_branch_that_moved_is_fetched_anew(repository: Repository, cache: Path) -> None:
    repository.files("one")
    url = f"file://{repository.path}"
    assert text_of(fetch(url, "main", cache=cache, say=print)) == "one"
    repository.files("two")
    assert text_of(fetch(url, "main", cache=cache, say=print)) == "two"
    assert len(commits(cache)) == 2


def test_two_runs_of_a_commit_do_not_see_each_others_files(
    repository: Repository, cache: Path, said: list[str]
) -> None:
    repository.files("one")
    url = f"file://{repository.path}"
    first = fetch(url, None, cache=cache, say=said.append)
    (first.folder / "say.py").write_text("spoiled")
    second = fetch(url, None, cache=cache, say=said.append)
    assert text_of(second) == "one"
    assert first.folder != second.folder
    assert len(said) == 1
    second.discard()
    assert not second.folder.exists()
    assert text_of(first) == "spoiled"


def test_a_subfolder_of_a_repository_is_the_project(repository: Repository, cache: Path) -> None:
    repository.commit(
        {
            "deep/er/say.py": (PLAIN, b"deep"),
            "deep/run.sh": (PROGRAM, b"#!/bin/sh"),
            "x": (PLAIN, b""),
        }
    )
    url = f"file://{repository.path}"
    fetched = fetch(f"{url}#deep/er", None, cache=cache, say=print)
    assert text_of(fetched) == "deep"
    assert (fetched.uri, fetched.repo_url) == (f"{url}#deep/er", url)
    assert os.access(fetched.folder.parent / "run.sh", os.X_OK)
    with pytest.raises(NotFound, match=r"no folder 'shallow'\. Its folders: deep"):
        fetch(f"{url}#shallow", None, cache=cache, say=print)


def test_a_working_tree_is_used_as_it_is_and_at_a_version_as_committed(
    tmp_path: Path, cache: Path
) -> None:
    from dulwich import porcelain

    tree = tmp_path / "tree"
    porcelain.init(str(tree))
    (tree / "part").mkdir()
    (tree / "part" / "say.py").write_text("committed")
    porcelain.add(str(tree), [str(tree / "part" / "say.py")])
    commit = porcelain.commit(str(tree), b"one", author=b"A <a@b>", committer=b"A <a@b>").decode()
    (tree / "part" / "say.py").write_text("changed")

    here = fetch(f"{tree}#part", None, cache=cache, say=print)
    assert (here.folder, text_of(here), here.commit) == (tree / "part", "changed", commit)
    here.discard()
    assert text_of(here) == "changed"

    at = fetch(str(tree / "part"), commit[:8], cache=cache, say=print)
    assert (text_of(at), at.commit) == ("committed", commit)
    assert (tree / "part" / "say.py").read_text() == "changed"


def test_a_folder_under_no_version_control_has_no_versions(tmp_path: Path, cache: Path) -> None:
    (tmp_path / "plain").mkdir()
    with pytest.raises(InvalidInput, match="is no git repository, so it has no version 'v1'"):
        fetch(str(tmp_path / "plain"), "v1", cache=cache, say=print)


def test_four_processes_at_once_clone_once(repository: Repository, cache: Path) -> None:
    repository.files("one")
    script = """
        from pathlib import Path
        from stageline.projects.sources.fetch import fetch
        fetched = fetch(sys.argv[1], None, cache=Path(sys.argv[2]), say=print)
        print('text', (fetched.folder / 'say.py').read_text())
    """
    with served(repository) as (url, asked):
        told = race(script, url, str(cache))
    assert all("text one" in one for one in told), told
    assert sum("cloning" in one for one in told) == 1
    assert sum(path.endswith("/git-upload-pack") for path in asked) == 1
    assert len(commits(cache)) == 1


def test_what_a_killed_process_leaves_is_pruned_and_what_others_use_is_not(
    repository: Repository, cache: Path
) -> None:
    repository.files("one")
    url = f"file://{repository.path}"
    script = """
        import os, signal, sys
        from pathlib import Path
        from stageline.projects.sources.fetch import fetch
        fetched = fetch(sys.argv[1], None, cache=Path(sys.argv[2]), say=lambda line: None)
        print(fetched.folder, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    """
    left = Path(processes.run(script, url, str(cache)).stdout.strip())
    used = fetch(url, None, cache=cache, say=print)
    assert text_of(used) == (left / "say.py").read_text() == "one"
    prune_environments(cache, 3600)
    assert not left.exists()
    assert text_of(used) == "one"
    assert len(commits(cache)) == 1
    prune_environments(cache, 0)
    assert commits(cache) == []
    assert text_of(used) == "one"


def test_ssh_is_asked_through_the_users_own_command(
    repository: Repository, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = repository.files("over ssh")
    log = tmp_path / "ssh.json"
    stand_in = tmp_path / "ssh.py"
    stand_in.write_text(
        "import json, shlex, sys\n"
        f"open({str(log)!r}, 'w').write(json.dumps(sys.argv[1:]))\n"
        "from dulwich.server import FileSystemBackend, UploadPackHandler, serve_command\n"
        "command, path = shlex.split(sys.argv[-1])\n"
        "assert command == 'git-upload-pack'\n"
        "sys.exit(serve_command(UploadPackHandler, ['git-upload-pack', path], backend=FileSystemBackend()))\n"
    )
    monkeypatch.setenv("GIT_SSH_COMMAND", f"{sys.executable} {stand_in}")
    for url in (
        f"ssh://git@example.com:2222{repository.path}",
        f"git@example.com:{repository.path}",
    ):
        fetched = fetch(url, None, cache=cache, say=print)
        assert (text_of(fetched), fetched.commit) == ("over ssh", commit)
        assert "git@example.com" in json.loads(log.read_text())


@pytest.mark.parametrize(
    "uri",
    [
        "ssh://-oProxyCommand=touch%20x/team/project.git",
        "ssh://-oProxyCommand=x@host/team/project.git",
        "ssh://host/-oProxyCommand=x",
        "-oProxyCommand=x@host:project.git",
        "host.example:-oProxyCommand=x",
        "--upload-pack=touch x",
        "ext::sh -c 'touch x'",
        "git+ext::sh -c touch",
        "fd::17",
        "file://elsewhere.example/share/project.git",
        "https://host/a\nb",
    ],
)
def test_uris_that_would_run_or_reach_something_else_are_refused(
    cache: Path, uri: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_SSH_COMMAND", "touch x;")
    with pytest.raises(InvalidInput):
        fetch(uri, None, cache=cache, say=print)
    assert not (tmp_path / "x").exists()


def test_a_password_is_sent_and_never_shown(
    repository: Repository, cache: Path, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.files("private")
    pair = base64.b64encode(b"ann:ghp_secret").decode()
    with served(repository, f"Basic {pair}") as (url, _):
        with_password = url.replace("://", "://ann:ghp_secret@")
        fetched = fetch(with_password, None, cache=cache, say=said.append)
        assert text_of(fetched) == "private"
        assert (fetched.uri, fetched.repo_url) == (url, url)
        wrong = url.replace("://", "://ann:wrong_secret@")
        with pytest.raises(Unauthorized) as refused:
            fetch(wrong, None, cache=cache, say=said.append)
    kept = [path.read_bytes() for path in cache.rglob("*") if path.is_file()]
    assert not any(b"ghp_secret" in one for one in kept)
    shown = "\n".join([repr(fetched), *said, repr(refused.value)])
    assert "secret" not in shown
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__


def test_a_password_in_gits_credential_store_is_used(
    repository: Repository, cache: Path, isolated_home: Path
) -> None:
    repository.files("private")
    pair = base64.b64encode(b"ann:ghp_secret").decode()
    (isolated_home / ".git-credentials").write_text("http://ann:ghp_secret@127.0.0.1\n")
    with served(repository, f"Basic {pair}") as (url, _):
        assert text_of(fetch(url, None, cache=cache, say=print)) == "private"


def test_a_place_that_is_no_repository_says_so(cache: Path, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no git repository"):
        fetch(f"git+file://{tmp_path}", None, cache=cache, say=print)
    with pytest.raises(StorageFailed, match="can not be fetched"):
        fetch("git+http://127.0.0.1:1/x.git", None, cache=cache, say=print)


def test_submodules_and_lfs_are_left_out_and_told(
    repository: Repository, cache: Path, said: list[str]
) -> None:
    repository.commit(
        {
            "a.py": (PLAIN, b""),
            ".gitmodules": (PLAIN, b'[submodule "sub"]\n\tpath = sub\n\turl = ext::sh -c touch\n'),
            "sub": (MODULE, b"ab" * 20),
            "data.bin": (PLAIN, b"version https://git-lfs.github.com/spec/v1\noid sha256:x\n"),
        }
    )
    fetched = fetch(f"file://{repository.path}", None, cache=cache, say=said.append)
    assert not (fetched.folder / "sub").exists()
    assert any("left out the submodules sub" in line for line in said)
    assert any("Git LFS" in line and "data.bin" in line for line in said)


def test_what_git_would_run_is_not_there(repository: Repository, cache: Path) -> None:
    repository.files("one")
    hook = repository.path / "hooks" / "post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\ntouch ran\n")
    hook.chmod(0o755)
    (repository.path / "config").write_text(
        "[core]\n\trepositoryformatversion = 0\n\tbare = true\n\tfsmonitor = touch ran\n"
    )
    fetched = fetch(f"file://{repository.path}", None, cache=cache, say=print)
    assert not list(cache.rglob("ran"))
    assert not list(cache.rglob("hooks"))
    assert not (fetched.folder / ".git").exists()


@pytest.mark.parametrize(
    ("name", "target"),
    [("out", b"../../../etc/passwd"), ("abs", b"/etc/passwd"), ("deep/out", b"../../x")],
)
def test_a_link_out_of_the_repository_is_refused(
    repository: Repository, cache: Path, name: str, target: bytes
) -> None:
    repository.commit({"a.py": (PLAIN, b""), name: (LINK, target)})
    with pytest.raises(InvalidInput, match="outside of the project"):
        fetch(f"file://{repository.path}", None, cache=cache, say=print)
    assert commits(cache) == []


def test_links_inside_of_a_repository_are_kept(repository: Repository, cache: Path) -> None:
    repository.commit(
        {"a/say.py": (PLAIN, b"here"), "b/there.py": (LINK, b"../a/say.py"), "c": (LINK, b"a")}
    )
    folder = fetch(f"file://{repository.path}", None, cache=cache, say=print).folder
    assert (folder / "b" / "there.py").read_text() == "here"
    assert (folder / "c" / "say.py").read_text() == "here"


@pytest.mark.parametrize(
    "name",
    [".git/config", ".GIT/config", "a/.Git/hooks/x", "git~1/config", ".git ./x", ".g\u200cit/x"],
)
def test_a_repository_can_not_bring_settings_of_git(
    repository: Repository, cache: Path, name: str
) -> None:
    repository.commit({name: (PLAIN, b"[core]")})
    with pytest.raises(InvalidInput, match="git's own settings"):
        fetch(f"file://{repository.path}", None, cache=cache, say=print)
