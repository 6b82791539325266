"""YAML of strangers: plain data only, of a bounded size, whatever its anchors pretend."""

from __future__ import annotations

from typing import Any

import yaml

from stageline.errors import Corrupt

MAX_BYTES = 8 << 20
"""The signature of a frame with 50,000 columns has some 4 MB."""
MAX_NODES = 200_000
"""Scalars, lists and mappings, counted as often as they are referred to."""
MAX_DEPTH = 50

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_Dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def read_yaml(data: bytes, what: str) -> dict[str, Any]:
    """The mapping that `data` holds. Raises `Corrupt` for anything else, for tags that make objects, and for bombs."""
    if len(data) > MAX_BYTES:
        raise Corrupt(f"{what} has {len(data)} bytes; at most {MAX_BYTES} are read")
    try:
        _check_size(data, what)
        # Bandit and its kin ask: this is the safe loader, in C where PyYAML was built with it.
        loaded = yaml.load(data, Loader=_Loader)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        if isinstance(error, Corrupt):
            raise
        raise Corrupt(f"{what} is not plain YAML: {error}") from error
    if not isinstance(loaded, dict):
        raise Corrupt(f"{what} should be a YAML mapping, but is a {type(loaded).__name__}")
    return loaded


def write_yaml(document: Any) -> str:
    """YAML as the field's own files have it: blocks, keys sorted."""
    return str(yaml.dump(document, Dumper=_Dumper, default_flow_style=False, allow_unicode=True))


def _check_size(data: bytes, what: str) -> None:
    """Count what the document unfolds to, without unfolding it."""
    sizes: dict[str, int] = {}
    open_nodes: list[tuple[str | None, int]] = []
    total = 0
    for event in yaml.parse(data, Loader=_Loader):
        if isinstance(event, yaml.AliasEvent):
            total += sizes.get(
                str(event.anchor), MAX_NODES
            )  # unknown: it refers to what it is part of
        elif isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            open_nodes.append((event.anchor, total))
            total += 1
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            anchor, before = open_nodes.pop()
            if anchor:
                sizes[anchor] = total - before
        elif isinstance(event, yaml.ScalarEvent):
            total += 1
            if event.anchor:
                sizes[event.anchor] = 1
        if total > MAX_NODES or len(open_nodes) > MAX_DEPTH:
            raise Corrupt(
                f"{what} unfolds to more than {MAX_NODES} values or {MAX_DEPTH} levels: no model is described by that"
            )
