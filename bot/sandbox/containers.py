"""The demo in containers: one image, from this repository's Dockerfile.train, for all three steps.

It is named after what it is made from, so it is built when it is not there, and not again before that changes.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from bot.errors import UserError
from bot.sandbox.inherited import inherited
from bot.sandbox.plain_text import indented

ROOT = Path(__file__).parents[2]
NOTE = "containers.json"
"""The file of the demo's folder that says with which build arguments it trains in containers."""
REPOSITORY = "localhost/stationmaster-demo"
MADE_FROM = ("Dockerfile.train", "pyproject.toml", "constraints.txt", "trainer")
ASK_SECONDS = 30.0
LAST_LINES = 12
LONGEST_STEP = 90
WAY_OUT = "or leave --runtime out."
NEEDS = f"The demo needs Docker on Linux, on this machine and not rootless; {WAY_OUT}"

_STEP = re.compile(r"(?:Step (\d+)/(\d+) ?: |#\d+ \[(?:\S+ +)?(\d+)/(\d+)\] )(.*)", re.IGNORECASE)
"""What docker's builders, the old one and BuildKit, say when a step begins."""
_PROBE = """
import pathlib, socket, sys
socket.create_connection(("127.0.0.1", int(sys.argv[1])), 5).close()
pathlib.Path(sys.argv[2], "written").touch()
"""

Say = Callable[[str], None]


def recall(home: Path) -> list[str] | None:
    """The build arguments of a demo that trains in containers; None for one that does not."""
    try:
        return [str(word) for word in json.loads((home / NOTE).read_text("utf-8"))]
    except (OSError, ValueError, TypeError):
        return None


def remember(home: Path, arguments: Sequence[str] | None) -> None:
    """For the next start of the demo in `home`."""
    if arguments is None:
        (home / NOTE).unlink(missing_ok=True)
    else:
        (home / NOTE).write_text(json.dumps(list(arguments)) + "\n", "utf-8")


def ensure_image(arguments: Sequence[str], say: Say) -> str:
    """The image's name, once it is there; `arguments` are docker's `--build-arg`s.

    Raises:
        UserError: no engine answers, this is no checkout of the repository, or the image cannot be built.
    """
    _check_engine()
    if not (ROOT / MADE_FROM[0]).is_file():
        raise UserError(f"The image is built from a checkout of Stationmaster's repository: start it there, {WAY_OUT}")
    image = f"{REPOSITORY}:{_fingerprint(arguments)}"
    if _docker("image", "inspect", image).returncode != 0:
        say("Building the image that trains (once; TensorFlow is large: some minutes) ...")
        _build(image, arguments, say)
        say(f"The image {image} is ready.")
    return image


def check_reach(image: str, home: Path, port: int) -> None:
    """Whether a container can do what the demo's steps need: reach a stand-in's port, and write below `home`.

    Raises:
        UserError: it cannot, as with Docker Desktop, a rootless Docker, or an engine on another machine.
    """
    folder = home.resolve() / "containers-probe"
    folder.mkdir(exist_ok=True)
    folder.chmod(0o777)
    who = "10001:10001" if os.getuid() == 0 else f"{os.getuid()}:{os.getgid()}"
    words = ("--rm", "--pull", "never", "--network", "host", "--user", who, "--volume", f"{folder}:{folder}")
    try:
        done = _docker("run", *words, "--entrypoint", "python", image, "-c", _PROBE, str(port), str(folder))
        seen = (folder / "written").exists()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if done.returncode != 0 or not seen:
        raise UserError(
            f"Containers of this engine do not reach this machine's own address or the demo's folder: {_last(done)} "
            f"{NEEDS}"
        )


def environment(image: str) -> dict[str, str]:
    """What the bot has to be told, beside all else, to train in containers.

    A branch's own image begins with `BASE`: see the Dockerfile that `DemoProject` writes.
    """
    return {
        "STATIONMASTER_RUNTIME": "docker",
        "STATIONMASTER_IMAGE": image,
        "IMAGE_BUILD_ARGS": f"BASE={image}",
        **_where(),
    }


