"""Compares all models on the same points: a metric of the step's run for each, and a report."""

import csv
import json
import sys
from pathlib import Path

import stageline

path, models, report = sys.argv[1:]
with open(path, newline="") as file:
    points = [(float(x), float(y)) for x, y in csv.reader(file)]
lines = ["| model | rmse |", "|---|---|"]
with stageline.start_run():
    for file in sorted(Path(models).glob("*.json")):
        model = json.loads(file.read_text())
        errors = [(model["slope"] * x + model["intercept"] - y) ** 2 for x, y in points]
        rmse = (sum(errors) / len(errors)) ** 0.5
        stageline.log_metric(f"rmse.{file.stem}", rmse)
        lines.append(f"| {file.stem} | {rmse:.4f} |")
Path(report).write_text("\n".join(lines) + "\n")
