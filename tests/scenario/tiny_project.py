"""A DVC project of three stages that take milliseconds, on the local GitLab and S3."""

import hashlib
import itertools
import json
import textwrap

from bot.sandbox.checkout import Checkout

ALICE = "Alice Archer <alice@example.com>"

PIPELINE = """\
    stages:
      ready:
        cmd: cat data/raw/*.txt | sort > ready.txt
        deps:
          - data/raw
        outs:
          - ready.txt
      train:
        cmd: python src/train.py
        deps:
          - ready.txt
          - src/train.py
        params:
          - params.json:
              - train
        outs:
          - model.txt
        metrics:
          - live/metrics.json
      export:
        cmd: sh src/export.sh
        deps:
          - live/metrics.json
          - model.txt
          - ready.txt
          - src/export.sh
        outs:
          - out/model.config
          - out/model.onnx
        metrics:
          - metrics.json:
              cache: false
    artifacts:
      config:
        path: out/model.config
      model:
        path: out/model.onnx
    """

EXPORT = """\
    mkdir -p out
    cp model.txt out/model.onnx
    cp ready.txt out/model.config
    cp live/metrics.json metrics.json
    """

TRAIN = """\
    import json
    import pathlib
    import time

    began = time.time()
    train = json.loads(pathlib.Path("params.json").read_text())["train"]
    if train["diary"]:
        with open(train["diary"], "a") as diary:
            diary.write(f"{train['seed']}\\n")
    live = pathlib.Path("live")
    live.mkdir(exist_ok=True)
    for epoch in range(train["epochs"]):
        print(f"Epoch {epoch + 1}/{train['epochs']}", flush=True)
        (live / "metrics.json").write_text(json.dumps({"loss": 1 / (epoch + 1), "seed": train["seed"]}))
    # HERE
    gate = pathlib.Path(train["gate"] or "src")
    while not gate.exists() and time.time() < began + 300:
        time.sleep(0.02)
    pathlib.Path("model.txt").write_text(f"{train['seed']} " + pathlib.Path("ready.txt").read_text())
    """


