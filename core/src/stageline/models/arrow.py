"""pyarrow, which only batch scoring stands on: this module is loaded when that is asked for."""

from __future__ import annotations

from stageline.errors import InvalidInput

try:
    import pyarrow as pa
    import pyarrow.compute as pc
    from pyarrow import csv, parquet
except ImportError as error:
    raise InvalidInput(
        f"scoring files needs {error.name or 'pyarrow'}, which is not installed: pip install 'stageline[batch]'"
    ) from error

__all__ = ["csv", "pa", "parquet", "pc"]
