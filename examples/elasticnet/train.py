"""Train one ElasticNet: the entry point of the project in this folder, by Stageline or by MLflow.

stageline run examples/elasticnet -P alpha=0.48
mlflow run examples/elasticnet -P alpha=0.48
"""

from __future__ import annotations

import argparse
import os
from importlib import import_module

from sklearn.datasets import load_diabetes
from sklearn.linear_model import ElasticNet
from sklearn.metrics import mean_absolute_error, r2_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

# A script that is ported changes `import mlflow` to `import stageline as mlflow`. This one is run by both, and logs to
# whichever has begun its run.
is_mlflows = "MLFLOW_RUN_ID" in os.environ and "STAGELINE_RUN_ID" not in os.environ
mlflow = import_module("mlflow" if is_mlflows else "stageline")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--alpha", default="0.5")
    parser.add_argument("--l1-ratio", default="0.1")
    given = parser.parse_args()
    data = load_diabetes()
    x_train, x_test, y_train, y_test = train_test_split(data.data, data.target, random_state=0)
    model = ElasticNet(alpha=float(given.alpha), l1_ratio=float(given.l1_ratio), random_state=0)
    pipeline = make_pipeline(StandardScaler(), model)

    with mlflow.start_run():
        # As texts, just as they were given: so they are those that the runner has recorded.
        mlflow.log_params(vars(given))
        predicted = pipeline.fit(x_train, y_train).predict(x_test)
        mlflow.log_metrics(
            {
                "rmse": float(((y_test - predicted) ** 2).mean() ** 0.5),
                "mae": float(mean_absolute_error(y_test, predicted)),
                "r2": float(r2_score(y_test, predicted)),
            }
        )
        weights = dict(zip(data.feature_names, map(float, model.coef_), strict=True))
        mlflow.log_dict(weights, "weights.json")
        print(
            f"alpha {given.alpha}, l1_ratio {given.l1_ratio}: r2 {r2_score(y_test, predicted):.3f}"
        )


if __name__ == "__main__":
    main()
