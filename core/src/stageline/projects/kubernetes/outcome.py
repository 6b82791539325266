"""What a Job and its pods say about how the command ended. Pure: JSON as the API answers it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from stageline.projects.launching import Exit

Json = Mapping[str, Any]

_SIGNALS = {129: "SIGHUP", 130: "SIGINT", 137: "SIGKILL", 143: "SIGTERM"}
_WAITS_FOR_NOTHING = frozenset({"ContainerCreating", "PodInitializing"})


def outcome(job: Json, pods: Sequence[Json]) -> Exit | None:
    """How the command ended; None while the Job is not over."""
    for condition in (job.get("status") or {}).get("conditions") or []:
        if condition.get("status") != "True":
            continue
        if condition.get("type") == "Complete":
            return Exit(0)
        if condition.get("type") == "Failed":
            return _failure(condition, pods)
    return None


def begun(pod: Json) -> bool:
    """Whether a pod's container has run, so that it has a log."""
    return (pod.get("status") or {}).get("phase") in ("Running", "Succeeded", "Failed")


def over(pod: Json) -> bool:
    """Whether a pod will print no more."""
    return (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")


def trouble(pods: Sequence[Json]) -> str | None:
    """Why a pod does not begin, such as an image that can not be pulled; None if there is nothing to say."""
    for pod in pods:
        for container in (pod.get("status") or {}).get("containerStatuses") or []:
            waiting = (container.get("state") or {}).get("waiting") or {}
            reason = waiting.get("reason")
            if reason and reason not in _WAITS_FOR_NOTHING:
                return ": ".join(part for part in (reason, waiting.get("message")) if part)
        for condition in (pod.get("status") or {}).get("conditions") or []:
            if condition.get("reason") == "Unschedulable":
                return f"Unschedulable: {condition.get('message', '')}".rstrip(": ")
    return None


def _failure(condition: Json, pods: Sequence[Json]) -> Exit:
    said = [condition.get("reason"), condition.get("message")]
    why = ": ".join(part for part in said if part) or "the Job failed"
    if condition.get("reason") == "DeadlineExceeded":
        return Exit(None, detail=why)
    ended = _last_terminated(pods)
    if ended is None:  # evicted, or collected with its pod
        reason = next(
            (pod["status"]["reason"] for pod in pods if pod.get("status", {}).get("reason")), None
        )
        return Exit(None, detail=f"{reason}: {why}" if reason else why)
    code = ended.get("exitCode")
    reason, message = ended.get("reason"), ended.get("message")
    if reason == "OOMKilled":
        return Exit(code, None, "OOMKilled: it took more memory than its limit")
    detail = message.strip().splitlines()[-1] if message and message.strip() else None
    if not code:  # another container's fault
        return Exit(None, detail=why)
    return Exit(code, _SIGNALS.get(code), detail)


def _last_terminated(pods: Sequence[Json]) -> Json | None:
    found = [
        container["state"]["terminated"]
        for pod in pods
        for container in ((pod.get("status") or {}).get("containerStatuses") or [])[:1]
        if (container.get("state") or {}).get("terminated")
    ]
    return max(found, key=lambda one: str(one.get("finishedAt", "")), default=None)
