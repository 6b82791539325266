"""What a task read and made, as assets of Prefect, whose graph shows them where a server has one (Prefect Cloud)."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from prefect.assets import Asset
from prefect.context import AssetContext

from prefect_stageline.cards import show_card
from stageline.tasks import run_datasets

if TYPE_CHECKING:
    from stageline.tasks import LineageDataset, TaskCall, TaskWorkspace

_LONGEST = 512


def task_ended(call: TaskCall, workspace: TaskWorkspace) -> None:
    """The run of a task has ended: show it, and what it read and made, if its tracking says so."""
    if call.tracking.assets:
        declare_assets(call, workspace)
    show_card(call, workspace)


def declare_assets(call: TaskCall, workspace: TaskWorkspace) -> None:
    """Let Prefect tell of the assets when it ends the task run: materialized what was made, referenced what was read.

    A task has to name its assets before it runs, and knows only afterwards. So they are put into the context that
    Prefect's engine reads then, as a `MaterializingTask` that was made for them would have.
    """
    context = AssetContext.get()
    if context is None:
        return
    read, made = run_datasets(workspace, call.identity.run_id)
    context.direct_asset_dependencies.update(Asset(key=asset_key(one)) for one in read)
    context.downstream_assets.update(Asset(key=asset_key(one)) for one in made)
    context.update_tracked_assets()


def asset_key(dataset: LineageDataset) -> str:
    """A dataset of OpenLineage as a key of an asset: a URI in which Prefect allows few signs.

    >>> from stageline.tasks import LineageDataset
    >>> asset_key(LineageDataset("s3://bucket/ml", "models/wine/versions/3"))
    's3://bucket/ml/models/wine/versions/3'
    >>> asset_key(LineageDataset("", "red wine.csv"))
    'data://red_wine.csv-3ea0bb94'
    """
    namespace = dataset.namespace.rstrip("/")
    whole = f"{namespace}/{dataset.name.lstrip('/')}" if namespace else dataset.name
    scheme, is_uri, rest = whole.partition("://")
    if not is_uri or not re.fullmatch(r"[a-z][a-z0-9]*", scheme):
        scheme, rest = "data", whole
    key = f"{scheme}://{re.sub(r'[^A-Za-z0-9._/-]', '_', rest)}"
    if key.endswith(rest) and len(key) <= _LONGEST:
        return key
    return f"{key[: _LONGEST - 9]}-{hashlib.sha256(whole.encode()).hexdigest()[:8]}"
