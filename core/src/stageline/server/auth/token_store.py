"""The tokens of a store: each an object that is created once, and another one when it is revoked."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from stageline.domain.document import decode_document, encode_document
from stageline.errors import Conflict, InvalidInput, NotFound
from stageline.server.auth.token import (
    REVOKED_FORMAT,
    TOKEN_FORMAT,
    Revoked,
    Token,
    new_token,
    new_token_id,
)
from stageline.server.caller import EVERYTHING
from stageline.storage import layout
from stageline.storage.commit import commit
from stageline.storage.parallel import together
from stageline.storage.probe import ensure_format

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from stageline.clock import Clock
    from stageline.storage.port import ObjectStore

_ID = re.compile(r"[0-9a-f]{16}")


class Kept(NamedTuple):
    """A token, and whether it still is one."""

    token: Token
    revoked: Revoked | None = None


class Tokens:
    """Safe from many threads and hosts: nothing that was written is ever changed."""

    def __init__(self, store: ObjectStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def create(
        self,
        name: str,
        rights: Iterable[str],
        *,
        experiments: Sequence[str] = EVERYTHING,
        models: Sequence[str] = EVERYTHING,
        days: float | None = None,
        by: str = "",
    ) -> tuple[Token, str]:
        """A new token, and its text, which nobody can show again.

        Args:
            name: Whose it is; the actor of what is done with it.
            rights: Some of `caller.RIGHTS`.
            experiments: Patterns of names.
            models: The same.
            days: Until it expires; None for never.
            by: Who makes it.

        Raises:
            InvalidInput: a name, right or pattern can not be.
        """
        now = self._clock.now_ms()
        token, text = new_token(
            new_token_id(),
            name,
            rights,
            experiments=experiments,
            models=models,
            created=now,
            created_by=by,
            expires=None if days is None else now + round(days * 86_400_000),
        )
        ensure_format(self._store)
        if not commit(
            self._store,
            layout.token_made(token.token_id),
            encode_document(token),
            clock=self._clock,
        ):
            raise Conflict("another token has the same random id: make it again")
        return token, text

    def find(self, token_id: str) -> Kept | None:
        """A token as it stands now: one listing, and one or two reads."""
        if not _ID.fullmatch(token_id):
            return None
        keys = {one.key for one in self._store.list(layout.token_folder(token_id))}
        return self._kept(token_id, keys)

    def list(self) -> list[Kept]:
        """All tokens, the oldest first, revoked ones too."""
        keys = {one.key for one in self._store.list(layout.TOKENS)}
        ids = sorted({key[len(layout.TOKENS) :].partition("/")[0] for key in keys})
        found = together(lambda one: self._kept(one, keys), [i for i in ids if _ID.fullmatch(i)])
        kept = [one for one in found if one is not None]
        return sorted(kept, key=lambda one: (one.token.created, one.token.token_id))

    def revoke(self, token_id: str, *, by: str = "") -> Kept:
        """Make a token worth nothing; servers notice within seconds. Twice is as once.

        Raises:
            InvalidInput: that is a token's text, or no id.
            NotFound: there is none.
        """
        if not _ID.fullmatch(token_id):
            raise InvalidInput("expected a token's id, 16 hexadecimal digits, and not its text")
        known = self.find(token_id)
        if known is None:
            raise NotFound(
                f"there is no token {token_id}: `stageline server tokens list` shows them"
            )
        if known.revoked is not None:
            return known
        revoked = Revoked(token_id=token_id, time=self._clock.now_ms(), by=by, txn=new_token_id())
        commit(
            self._store, layout.token_revoked(token_id), encode_document(revoked), clock=self._clock
        )
        return Kept(known.token, revoked)

    def _kept(self, token_id: str, keys: set[str]) -> Kept | None:
        made, gone = layout.token_made(token_id), layout.token_revoked(token_id)
        if made not in keys:
            return None
        token, _ = decode_document(self._store.read(made), Token, TOKEN_FORMAT, f"token {token_id}")
        if gone not in keys:
            return Kept(token)
        revoked, _ = decode_document(
            self._store.read(gone), Revoked, REVOKED_FORMAT, f"end of token {token_id}"
        )
        return Kept(token, revoked)
