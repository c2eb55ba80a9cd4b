"""The demo project `team/fruits`: this repository's own pipeline in the local GitLab, its images on the local S3.

It is made once. A start that was killed on the way leaves no branch in GitLab, so the next one makes it anew; drawing
and pushing the same images twice changes nothing.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from io import StringIO
from pathlib import Path

from ruamel.yaml import YAML

from bot.errors import UserError
from bot.sandbox import dataset
from bot.sandbox.checkout import Checkout
from bot.sandbox.drawings import draw_fruits

PATH = "team/fruits"
MAIN = "main"
ALICE = "Alice Archer <alice@example.com>"
BOB = "Bob Baker <bob@example.com>"
IMAGES = Path("data/fruits-360")
REMOTE = "storage"
DRAWN = "drawn"

_HERE = Path(__file__).parents[2]
_AT_THE_ROOT = ("dvc.yaml", "params.yaml")
_ENDPOINT = re.compile(r"^(\s*endpointurl\s*=\s*)(.*)$", re.MULTILINE)

Say = Callable[[str], None]


@dataclass(frozen=True)
class Storage:
    """The DVC remote: a bucket at an S3 endpoint, and the environment that opens it."""

    bucket: str
    endpoint: str
    region: str
    environment: Mapping[str, str]


@dataclass(frozen=True)
class Variation:
    """A second branch: `main` with one parameter changed, for something to choose (and something to see fail)."""

    branch: str
    parameter: tuple[str, str]
    value: object
    subject: str


VARIATIONS = (
    Variation("feature/wider", ("train", "filters"), 24, "Try a wider network"),
    Variation("feature/typo", ("train", "learning_rate"), "fast", "Learn faster"),
)

_DOCKERFILE = """\
# The image that this project trains in. What its stages import beyond Stationmaster's own image is added here.
ARG BASE=localhost/stationmaster-demo
FROM ${BASE}
"""
_README = """\
# Fruits

