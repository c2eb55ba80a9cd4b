"""How good the model is on the rows that it has not seen."""

import csv
import json
import pickle
from pathlib import Path

import numpy as np
from sklearn.metrics import accuracy_score, log_loss

model = pickle.loads(Path("model.pkl").read_bytes())
rows = np.loadtxt("prepared/test.csv", delimiter=",")
actual = rows[:, -1].astype(int)
predicted = model.predict(rows[:, :-1])
metrics = {
    "accuracy": round(accuracy_score(actual, predicted), 4),
    "log_loss": round(log_loss(actual, model.predict_proba(rows[:, :-1])), 4),
}
Path("metrics.json").write_text(json.dumps(metrics, indent=1) + "\n")
with Path("confusion.csv").open("w", newline="") as file:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["actual", "predicted"])
    writer.writerows(zip(actual, predicted, strict=True))
print(metrics)
