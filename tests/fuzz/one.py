"""One parser under atheris: `python one.py NAME CORPUS [options of libFuzzer]`."""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).parents[1] / "core" / "hostile"))

with atheris.instrument_imports(include=["stageline"]):
    from codecs_list import CODECS

NAME = sys.argv.pop(1)
CODEC = next(codec for codec in CODECS if codec.name == NAME)


def one(data: bytes) -> None:
    CODEC.judge(data)


atheris.Setup(sys.argv, one)
atheris.Fuzz()
