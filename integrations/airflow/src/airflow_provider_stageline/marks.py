"""The mark on a tracked function, by which whoever runs it elsewhere, or not at all, knows it."""

from __future__ import annotations

from typing import Any

MARK = "__stageline_tracking__"
"""Attribute of a tracked function: its tracking."""


def is_marked(task: Any) -> bool:
    """Whether the function of an operator is tracked."""
    return hasattr(getattr(task, "python_callable", None), MARK)
