"""A linear classifier of the wines; the model is scaler and classifier in one."""

import pickle
from pathlib import Path

import numpy as np
import yaml
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

params = yaml.safe_load(Path("params.yaml").read_text())["train"]
rows = np.loadtxt("prepared/train.csv", delimiter=",")
model = make_pipeline(StandardScaler(), LogisticRegression(C=1 / params["regularisation"], max_iter=1000))
model.fit(rows[:, :-1], rows[:, -1].astype(int))
Path("model.pkl").write_bytes(pickle.dumps(model))
print(f"trained with {len(rows)} wines")
