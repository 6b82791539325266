"""Telling an orchestrator what happens in the registry: in order, from where the last teller stopped."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from stageline.domain.document import decode_document, encode_document
from stageline.domain.ids import new_txn
from stageline.errors import NotFound
from stageline.registry.events import decode_cursor, encode_cursor
from stageline.registry.transitions import TransitionEvent
from stageline.storage import layout

if TYPE_CHECKING:
    from stageline.tasks.session import TaskWorkspace

__all__ = ["TransitionEvent", "forward_transitions"]

CURSOR_FORMAT = "stageline.watcher/1"
Send = Callable[[list[TransitionEvent]], None]


class Watcher(msgspec.Struct, frozen=True, kw_only=True):
    """How far one who is told has been told."""

    format: str = CURSOR_FORMAT
    txn: str
    cursor: str
    time: int
    """Unix milliseconds."""


def forward_transitions(
    workspace: TaskWorkspace, to: str, send: Send, *, from_start: bool = False, limit: int = 100
) -> int:
    """Send what happened since the last call for `to`, from any host, and remember that in the store.

    `send` has to return only when the events can not get lost any more. Should this process die before it has
    remembered, the same ones are sent again: whoever gets them deduplicates by the id that is made of `txn` and
    version. Two at the same time do no harm beyond that. One listing and a read if nothing is new.

    Args:
        workspace: Whose registry.
        to: Name of who is told.
        send: Called with at most about `limit` events of several models, those of each in their order.
        from_start: Whether a first call tells all that ever happened; otherwise it only remembers where to begin.

    Returns:
        How many were sent.

    Raises:
        StorageFailed: and whatever `send` raises: nothing is remembered.
    """
    key = layout.watcher(to)
    known = _read(workspace, key)
    if known is None and not from_start:
        _write(workspace, key, workspace.registry.cursor())
        return 0
    followed = workspace.registry.follow(known, limit=limit)
    if followed.events:
        send(followed.events)
    if followed.cursor != known:
        # What another teller has remembered meanwhile stays remembered.
        seen, others = decode_cursor(followed.cursor), decode_cursor(_read(workspace, key))
        merged = {name: max(seen.get(name, 0), others.get(name, 0)) for name in seen | others}
        _write(workspace, key, encode_cursor(merged))
    return len(followed.events)


def _read(workspace: TaskWorkspace, key: str) -> str | None:
    try:
        data = workspace.store.read(key)
    except NotFound:
        return None
    return decode_document(data, Watcher, CURSOR_FORMAT, f"{key} in {workspace.store.url}")[
        0
    ].cursor


def _write(workspace: TaskWorkspace, key: str, cursor: str) -> None:
    watcher = Watcher(txn=new_txn(), cursor=cursor, time=workspace.clock.now_ms())
    workspace.store.replace(key, encode_document(watcher, None))
