"""Rows to train with and rows to test with, the same for the same seed."""

import csv
from pathlib import Path

import yaml
from sklearn.model_selection import train_test_split

params = yaml.safe_load(Path("params.yaml").read_text())["split"]
with Path("data/wine.csv").open(newline="") as file:
    _, *rows = csv.reader(file)  # the first line counts the rows and names the classes
parts = train_test_split(
    rows, test_size=params["test_share"], random_state=params["seed"], stratify=[row[-1] for row in rows]
)
Path("prepared").mkdir(exist_ok=True)
for name, part in zip(("train", "test"), parts, strict=True):
    with Path(f"prepared/{name}.csv").open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(part)
    print(f"{name}: {len(part)} rows")
