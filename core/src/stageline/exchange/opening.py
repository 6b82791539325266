"""What `stageline import mlflow SRC` was given: a folder, a database, or a server."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from stageline.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from stageline.exchange.belongings import Source
    from stageline.storage.options import StorageOptions


def open_mlflow(text: str, artifacts: Path | None, options: StorageOptions) -> Source:
    """The source that `text` names; `artifacts` is where folders of artifacts have been moved to.

    Raises:
        NotFound: there is nothing.
        InvalidInput: it is none of these.
    """
    if text.startswith(("http://", "https://")):
        from stageline.exchange.mlflow_server import MlflowServer

        return MlflowServer(text, artifacts, options)
    place = Path(text.removeprefix("sqlite:///").removeprefix("file://"))
    if place.is_dir():
        from stageline.exchange.mlflow_folder import MlflowFolder

        return MlflowFolder(place, artifacts, options)
    if place.is_file():
        from stageline.exchange.mlflow_database import MlflowDatabase

        return MlflowDatabase(place, artifacts, options)
    if "://" in text:
        raise InvalidInput(
            f"{text.partition('://')[0]}:// can not be read: give an mlruns/ folder, an mlflow.db (SQLite), or the "
            "http(s) URL of a server; for other databases, start `mlflow server` on them and give its URL"
        )
    raise NotFound(
        f"there is no {text}: give an mlruns/ folder, an mlflow.db, or the URL of a server"
    )
