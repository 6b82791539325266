"""A gate of one's own: a model errs about as much on each group of people as on all of them."""

from stageline.registry import ModelVersion, VersionFacts

PREFIX = "rmse."
AT_MOST = 1.1


def check(version: ModelVersion, facts: VersionFacts) -> bool | str:
    """Whether the version passes; a text says why it does not."""
    groups = {name: rmse for name, rmse in facts.metrics.items() if name.startswith(PREFIX)}
    if not groups:
        return f"no group was measured: log {PREFIX}<group> for each"
    worst = max(groups, key=groups.__getitem__)
    times = groups[worst] / facts.metrics["rmse"]
    return times <= AT_MOST or f"{worst} is {times:.2f} times the rmse of all, not {AT_MOST}"
