"""A model in Production, and a table as Parquet for Spark to score with it."""

import numpy as np
import pandas as pd
from sklearn.linear_model import LinearRegression

import stageline

chance = np.random.default_rng(0)
flats = pd.DataFrame({"rooms": chance.integers(1, 6, 1000), "metres": chance.normal(80, 20, 1000)})
rent = 200 * flats["rooms"] + 9 * flats["metres"] + chance.normal(0, 50, 1000)
model = LinearRegression().fit(flats, rent)

stageline.set_experiment("rent")
with stageline.start_run(run_name="linear"):
    stageline.log_metric("r2", model.score(flats, rent))
    stageline.log_model(model, input_example=flats[:2], registered_model_name="rent")
stageline.get_workspace().registry.transition("rent", 1, "Production")

flats.rename_axis("id").reset_index().to_parquet("flats.parquet")
