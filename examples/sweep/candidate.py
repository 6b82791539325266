"""What both sweeps share: the grid, how one candidate is trained, and what is done with the best."""

from itertools import product
from typing import Any

GRID = [
    {"max_depth": depth, "learning_rate": rate}
    for depth, rate in product((1, 2, 4), (0.03, 0.1, 0.3))
]


def train(max_depth: int, learning_rate: float) -> dict[str, float]:
    """Train one candidate, and keep it with the run that is open; its figures on data it has not seen."""
    from sklearn.datasets import load_diabetes
    from sklearn.ensemble import GradientBoostingRegressor
    from sklearn.metrics import mean_absolute_error
    from sklearn.model_selection import train_test_split

    import stageline

    x, x_test, y, y_test = train_test_split(*load_diabetes(return_X_y=True), random_state=0)
    model = GradientBoostingRegressor(
        max_depth=max_depth, learning_rate=learning_rate, random_state=0
    ).fit(x, y)
    stageline.log_model(model, input_example=x[:2])
    mae = mean_absolute_error(y_test, model.predict(x_test))
    return {"r2": float(model.score(x_test, y_test)), "mae": float(mae)}


def register_best(candidates: list[dict[str, Any]]) -> str:
    """The best of all candidates as the next version of the model `sweep`; its URI."""
    import stageline

    best = max(candidates, key=lambda one: one["r2"])
    registry = stageline.get_workspace().registry
    version = registry.register("sweep", run_id=best["run_id"], artifact_path="model")
    return f"models:/sweep/{version.version}"
