"""The files of the demo's runs: a model, a plot, a table, a report, pictures by step."""

from __future__ import annotations

import io
import json
import math
import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stageline.tracking.active import ActiveRun
    from stageline.workspace import Workspace

COLUMNS = ("alcohol", "sulphates", "citric_acid", "density", "pH")
INPUTS = [{"type": "double", "name": name, "required": True} for name in COLUMNS]
OUTPUTS = [{"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1]}}]
MLMODEL = f"""artifact_path: model
flavors:
  python_function: {{loader_module: stageline.models.flavors.sklearn, python_version: 3.11.9}}
  sklearn: {{pickled_model: model.pkl, sklearn_version: 1.7.2}}
model_uuid: 4c1e7d2a90b84f37
signature:
  inputs: '{json.dumps(INPUTS)}'
  outputs: '{json.dumps(OUTPUTS)}'
utc_time_created: '2026-09-28 09:00:00'
"""
REPORT = """# Candidates

ElasticNet over a grid of `alpha` and `l1_ratio`; one run each.

| what | value |
|---|---|
| rows | 1,599 |
| split | 75 / 25 |

The **residuals** widen above 7: few wines are that good.
"""
CODE = '''"""Train one candidate."""

from sklearn.linear_model import ElasticNet


def train(alpha: float, l1_ratio: float, x, y):
    """Fit on the training part."""
    model = ElasticNet(alpha=alpha, l1_ratio=l1_ratio)
    return model.fit(x, y)  # deterministic
'''


def log_elasticnet_files(
    workspace: Workspace, run_id: str, alpha: float, l1_ratio: float, *, name: str = "model"
) -> None:
    """The model of a candidate and what was drawn of it."""
    files = workspace.artifacts(run_id)
    files.log_text(MLMODEL, f"{name}/MLmodel")
    files.log_text("scikit-learn==1.7.2\nnumpy==2.3.4\n", f"{name}/requirements.txt")
    files.log_text(CODE, "code/train.py")
    files.log_text(REPORT, "report.md")
    weights = {
        column: round(math.cos(n + alpha) / (1 + l1_ratio + alpha), 4)
        for n, column in enumerate(COLUMNS)
    }
    files.log_dict(weights, "weights.json")
    rng = random.Random(round(1000 * alpha + 10 * l1_ratio))
    points = [(rng.gauss(5.6, 0.8), rng.gauss(0, 0.62)) for _ in range(400)]
    lines = "".join(f"{x:.3f},{x + y:.3f},{y:.3f}\n" for x, y in points)
    files.log_text("predicted,quality,residual\n" + lines, "residuals.csv")
    files.log_bytes(scatter(points), "residuals.png")


def log_network_files(workspace: Workspace, run: ActiveRun) -> None:
    """A checkpoint and a table of it."""
    files = workspace.artifacts(run.run_id)
    files.log_text(MLMODEL, "model/MLmodel")
    files.log_bytes(bytes(range(256)) * 64, "model/weights.bin")
    files.log_text(
        "step,loss\n" + "".join(f"{n},{2 / (n + 1):.4f}\n" for n in range(60)), "log.csv"
    )


def scatter(points: list[tuple[float, float]]) -> bytes:
    """A plot of residuals as a PNG."""
    from PIL import Image, ImageDraw

    image = Image.new("RGB", (640, 420), "white")
    draw = ImageDraw.Draw(image)
    draw.rectangle((60, 20, 620, 380), outline="#9aa3b2")
    draw.line((60, 200, 620, 200), fill="#9aa3b2")
    for x, y in points:
        left, top = 60 + (x - 3) * 108, 200 - y * 80
        if 64 < left < 616 and 24 < top < 376:
            draw.ellipse((left - 3, top - 3, left + 3, top + 3), fill="#3355c4")
    draw.text((310, 392), "predicted", fill="#4a5261")
    draw.text((8, 194), "residual", fill="#4a5261")
    buffer = io.BytesIO()
    image.save(buffer, format="png")
    return buffer.getvalue()


def image_of(step: int) -> bytes:
    """A filter that sharpens from step to step, as a PNG."""
    from PIL import Image

    image = Image.new("L", (96, 96))
    rng = random.Random(1)
    for x in range(96):
        for y in range(96):
            wave = math.sin((x + 0.4 * y) / 7) * min(1, 0.15 + step / 50)
            image.putpixel((x, y), int(128 + 90 * wave + rng.gauss(0, 60 / (1 + step / 12))))
    buffer = io.BytesIO()
    image.save(buffer, format="png")
    return buffer.getvalue()
