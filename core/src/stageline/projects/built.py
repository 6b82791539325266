"""Folders that are built once, by whichever process comes first, and shared: never seen half built, nor removed in use.

<root>/<key>.lock          held alone by who builds or removes it, and together by all who use it
<root>/<key>/content/      what was built, at the place where it stays: virtual environments can not be moved
<root>/<key>/built.json    written last; a folder without it is what a dead builder left
"""

from __future__ import annotations

import os
import random
import shutil
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from stageline.clock import SYSTEM_CLOCK, Clock
from stageline.errors import Conflict, NotAllowed
from stageline.projects.holding import Hold, hold_alone, hold_together
from stageline.storage.local_files import appearing
from stageline.storage.os_errors import local_failure

MARKER = "built.json"
CONTENT = "content"
LOCK = ".lock"
_RETRY_S = 0.05

Say = Callable[[str], None]
Build = Callable[[Path, int], Mapping[str, str]]
"""Makes a folder that does not exist yet, and says what it is. The number is the lock's descriptor: a program that it
starts inherits it, so that nobody else begins before that program has ended, even if its parent was killed."""


@dataclass(frozen=True, eq=False)
class Built:
    """A folder that is ready, and stays as long as this object does."""

    folder: Path
    facts: Mapping[str, str]
    """What its builder said of it."""
    hold: Hold

    def discard(self) -> None:
        """Remove it, if nobody else uses it and this process made it."""
        if not self.hold.is_of_this_process():
            return
        self.hold.release()
        remove(self.folder.parent.parent, self.folder.parent.name)


def built_once(
    root: Path,
    key: str,
    build: Build,
    *,
    what: str,
    say: Say,
    is_sound: Callable[[Path], bool] = Path.is_dir,
    clock: Clock = SYSTEM_CLOCK,
) -> Built:
    """The folder `key` below `root`: as it is, or built now. Of any number of processes that ask at once, one builds.

    Args:
        root: Made if need be, for this user's eyes only.
        key: Says all that the content depends on.
        build: What it raises is raised here, and nothing is left.
        what: For messages.
        say: Told when another process is waited for.
        is_sound: Whether a folder that was built is still good for anything.
        clock: For the time of its last use.

    Raises:
        NotAllowed: `root` belongs to another user, or everybody may write to it.
        Conflict: the folder is not sound any more, and others use it.
    """
    private_folder(root)
    place, lock = root / key, root / f"{key}{LOCK}"
    has_said = False
    while True:
        if hold := hold_alone(lock):
            if not (_is_built(place) and is_sound(place / CONTENT)):
                _build(place, build, hold)
            hold.share()
        else:
            if not has_said and not _is_built(place):
                say(f"another process prepares {what}: waiting for it")
                has_said = True
            hold = hold_together(lock, waits=True)
        if hold and _is_built(place):
            if is_sound(place / CONTENT):
                _note_use(place, clock)
                return Built(place / CONTENT, read_facts(place), hold)
            hold.release()
            raise Conflict(
                f"{what} is damaged, and other processes use it: end them, then remove {place}"
            )
        if hold:
            hold.release()
        # Whoever built it failed. Those who waited try in turn, not all in the same moment for ever.
        clock.sleep(random.uniform(0, _RETRY_S))


def remove(root: Path, key: str) -> bool:
    """Remove a folder; False if it is in use."""
    hold = hold_alone(root / f"{key}{LOCK}")
    if hold is None:
        return False
    try:
        _clear(root / key)
        (root / f"{key}{LOCK}").unlink(missing_ok=True)
    except OSError as error:
        raise local_failure("remove", str(root / key), error) from error
    finally:
        hold.release()
    return True


def private_folder(folder: Path) -> Path:
    """Make `folder` for this user alone. Raises `NotAllowed` if others could put something into it."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        found = folder.stat()
        if found.st_uid == os.geteuid() and stat.S_IMODE(found.st_mode) & 0o077:
            folder.chmod(0o700)
            found = folder.stat()
    except OSError as error:
        raise local_failure("make", str(folder), error) from error
    if found.st_uid not in (os.geteuid(), 0) or found.st_mode & 0o022:
        raise NotAllowed(
            f"{folder} can be written to by other users, who could put code of theirs there: "
            "name another folder with STAGELINE_CACHE"
        )
    return folder


def read_facts(place: Path) -> dict[str, str]:
    """What the builder said; empty where nothing was built."""
    try:
        return msgspec.json.decode((place / MARKER).read_bytes(), type=dict[str, str])
    except (OSError, msgspec.MsgspecError):
        return {}


def _build(place: Path, build: Build, hold: Hold) -> None:
    _clear(place)
    place.mkdir(mode=0o700)
    try:
        facts = build(place / CONTENT, hold.descriptor)
        with appearing(place / MARKER, syncs=True) as target:
            target.write(msgspec.json.encode(dict(facts)))
    except BaseException:
        _clear(place)
        raise


def _clear(place: Path) -> None:
    (place / MARKER).unlink(missing_ok=True)  # first, or what is half removed would pass for built
    if place.exists():
        shutil.rmtree(place)


def _is_built(place: Path) -> bool:
    return (place / MARKER).is_file()


def _note_use(place: Path, clock: Clock) -> None:
    seconds = clock.now_ms() / 1000
    os.utime(place / MARKER, (seconds, seconds))
