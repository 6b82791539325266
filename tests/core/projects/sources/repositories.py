"""Git repositories as tests need them, made by dulwich, and served over http from a thread."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from wsgiref.simple_server import WSGIServer

from dulwich.objects import Blob, Commit, Tag, Tree
from dulwich.repo import Repo
from dulwich.server import DictBackend
from dulwich.web import HTTPGitApplication, WSGIRequestHandlerLogger, make_server

AUTHOR = b"Ann <ann@example.com>"
PLAIN, PROGRAM, LINK, MODULE = 0o100644, 0o100755, 0o120000, 0o160000

Entries = Mapping[str, tuple[int, bytes]]


class Repository:
    """A bare repository whose commits are given as mode and content by path."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.repo = Repo.init_bare(path, mkdir=True)
        self.repo.refs.set_symbolic_ref(b"HEAD", b"refs/heads/main")
        self._time = 1_700_000_000

    def commit(self, entries: Entries, branch: str = "main", *, parent: str | None = None) -> str:
        """A commit with exactly these files, at the end of a branch; its id."""
        commit = Commit()
        commit.tree = self._tree(entries)
        ref = f"refs/heads/{branch}".encode()
        before = parent.encode() if parent else dict(self.repo.get_refs()).get(ref)
        commit.parents = [before] if before else []
        commit.author = commit.committer = AUTHOR
        self._time += 1
        commit.commit_time = commit.author_time = self._time
        commit.commit_timezone = commit.author_timezone = 0
        commit.message = b"a commit"
        self.repo.object_store.add_object(commit)
        self.repo.refs[ref] = commit.id
        return commit.id.decode()

    def files(self, text: str, branch: str = "main") -> str:
        """A commit of a small project that prints `text`."""
        return self.commit(
            {"MLproject": (PLAIN, b"name: small\n"), "say.py": (PLAIN, text.encode())}, branch
        )

    def tag(self, name: str, commit: str, *, annotated: bool = False) -> None:
        target = commit.encode()
        if annotated:
            tag = Tag()
            tag.name, tag.tagger, tag.message = name.encode(), AUTHOR, b"a tag"
            tag.tag_time, tag.tag_timezone = self._time, 0
            tag.object = (Commit, target)
            self.repo.object_store.add_object(tag)
            target = tag.id
        self.repo.refs[f"refs/tags/{name}".encode()] = target

    def _tree(self, entries: Entries) -> bytes:
        tree = Tree()
        folders: dict[str, dict[str, tuple[int, bytes]]] = {}
        for path, (mode, content) in entries.items():
            first, slash, rest = path.partition("/")
            if slash:
                folders.setdefault(first, {})[rest] = (mode, content)
            elif mode == MODULE:
                tree.add(first.encode(), mode, content)
            else:
                blob = Blob.from_string(content)
                self.repo.object_store.add_object(blob)
                tree.add(first.encode(), mode, blob.id)
        for name, inside in folders.items():
            tree.add(name.encode(), 0o40000, self._tree(inside))
        self.repo.object_store.add_object(tree)
        return tree.id


class _Counting:
    """A WSGI application that counts requests, and asks for a password if there is one."""

    def __init__(self, inner: HTTPGitApplication, authorization: str | None) -> None:
        self.inner = inner
        self.authorization = authorization
        self.paths: list[str] = []

    def __call__(self, environ, start_response):
        self.paths.append(environ["PATH_INFO"])
        if self.authorization and environ.get("HTTP_AUTHORIZATION") != self.authorization:
            start_response("401 Unauthorized", [("WWW-Authenticate", 'Basic realm="git"')])
            return [b"who are you?"]
        return self.inner(environ, start_response)


@contextmanager
def served(
    repository: Repository, authorization: str | None = None
) -> Iterator[tuple[str, list[str]]]:
    """The URL of a smart server for the repository, and the paths that it was asked for."""
    application = _Counting(
        HTTPGitApplication(DictBackend({"/team/project.git": repository.repo})), authorization
    )
    server: WSGIServer = make_server("127.0.0.1", 0, application, handler_class=_Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/team/project.git", application.paths
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Quiet(WSGIRequestHandlerLogger):
    def log_message(self, *args: object) -> None:
        pass