class TinyProject:
    """Alice's own clone of it, and what its trainings wrote into the diary outside of every workspace.

    With `inside`, trainings look at nothing but their workspace: there is no diary, and no gate.
    """

    def __init__(self, folder, *, git_url, token, s3, bucket, inside=False):
        self.folder = folder
        folder.mkdir()
        self.diary = folder / "diary.txt"
        self.diary.touch()
        self._url = git_url
        self._s3, self._bucket, self._stored = s3, bucket, set()
        self._inside = inside
        self._clone = Checkout(folder / "alice", token=token, storage={})
        self._seeds = itertools.count(1)
        self._seed_of = {}

    def make(self):
        """The first commit of `main`."""
        files = {
            ".dvc/config": f"[core]\n    remote = store\n['remote \"store\"']\n    url = s3://{self._bucket}\n",
            ".dvc/.gitignore": "/config.local\n/tmp\n/cache\n",
            ".dvcignore": "",
            ".gitignore": "/ready.txt\n/model.txt\n/live\n/out\n",
            "dvc.yaml": textwrap.dedent(PIPELINE),
            "src/export.sh": textwrap.dedent(EXPORT),
            "src/train.py": textwrap.dedent(TRAIN),
            "params.json": self._params("main"),
            "data/.gitignore": "/raw\n",
            "data/raw.dvc": self._add({"a.txt": b"aaa\n", "b.txt": b"bbb\n"}),
        }
        self._clone.git("init", "--quiet", "--initial-branch=main")
        self._clone.git("remote", "add", "origin", self._url)
        self._commit("main", files, "The project")
        return self

    def branch(self, name, *, script="", gate=False, epochs=2, start="main"):
        """A branch whose model was never trained; `script` runs in its training, which may wait at a `gate`."""
        self._clone.git("fetch", "--quiet", "origin")
        self._clone.git("switch", "--quiet", "--force-create", name, f"refs/remotes/origin/{start}")
        files = {"params.json": self._params(name, gate=gate, epochs=epochs)}
        if script:
            files["src/train.py"] = textwrap.dedent(TRAIN).replace("# HERE", textwrap.dedent(script).strip())
        return self._commit(name, files, f"Begin {name}")

    def change(self, branch, files, message="A change"):
        """Alice pushes a commit to a branch as it is now."""
        self._clone.git("fetch", "--quiet", "origin")
        self._clone.git("switch", "--quiet", "--force-create", branch, f"refs/remotes/origin/{branch}")
        return self._commit(branch, files, message)

    def retrain(self, branch="main"):
        """A change of `branch` after which there is something to train."""
        return self.change(branch, {"params.json": self._params(branch)}, "Another seed")

    def data(self, files):
        """The pointer to these files as the folder data/raw, for `change`; their objects are on the remote then."""
        return {"data/raw.dvc": self._add(files)}

    def tag(self, name, revision="main"):
        """Somebody makes a tag by hand."""
        self._clone.git("fetch", "--quiet", "origin")
        self._clone.git("tag", name, f"refs/remotes/origin/{revision}")
        self._clone.git("push", "--quiet", "origin", f"refs/tags/{name}")

    def delete(self, branch):
        """Somebody deletes a branch."""
        self._clone.git("push", "--quiet", "origin", f":refs/heads/{branch}")

    def lose_data(self, branch):
        """A branch whose data somebody added with DVC and forgot to push."""
        self.branch(branch)
        oid = hashlib.md5(branch.encode(), usedforsecurity=False).hexdigest()
        pointer = f"outs:\n- md5: {oid}.dir\n  size: 8\n  nfiles: 2\n  hash: md5\n  path: raw\n"
        self.change(branch, {"data/raw.dvc": pointer})

    def open_gate(self, branch):
        """Let the trainings of a branch go on to their end."""
        (self.folder / f"gate-{self._seed_of[branch]}").touch()

    def open_every_gate(self):
        """Let everything end that still waits."""
        for seed in self._seed_of.values():
            (self.folder / f"gate-{seed}").touch()

    def trainings(self, branch):
        """How often the branch's training was begun, with the parameters it has now."""
        return self.diary.read_text().split().count(str(self._seed_of[branch]))

    def _params(self, branch, *, gate=False, epochs=2):
        seed = self._seed_of[branch] = next(self._seeds)
        diary = "" if self._inside else str(self.diary)
        opens = str(self.folder / f"gate-{seed}") if gate else ""
        train = {"seed": seed, "epochs": epochs, "gate": opens, "diary": diary}
        return json.dumps({"train": train}, indent=1) + "\n"

    def _commit(self, branch, files, message):
        for path, content in files.items():
            self._clone.write(path, content)
        self._clone.git("add", "--all")
        self._clone.git("commit", "--quiet", f"--message={message}", author=ALICE)
        self._clone.git("push", "--quiet", "--force", "origin", f"HEAD:refs/heads/{branch}")
        return self._clone.git("rev-parse", "HEAD").strip()

    def _add(self, files):
        """As `dvc add data/raw` and `dvc push`, without the seconds that DVC takes to start."""
        members = [{"md5": self._store(content), "relpath": name} for name, content in sorted(files.items())]
        listing = json.dumps(members).encode()
        size = sum(map(len, files.values()))
        oid = self._store(listing, ".dir")
        return f"outs:\n- md5: {oid}\n  size: {size}\n  nfiles: {len(files)}\n  hash: md5\n  path: raw\n"

    def _store(self, content, suffix=""):
        oid = hashlib.md5(content, usedforsecurity=False).hexdigest() + suffix
        if oid not in self._stored:
            self._s3.put_object(Bucket=self._bucket, Key=f"files/md5/{oid[:2]}/{oid[2:]}", Body=content)
            self._stored.add(oid)
        return oid
