"""Telling frames, arrays and sparse matrices by the names of their classes: nothing is imported for it."""

from __future__ import annotations

from typing import Any


def is_from(value: Any, package: str, *names: str) -> bool:
    """Whether the class of `value`, or one that it inherits from, is `package`'s and has one of the `names`."""
    return any(
        cls.__name__ in names and cls.__module__.partition(".")[0] == package
        for cls in type(value).__mro__
    )


def is_frame(value: Any) -> bool:
    """A pandas frame."""
    return is_from(value, "pandas", "DataFrame")


def is_series(value: Any) -> bool:
    """A pandas series."""
    return is_from(value, "pandas", "Series")


def is_array(value: Any) -> bool:
    """A numpy array."""
    return is_from(value, "numpy", "ndarray")


def is_sparse(value: Any) -> bool:
    """A compressed sparse matrix of scipy, by columns or by rows."""
    return is_from(value, "scipy", "csc_matrix", "csr_matrix", "csc_array", "csr_array")


def is_missing(value: Any) -> bool:
    """None, NaN, or what pandas has for them."""
    if value is None:
        return True
    if isinstance(value, float):
        return value != value
    return is_from(value, "pandas", "NAType", "NaTType")
