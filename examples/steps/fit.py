"""Fits a constant (degree 0) or a line (degree 1) by least squares."""

import csv
import json
import sys
from statistics import fmean, linear_regression

path, degree, target = sys.argv[1], float(sys.argv[2]), sys.argv[3]
with open(path, newline="") as file:
    xs, ys = zip(*((float(x), float(y)) for x, y in csv.reader(file)), strict=True)
slope, intercept = linear_regression(xs, ys) if degree else (0.0, fmean(ys))
with open(target, "w") as file:
    json.dump({"slope": slope, "intercept": intercept}, file)
