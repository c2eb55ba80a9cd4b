"""The files of a DVC project whose pipeline ran, as git holds them: `ready` from data, `train` from that and code."""

import hashlib
import json

RAW = {"md5": "1" * 32 + ".dir", "size": 1_200_000_000, "nfiles": 400, "hash": "md5"}
READY = {"md5": "2" * 32, "size": 40_000_000, "hash": "md5"}
MODEL = {"md5": "3" * 32, "size": 5_000_000, "hash": "md5"}
SCRIPT = b"print('trained')\n"
PARAMS = b"train:\n  epochs: 3\n  rate: 0.5\n  flips: true\n  name: small\n"

_STAGES = {
    "ready": {"cmd": "make ready", "deps": ["data/raw"], "outs": ["ready.bin"]},
    "train": {
        "cmd": "python train.py",
        "deps": ["ready.bin", "train.py"],
        "params": ["train.epochs", "train.rate"],
        "outs": ["model.bin"],
    },
}


def md5(content):
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def a_project(**changes):
    """Path (`__` is a dot) -> content; a change replaces a file, and None takes it away. The lock stays what it is."""
    lock = {
        "ready": {
            "cmd": "make ready",
            "deps": [{"path": "data/raw", **RAW}],
            "outs": [{"path": "ready.bin", **READY}],
        },
        "train": {
            "cmd": "python train.py",
            "deps": [{"path": "ready.bin", **READY}, {"path": "train.py", "md5": md5(SCRIPT), "hash": "md5"}],
            "params": {"params.yaml": {"train.epochs": 3, "train.rate": 0.5}},
            "outs": [{"path": "model.bin", **MODEL}],
        },
    }
    files = {
        "dvc.yaml": json.dumps({"stages": _STAGES}).encode(),  # JSON is YAML
        "dvc.lock": json.dumps({"schema": "2.0", "stages": lock}).encode(),
        "params.yaml": PARAMS,
        "train.py": SCRIPT,
        "data/raw.dvc": json.dumps({"outs": [{"path": "raw", **RAW}]}).encode(),
    }
    files |= {name.replace("__", "."): content for name, content in changes.items()}
    return {path: content for path, content in files.items() if content is not None}


def data_of(letter, **changes):
    """The pointer to other data at the same place."""
    return json.dumps({"outs": [{"path": "raw", **RAW, "md5": letter * 32 + ".dir", **changes}]}).encode()