def end(job: str) -> None:
    """End the containers of a job, whether or not they are there."""
    if shutil.which("docker"):
        for name in (job, f"{job}-net"):  # one after the other: the first one lives in the network of the second
            _docker("container", "rm", "--force", "--volumes", name)


def _check_engine() -> None:
    if not shutil.which("docker"):
        raise UserError(f"There is no docker client on this machine. Install Docker, {WAY_OUT}")
    done = _docker("version", "--format", "{{.Server.Version}}")
    if done.returncode != 0:
        raise UserError(f"No docker engine answers: {_last(done)} Start it, or see that you may use it, {WAY_OUT}")
    if sys.platform != "linux" or "rootless" in _docker("info", "--format", "{{.SecurityOptions}}").stdout:
        raise UserError(f"Containers of this engine cannot do what the demo's steps do. {NEEDS}")


def _build(image: str, arguments: Sequence[str], say: Say) -> None:
    extra = [word for argument in arguments for word in ("--build-arg", argument)]
    argv = ["docker", "build", "--file", str(ROOT / MADE_FROM[0]), "--tag", image, *extra, str(ROOT)]
    last: deque[str] = deque(maxlen=LAST_LINES)
    with subprocess.Popen(
        argv, env=_environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            for sentence in _told(process.stdout or (), last):
                say(sentence)
        except BaseException:
            process.terminate()
            raise
    if process.returncode != 0:
        raise UserError(
            "The image could not be built. The last that docker said:\n"
            + indented("\n".join(last), "    ")
            + f"\nMend it (--build-arg BASE=... takes another base), {WAY_OUT}"
        )


def _told(lines: Iterator[str] | Sequence[str], last: deque[str]) -> Iterator[str]:
    """A sentence for each step; all lines go into `last`."""
    before = ""
    for line in lines:
        last.append(line.rstrip())
        found = _STEP.match(line)
        if found is None:
            continue
        number, total = found[1] or found[3], found[2] or found[4]
        what = " ".join(found[5].split())
        sentence = f"  step {number} of {total}: {what[:LONGEST_STEP]}{' ...' if len(what) > LONGEST_STEP else ''}"
        if sentence != before:
            yield sentence
        before = sentence


def _fingerprint(arguments: Sequence[str]) -> str:
    """Of all that the image is made from."""
    digest = hashlib.sha256(json.dumps(list(arguments)).encode())
    for name in MADE_FROM:
        at = ROOT / name
        for file in sorted(
            path for path in (at, *at.rglob("*")) if path.is_file() and path.parent.name != "__pycache__"
        ):
            content = hashlib.sha256(file.read_bytes()).hexdigest()
            digest.update(f"{file.relative_to(ROOT)} {content}\n".encode())
    return digest.hexdigest()[:12]


def _docker(*words: str) -> subprocess.CompletedProcess[str]:
    argv = ["docker", *words]
    try:
        return subprocess.run(
            argv, env=_environment(), capture_output=True, text=True, timeout=ASK_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(argv, 1, "", f"It said nothing for {ASK_SECONDS:.0f} seconds")


def _environment() -> dict[str, str]:
    """The bot asks the same engine: of docker's own variables it passes on no other."""
    builder = {"DOCKER_BUILDKIT": os.environ["DOCKER_BUILDKIT"]} if "DOCKER_BUILDKIT" in os.environ else {}
    return {**inherited(), **_where(), **builder}


def _where() -> dict[str, str]:
    return {"DOCKER_HOST": os.environ["DOCKER_HOST"]} if "DOCKER_HOST" in os.environ else {}


def _last(done: subprocess.CompletedProcess[str]) -> str:
    """The last words of a command that failed, as a sentence."""
    lines = [line.strip() for line in (done.stderr or done.stdout).splitlines() if line.strip()]
    said = lines[-1] if lines else f"docker ended with {done.returncode}, without a word"
    return said if said.endswith((".", "?", "!")) else f"{said}."
