"""`tidy` refuses what it says, and lets the rest be."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

_spec = importlib.util.spec_from_file_location("tidy", Path(__file__).with_name("tidy.py"))
assert _spec
assert _spec.loader
tidy = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(tidy)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("uv.lock", ""),
        ("examples/ui/package-lock.json", "{}"),
        ("core/__init__.py", ""),
        ("integrations/prefect/__init__.py", ""),
        ("tests/tracking/__init__.py", ""),
        ("constraints/a.txt", "--index-url https://mirror.example/simple"),
        ("docs/a.md", "see https://files.python" + "hosted.org/packages/x"),
        ("docs/a.md", "cd /home/ann/stageline"),
        ("tests/a.py", 'store = "/work/store"'),
    ],
)
def test_refuses(path: str, text: str):
    assert list(tidy.complaints(path, text))


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("core/src/stageline/__init__.py", "import os"),
        ("docs/a.md", "pip install stageline, then s3://bucket/work/store or /tmp/work"),
        ("docs/a.md", "~/work, $HOME/work, ./root/a, /rooted, /home/$USER/x"),
    ],
)
def test_lets_be(path: str, text: str):
    assert not list(tidy.complaints(path, text))
