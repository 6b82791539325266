"""What a step's outputs depend on, as digests: the same facts, the same outputs. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import msgspec

_SHOWN = 3
"""Names in a sentence; who wants all of them compares the runs."""


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """All that decides what a step makes. Secrets among the parameters are `***`."""

    entry_point: str
    command: str
    """As the file has it: where values go, not the values."""
    parameters: dict[str, str]
    environment: str
    """A digest of what the environment is made from."""
    code: dict[str, str]
    """File -> digest."""
    inputs: dict[str, str]
    """Name -> digest of what is there."""
    outputs: list[str]

    @property
    def key(self) -> str:
        """A digest of all of them: the name under which the outputs are found."""
        document = {name: getattr(self, name) for name in self.__struct_fields__}
        text = msgspec.json.encode(["stageline.step/1", document], order="deterministic")
        return hashlib.sha256(text).hexdigest()


def change(before: Facts, now: Facts) -> str:
    """What is not as it was, for people.

    >>> told = dict(entry_point="fit", command="fit", environment="", code={}, inputs={}, outputs=[])
    >>> change(Facts(parameters={"alpha": "0.1"}, **told), Facts(parameters={"alpha": "0.3"}, **told))
    'alpha was 0.1, is 0.3'
    """
    said = [
        f"{name} was {before.parameters.get(name, 'not given')}, is {now.parameters.get(name, 'not given')}"
        for name in _differing(before.parameters, now.parameters)
    ]
    for what, names in (
        ("input", _differing(before.inputs, now.inputs)),
        ("code", _differing(before.code, now.code)),
    ):
        if names:
            said.append(f"{what} changed: {', '.join(_cut(names))}")
    if (before.entry_point, before.command) != (now.entry_point, now.command):
        said.append("its command changed")
    if before.environment != now.environment:
        said.append("the environment changed")
    if before.outputs != now.outputs:
        said.append("its outputs are others")
    return "; ".join(_cut(said)) or "it was run with these before, but what it made is gone"


def digest_of_digests(parts: Mapping[str, str]) -> str:
    """One digest for several by name."""
    return hashlib.sha256(msgspec.json.encode(parts, order="deterministic")).hexdigest()


def _differing(one: Mapping[str, str], other: Mapping[str, str]) -> list[str]:
    return sorted(name for name in {*one, *other} if one.get(name) != other.get(name))


def _cut(names: list[str]) -> list[str]:
    more = len(names) - _SHOWN
    return names if more <= 0 else [*names[:_SHOWN], f"and {more} more"]
