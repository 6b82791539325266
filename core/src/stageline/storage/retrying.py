"""How long to wait before asking a store again: loaded only once something has failed."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from tenacity import (
    Retrying,
    retry_if_exception,
    stop_after_attempt,
    stop_after_delay,
    stop_any,
    wait_random_exponential,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tenacity.stop import stop_base

    from stageline.clock import Clock

T = TypeVar("T")

# Full jitter, because clients that failed together must not come back together.
WAITS = wait_random_exponential(multiplier=0.1, max=5.0)


def retried(
    call: Callable[[], T],
    *,
    is_passing: Callable[[BaseException], bool],
    clock: Clock,
    attempts: int | None = None,
    total_s: float | None = None,
) -> T:
    """The result of `call`, asked again after each error that `is_passing`; the last error if none helped.

    No try begins after so many `attempts`, nor later than `total_s` after the first; one of them must be given.
    """
    stops: list[stop_base] = []
    if attempts is not None:
        stops.append(stop_after_attempt(attempts))
    if total_s is not None:
        stops.append(stop_after_delay(total_s))
    stop = stop_any(*stops)
    retrying = Retrying(
        sleep=clock.sleep, wait=WAITS, stop=stop, retry=retry_if_exception(is_passing), reraise=True
    )
    return retrying(call)
