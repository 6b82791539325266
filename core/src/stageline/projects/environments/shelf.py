"""Where environments lie below the cache, how long ago each was used, and which of them may go."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from stageline.clock import SYSTEM_CLOCK, Clock
from stageline.projects.built import CONTENT, LOCK, MARKER, read_facts, remove
from stageline.projects.holding import hold_alone

ENVIRONMENTS = "environments"
_OTHERS = ("commits", "copies")
"""What `sources` keeps beside them."""


class BuiltEnvironment(NamedTuple):
    """An environment that lies in the cache."""

    key: str
    kind: str
    """Empty for what a builder left that was killed."""
    python: str
    size: int
    """Bytes of its files; those shared with uv's cache count too."""
    used_ms: int
    """Unix time in milliseconds when it was last prepared for a run."""
    is_in_use: bool
    folder: Path


def list_environments(cache: Path) -> list[BuiltEnvironment]:
    """Those in the cache, the most recently used first."""
    root = cache / ENVIRONMENTS
    found = [_described(root, place) for place in _places(root) if place.is_dir()]
    return sorted(found, key=lambda one: (-one.used_ms, one.key))


def prune_environments(
    cache: Path, unused_for_s: float, *, clock: Clock = SYSTEM_CLOCK
) -> list[BuiltEnvironment]:
    """Remove what was not used for so long, and whatever a builder left that was killed; what is in use stays.

    The copies and clones of projects' code go by the same rule. What was removed of the environments is returned.
    """
    before_ms = clock.now_ms() - unused_for_s * 1000
    removed = [
        one
        for one in list_environments(cache)
        if (not one.kind or one.used_ms <= before_ms) and remove(cache / ENVIRONMENTS, one.key)
    ]
    for name in (ENVIRONMENTS, *_OTHERS):
        for place in _places(cache / name):
            # Locks of builds that failed; copies that nobody holds, because their process was killed.
            is_left = name == "copies" or not place.is_dir()
            if is_left or (name == "commits" and _used_ms(place) <= before_ms):
                remove(cache / name, place.name)
    return removed


def _places(root: Path) -> Iterator[Path]:
    try:
        with os.scandir(root) as items:
            names = {
                one.name.removesuffix(LOCK)
                for one in items
                if one.is_dir(follow_symlinks=False) or one.name.endswith(LOCK)
            }
    except FileNotFoundError:
        return
    yield from (root / name for name in sorted(names))


def _described(root: Path, place: Path) -> BuiltEnvironment:
    hold = hold_alone(root / f"{place.name}{LOCK}")
    if hold:
        hold.release()
    facts = read_facts(place)
    return BuiltEnvironment(
        place.name,
        facts.get("kind", ""),
        facts.get("python", ""),
        _size(place / CONTENT),
        _used_ms(place),
        hold is None,
        place / CONTENT,
    )


def _used_ms(place: Path) -> int:
    try:
        return (place / MARKER).stat().st_mtime_ns // 1_000_000
    except FileNotFoundError:
        return 0


def _size(folder: Path) -> int:
    total = 0
    for where, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(where, name)).st_size
            except FileNotFoundError:  # it is being removed
                continue
    return total
