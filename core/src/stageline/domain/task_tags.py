"""The tags by which a run says which task of an orchestrator it is: read by whoever draws or exports runs."""

from __future__ import annotations

TAG_ORCHESTRATOR = "stageline.orchestrator"
TAG_PIPELINE = "stageline.pipeline"
TAG_PIPELINE_RUN = "stageline.pipeline_run"
TAG_TASK = "stageline.task"
TAG_TASK_INDEX = "stageline.task_index"
TAG_SKIPPED = "stageline.skipped"
"""Of a run that found nothing to do: why."""
TAG_CACHED_FROM = "stageline.cached_from"
"""Of a run that was spared: the run that made the result."""
