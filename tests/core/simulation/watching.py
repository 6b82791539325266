"""What must hold at every single put, not only at the end."""

from __future__ import annotations

import json
from zlib import crc32

from disk import Disk
from told import Told

from stageline.storage import layout

_DECIDED = ("registry/", "experiments/", "names/")


class Watch:
    """Looks at each object as it lands, and adds to `violations` what may not be."""

    def __init__(self, disk: Disk, told: Told, violations: list[str]) -> None:
        self._disk = disk
        self._told = told
        self._violations = violations
        self._decided: dict[str, int] = {}
        self._folded: set[str] = set()
        """Keys of inbox entries that some manifest has folded."""

    def __call__(self, key: str, data: bytes, was_there: bool) -> None:
        # What a collector has removed may come again: a log that nobody had shipped, an index made anew.
        if key.startswith("registry/") or (
            was_there and (key.startswith(_DECIDED) or key.endswith(".seg") or "/manifest/" in key)
        ):
            self._once(key, data, was_there=was_there)
        if key.startswith(_DECIDED) or "/manifest/" in key:
            self._no_gap(key)
        if "/manifest/" in key:
            manifest = json.loads(data)
            for shard in manifest["shards"]:
                if shard["key"] not in self._disk.ever:
                    self._say(f"{key} names {shard['key']}, which never was")
            inbox = layout.index_inbox(key.split("/")[1])
            self._folded.update(f"{inbox}{name}" for name in manifest.get("folded", ()))
        if key.startswith(layout.REGISTRY):
            landed = self._told.landed.setdefault(layout.model_of_entry(key), {})
            landed[layout.revision_number(key)] = len(self._disk.trace)
        if key.endswith(".end.json"):
            self._whole(key, data)

    def removed(self, key: str, by: str) -> None:
        """Look at what goes: of a run that is there, nobody may sweep what no manifest has folded."""
        is_final = "/inbox/" in key and key.endswith(".json")
        if is_final and by.startswith("compactor") and key not in self._folded:
            self._say(f"{by} swept {key}, which no manifest has folded")

    def _once(self, key: str, data: bytes, *, was_there: bool) -> None:
        before = self._decided.setdefault(key, crc32(data))
        if was_there or before != crc32(data):
            self._say(f"{key} was decided, and put again")

    def _no_gap(self, key: str) -> None:
        folder, _, _ = key.rpartition("/")
        number = layout.revision_number(key)
        if number > 1 and f"{folder}/{layout.revision(number - 1)}" not in self._disk.ever:
            self._say(f"{key} is entry {number}, and the one before it never was")

    def _whole(self, key: str, data: bytes) -> None:
        end = json.loads(data)
        run_id = key.split("/")[1]
        for number in range(1, end["segments"] + 1):
            segment = layout.run_segment(run_id, end["writer"], number)
            if segment not in self._disk.ever:
                self._say(f"{key} counts on {segment}, which never was")

    def _say(self, what: str) -> None:
        self._violations.append(what)
