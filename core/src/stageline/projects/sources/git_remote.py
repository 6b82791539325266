"""A git repository somewhere else, asked by dulwich: its refs, and single commits of it. No git binary, no submodules.

The user's own git settings hold (proxies, certificates, stored credentials); the repository's are never read.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from dulwich.client import (
    HttpGitClient,
    HTTPProxyUnauthorized,
    HTTPUnauthorized,
    LocalGitClient,
    get_credentials_from_store,
    get_transport_and_path,
)
from dulwich.config import StackedConfig
from dulwich.errors import GitProtocolError, HangupException, NotGitRepository
from dulwich.objects import Commit, ObjectID, Tag
from dulwich.repo import Repo
from urllib3.exceptions import HTTPError

from stageline.errors import NotFound, StagelineError, StorageFailed, Unauthorized
from stageline.projects.sources.address import Address, check_git
from stageline.storage.redaction import redacted, secrets_of

_LONGEST_REASON = 300


class Refs(NamedTuple):
    """What a repository has: names with ids, and which of them is the default branch."""

    ids: Mapping[str, str]
    head: str | None


class Remote:
    """The repository at an address. Raises `NotFound`, `Unauthorized` or `StorageFailed`, none with a secret in it."""

    def __init__(self, address: Address) -> None:
        check_git(address)
        self._address = address
        self._secrets = secrets_of(address.place, {})

    def refs(self) -> Refs:
        """What it has, by one request."""
        with self._told(), self._client() as (client, path):
            found = client.get_refs(path)
            if hasattr(found, "refs"):
                ids, symrefs = found.refs, found.symrefs
            else:  # dulwich before 0.23
                ids, symrefs = found, {}
            head = symrefs.get(b"HEAD")
            return Refs(
                {os.fsdecode(ref): bytes(one).decode() for ref, one in ids.items() if one},
                os.fsdecode(head) if head else self._head_here(),
            )

    def fetch(self, object_id: str, into: Repo) -> Commit:
        """The commit of an id, or of the tag that has it, without its history where the server can do that."""
        wanted = ObjectID(object_id.encode())
        try:
            self._fetch(into, lambda refs, depth=None: [wanted], depth=1)
        except (NotFound, StorageFailed):
            # Servers may refuse what no ref names: then the whole history has it, or nothing has.
            self._fetch(into, _everything, depth=None)
        return self._commit(into, wanted, object_id)

    def find(self, short: str, into: Repo) -> Commit:
        """The one commit whose id begins so; that takes the whole history."""
        self._fetch(into, _everything, depth=None)
        start = short.encode()
        found = [
            one
            for one in into.object_store
            if one.startswith(start) and isinstance(into[one], Commit)
        ]
        if len(found) > 1:
            raise NotFound(
                f"{self._address.public} has {len(found)} commits that begin with {short!r}: give more digits"
            )
        if not found:
            raise self._absent(short)
        return self._commit(into, found[0], short)

    def _fetch(self, repo: Repo, wants: Any, depth: int | None) -> None:
        with self._told(), self._client() as (client, path):
            client.fetch(path, repo, determine_wants=wants, depth=depth)

    def _commit(self, repo: Repo, wanted: ObjectID, name: str) -> Commit:
        try:
            found = repo[wanted]
            while isinstance(found, Tag):
                found = repo[found.object[1]]
        except KeyError:
            raise self._absent(name) from None
        if not isinstance(found, Commit):
            raise self._absent(name)
        return found

    def _absent(self, name: str) -> NotFound:
        return NotFound(
            f"{self._address.public} has no commit {name}: check the version, and that it was pushed"
        )

    @contextmanager
    def _client(self) -> Iterator[tuple[Any, str]]:  # its classes differ by release
        if self._address.is_local:
            yield LocalGitClient(), self._address.place
            return
        username, password = self._stored()
        client, path = get_transport_and_path(
            self._address.place,
            config=StackedConfig.default(),
            username=username,
            password=password,
            # As git has it; whoever sets these chooses the program that connects.
            ssh_command=os.environ.get("GIT_SSH_COMMAND") or os.environ.get("GIT_SSH"),
        )
        with ExitStack() as stack:
            if isinstance(client, HttpGitClient):
                _close_answers(client, stack)
            yield client, path

    def _stored(self) -> tuple[str | None, str | None]:
        """User and password from git's credential store, for an https URL without them."""
        url = urlsplit(self._address.place)
        if url.scheme not in ("http", "https") or url.password or not url.hostname:
            return None, None
        config = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
        files = [str(Path.home() / ".git-credentials"), str(config / "git" / "credentials")]
        found = get_credentials_from_store(url.scheme, url.hostname, url.username, files)
        username, password = next(iter(found), (None, None))
        if password:
            self._secrets.append(password)
        return username, password

    def _head_here(self) -> str | None:
        if not self._address.is_local:
            return None
        with Repo(self._address.place) as repo:
            chain = repo.refs.follow(b"HEAD")[0]  # type: ignore[arg-type]  # dulwich's own name for bytes
            return os.fsdecode(chain[-1]) if len(chain) > 1 else None

    @contextmanager
    def _told(self) -> Iterator[None]:
        """What dulwich and the network raise, told as ours. No cause is kept: its text may hold the whole URL."""
        where = self._address.public
        try:
            yield
        except StagelineError:
            raise
        except NotGitRepository:
            raise NotFound(
                f"{where} is no git repository, or none that these credentials may see: check the address"
            ) from None
        except (HTTPUnauthorized, HTTPProxyUnauthorized):
            raise Unauthorized(
                f"{where} takes credentials, or others: put them into git's credential store, or into the URL"
            ) from None
        except HangupException as error:
            lines = b"\n".join(getattr(error, "stderr_lines", None) or []).decode(errors="replace")
            raise StorageFailed(f"{where} hung up: {self._reason(lines) or error}") from None
        except (GitProtocolError, HTTPError, OSError, KeyError, ValueError) as error:
            raise StorageFailed(
                f"{where} can not be fetched: {type(error).__name__}: {self._reason(str(error))}"
            ) from None

    def _reason(self, text: str) -> str:
        shown = redacted(text, self._secrets)
        return "".join(c if c.isprintable() else " " for c in shown)[:_LONGEST_REASON]


def _close_answers(client: HttpGitClient, stack: ExitStack) -> None:
    """Close every connection at the end: dulwich leaves those of refused requests open."""
    pool = client.pool_manager
    request = pool.request
    stack.callback(pool.clear)

    def remembered(*args: Any, **kwargs: Any) -> Any:
        answer = request(*args, **kwargs)
        stack.callback(answer.close)
        return answer

    pool.request = remembered  # type: ignore[method-assign]


def _everything(refs: Mapping[bytes, bytes], depth: int | None = None) -> list[bytes]:
    del depth
    named = (b"refs/heads/", b"refs/tags/", b"HEAD")
    return sorted(
        {one for ref, one in refs.items() if ref.startswith(named) and not ref.endswith(b"^{}")}
    )
