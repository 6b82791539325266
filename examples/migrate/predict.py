"""A program of the same team after the move: `import mlflow` has become `import stageline as mlflow`."""

from sklearn.datasets import load_diabetes

import stageline as mlflow

(best,) = mlflow.search_runs(
    experiment_names=["diabetes"],
    order_by=["metrics.r2 DESC"],
    max_results=1,
    output_format="list",
)
print(f"best run: {best.info.run_name}, r2 {best.data.metrics['r2']:.3f}")

patients = load_diabetes().data[:3]
model = mlflow.load_model("models:/diabetes@champion")
print("champion predicts:", model.predict(patients).round(1))
