"""Makes points near a line: the same ones for the same count and noise."""

import csv
import random
import sys

count, noise, path = int(float(sys.argv[1])), float(sys.argv[2]), sys.argv[3]
chance = random.Random(7)
with open(path, "w", newline="") as file:
    rows = csv.writer(file)
    for i in range(count):
        x = i / count
        rows.writerow([x, 2 * x + 1 + chance.gauss(0, noise)])
