"""Makes fixtures/ anew with the real MLflow: run it by `.venv/flavors/bin/python` (`make test-flavors` makes that)."""

from __future__ import annotations

import shutil
from pathlib import Path

import mlflow
import pandas as pd
from mlflow.models import infer_signature
from sklearn.linear_model import ElasticNet

FIXTURES = Path(__file__).parent / "fixtures"


def main() -> None:
    frame = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": [0.0, 1.0, 0.0]})
    model = ElasticNet(alpha=0.01).fit(frame, [1.0, 2.0, 3.0])
    signature = infer_signature(frame, model.predict(frame), params={"q": 0.5, "ks": [1, 2]})
    folder = FIXTURES / f"mlflow-{mlflow.__version__}-sklearn"
    shutil.rmtree(folder, ignore_errors=True)
    mlflow.sklearn.save_model(
        model,
        str(folder),
        signature=signature,
        input_example=frame,
        pip_requirements=["scikit-learn"],
    )


if __name__ == "__main__":
    main()