Which fruit is on the picture? A small network, trained by a [DVC](https://dvc.org) pipeline: `dvc.yaml` says the
stages, `params.yaml` the parameters; the images and the models are on the DVC remote, git has only their checksums.

Nobody trains this by hand. In Slack:

    /train main v1.0.0             trains `main` and releases the model as v1.0.0
    /train feature/wider v1.1.0    a wider network
    /train feature/typo v9.9.9     fails: somebody mistyped a parameter

A release carries `train.dvc`. With it, in any DVC repository that has the same remote:

    dvc pull train.dvc             brings `model.onnx` and `model.config`

{images}
"""
_DRAWN_IMAGES = "The images are drawn by a program, in the layout of Fruits-360."
_COPIED_IMAGES = "The images are a copy of a folder in the layout of Fruits-360; look there for their licence."


class DemoProject:
    """`team/fruits` at `git_url`. `scratch` is a folder that only this class uses; it is empty between two calls."""

    def __init__(self, *, git_url: str, token: str, storage: Storage, scratch: Path, say: Say) -> None:
        self._git_url = git_url
        self._storage = storage
        self._scratch = scratch
        self._say = say
        self._note = scratch.with_suffix(".json")
        self._checkout = Checkout(scratch / "fruits", token=token, storage=storage.environment)

    def ensure(self, data: Path | None = None) -> None:
        """Make the project when it is not there; follow the storage when its address changed.

        `data` is a folder in the layout of Fruits-360; None draws the images.

        Raises:
            UserError: `data` is no such folder, or the project is there already with other images.
        """
        shutil.rmtree(self._scratch, ignore_errors=True)
        if MAIN in self._heads():
            self._same_images(data)
            self._follow_storage()
        else:
            self._make(data)
        shutil.rmtree(self._scratch, ignore_errors=True)

    def _make(self, data: Path | None) -> None:
        count = dataset.check(data) if data else 0
        self._note.write_text(json.dumps({"images": _source(data)}) + "\n", "utf-8")
        self._say(f"Making the project {PATH} (once).")
        self._add_pipeline(data)
        self._checkout.git("init", "--quiet", f"--initial-branch={MAIN}")
        self._add_images(data, count)
        self._commit("Classify fruits with a small network", ALICE)
        for variation in VARIATIONS:
            self._vary(variation)
        branches = [MAIN, *(variation.branch for variation in VARIATIONS)]
        self._checkout.git("push", "--quiet", "--atomic", self._git_url, *(f"refs/heads/{name}" for name in branches))
        self._say(f"{PATH} is ready, with the branches {', '.join(branches)}.")

    def _add_pipeline(self, data: Path | None) -> None:
        folder = self._checkout.folder
        target = folder / "trainer" / "pipeline"
        target.mkdir(parents=True)
        (folder / "trainer" / "__init__.py").touch()
        for file in pipeline_files():
            shutil.copyfile(file, target / file.name)
        shutil.move(target / "gitignore", folder / ".gitignore")
        for name in _AT_THE_ROOT:
            shutil.copyfile(_at_the_root(name), folder / name)
        self._checkout.write("Dockerfile.train", _DOCKERFILE)
        self._checkout.write("README.md", _README.format(images=_COPIED_IMAGES if data else _DRAWN_IMAGES))

    def _add_images(self, data: Path | None, count: int) -> None:
        target = self._checkout.folder / IMAGES
        if data:
            self._say(f"Copying {count:,} images from {data} ...")
            dataset.copy(data, target)
        else:
            self._say("Drawing pictures of fruit ...")
            draw_fruits(target)
        self._say("Adding the images with DVC, and pushing them to the local S3 ...")
        self._checkout.dvc(
            ["init", "--quiet"],
            *_remote_commands(self._storage),
            # Hard links: a large --data folder is not kept twice. Local, it concerns this checkout alone.
            ["config", "--local", "cache.type", "hardlink,copy"],
            ["add", "--quiet", str(IMAGES)],
            ["push", "--quiet"],
        )

    def _vary(self, variation: Variation) -> None:
        self._checkout.git("switch", "--quiet", "--create", variation.branch, MAIN)
        file = self._checkout.folder / "params.yaml"
        file.write_text(with_parameter(file.read_text("utf-8"), variation.parameter, variation.value), "utf-8")
        self._commit(variation.subject, BOB)

    def _commit(self, subject: str, author: str) -> None:
        self._checkout.git("add", "--all")
        self._checkout.git("commit", "--quiet", f"--message={subject}", author=author)

    def _same_images(self, data: Path | None) -> None:
        if data is None:
            return
        try:
            images = str(json.loads(self._note.read_text("utf-8"))["images"])
        except (OSError, ValueError, KeyError, TypeError):
            images = "other"
        if images != _source(data):
            was = "drawn images" if images == DRAWN else f"the images of {images}"
            raise UserError(
                f"The demo's project was made with {was}, and its releases rest on them. "
                "Start over with --fresh to use another folder, or leave --data out to go on."
            )

    def _follow_storage(self) -> None:
        """Write the storage's address anew on each branch that has another one."""
        stale = self._stale_branches()
        if not stale:
            return
        self._say(f"The local S3 has moved to {self._storage.endpoint}: telling the project.")
        for branch in stale:
            self._checkout.git("switch", "--quiet", "--force-create", branch, f"refs/remotes/origin/{branch}")
            config = self._checkout.folder / ".dvc" / "config"
            text = _ENDPOINT.sub(lambda match: match[1] + self._storage.endpoint, config.read_text("utf-8"))
            self._checkout.write(".dvc/config", text)
            self._commit(f"Find the storage at {self._storage.endpoint}", ALICE)
        self._checkout.git("push", "--quiet", "--atomic", "origin", *(f"refs/heads/{name}" for name in stale))

    def _stale_branches(self) -> list[str]:
        self._checkout.git("clone", "--quiet", "--no-checkout", self._git_url, ".")
        found = self._checkout.git("for-each-ref", "--format=%(refname)", "refs/remotes/origin/").split()
        names = [name.removeprefix("refs/remotes/origin/") for name in found]
        return [name for name in names if name != "HEAD" and self._is_stale(name)]

    def _is_stale(self, branch: str) -> bool:
        ref = f"refs/remotes/origin/{branch}"
        if not self._checkout.git("ls-tree", "--name-only", ref, ".dvc/config"):
            return False
        endpoint = _ENDPOINT.search(self._checkout.git("show", f"{ref}:.dvc/config"))
        return endpoint is not None and endpoint[2].strip() != self._storage.endpoint

    def _heads(self) -> list[str]:
        lines = self._checkout.git("ls-remote", "--heads", self._git_url).splitlines()
        return [line.partition("\trefs/heads/")[2] for line in lines]


def pipeline_files() -> list[Path]:
    """What the package `trainer.pipeline` consists of, wherever it is installed."""
    folder = Path(str(files("trainer.pipeline")))
    return sorted(path for path in folder.iterdir() if path.suffix == ".py" or path.name == "gitignore")


def with_parameter(text: str, name: tuple[str, str], value: object) -> str:
    """`params.yaml` with one parameter changed, its comments kept.

    Raises:
        KeyError: there is no such parameter.
    """
    yaml = YAML()
    yaml.width = 1000
    document = yaml.load(text)
    section, key = name
    if key not in document[section]:
        raise KeyError(f"{section}.{key}")
    document[section][key] = value
    written = StringIO()
    yaml.dump(document, written)
    return written.getvalue()


def _at_the_root(name: str) -> Path:
    """A file that lies at the root of the source tree, and beside the pipeline in an installed package."""
    in_the_tree = _HERE / name
    return in_the_tree if in_the_tree.is_file() else Path(str(files("trainer.pipeline"))) / name


def _remote_commands(storage: Storage) -> list[list[str]]:
    return [
        ["remote", "add", "--quiet", "--default", REMOTE, f"s3://{storage.bucket}"],
        ["remote", "modify", "--quiet", REMOTE, "endpointurl", storage.endpoint],
        ["remote", "modify", "--quiet", REMOTE, "region", storage.region],
    ]


def _source(data: Path | None) -> str:
    return str(data.resolve()) if data else DRAWN
