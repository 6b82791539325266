"""The same polynomial twice: by a flavor of its own, and as a pickle, which is what a function has without one."""

import numpy as np
import pandas as pd
from numpy.polynomial import Polynomial

import stageline

weeks = pd.DataFrame({"week": np.arange(52.0)})
sales = 100 + 0.05 * (weeks["week"] - 20) ** 2
model = Polynomial.fit(weeks["week"], sales, deg=2)

stageline.set_experiment("trend")
for flavor in ("numpy", "pyfunc"):
    with stageline.start_run(run_name=flavor):
        stageline.log_model(
            model, flavor=flavor, input_example=weeks[:2], registered_model_name="trend"
        )
pd.DataFrame({"week": [52.0, 53.0]}).to_csv("next.csv", index=False)
