"""The whole program of the `cold` row, for each contestant, as its user would write it."""

from __future__ import annotations

COLD = {
    "bound": """
import sqlite3
db = sqlite3.connect("runs.db")
db.execute("create table metrics (key text, value real, step integer)")
db.execute("insert into metrics values ('loss', 0.5, 1)")
db.commit()
""",
    "stageline": """
import stageline
stageline.set_store("store")
stageline.start_run()
stageline.log_metric("loss", 0.5, step=1)
stageline.end_run()
""",
    "mlflow": """
import mlflow
mlflow.set_tracking_uri("sqlite:///mlflow.db")
mlflow.start_run()
mlflow.log_metric("loss", 0.5, step=1)
mlflow.end_run()
""",
    "trackio": """
import trackio
trackio.init(project="bench")
trackio.log({"loss": 0.5}, step=1)
trackio.finish()
""",
    "dvclive": """
from dvclive import Live
live = Live("live", save_dvc_exp=False, dvcyaml=None, report=None)
live.log_metric("loss", 0.5)
live.end()
""",
}
