"""A real container engine for the tests, behind the ordinary `docker` client: podman, with a storage of its own.

The base of every image is made with debootstrap, since tests reach no registry; it and the layers on it are kept in
the user's cache, so that a second run is quick. The product knows nothing of podman.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
import tempfile
import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pytest

from bot.locations.shell import LocalShell

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "stationmaster-tests"
STORAGE = CACHE / "engine"
LONGEST_RUNROOT = 50
"""Characters; podman refuses more."""
_LONG = len(f"{STORAGE}/run") > LONGEST_RUNROOT
RUNROOT = f"/tmp/stationmaster-{zlib.crc32(os.fsencode(STORAGE)):08x}" if _LONG else f"{STORAGE}/run"
PODMAN = tuple(f"podman --root {STORAGE}/images --runroot {RUNROOT} --tmpdir {STORAGE}/tmp".split())
ROOT = Path(__file__).parents[2]
NEEDED = ("podman", "docker", "debootstrap", "runc", "catatonit")
PACKAGES = "ca-certificates,git,openssh-client,python3,python3-venv"
SUITE = "bookworm"
BASE = f"localhost/stationmaster-base:{SUITE}-1"
CONFIGURATION = """
[engine]
runtime = "runc"
exit_command_delay = 5
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
netns = "host"
"""
REGISTRIES = """
[[registry]]
location = "localhost"
insecure = true
"""


@dataclass(frozen=True)
class Engine:
    """A running engine. `host` is what DOCKER_HOST says."""

    host: str

    @property
    def environment(self) -> Mapping[str, str]:
        return {"DOCKER_HOST": self.host, "DOCKER_BUILDKIT": "0"}

    @property
    def shell(self) -> LocalShell:
        """The shell of a machine whose docker is this one."""
        return LocalShell(extra=self.environment)

    def docker(self, *words: str, check: bool = True, stdin: str = "") -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            ["docker", *words],
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            check=False,
            input=stdin,
        )
        assert done.returncode == 0 or not check, f"docker {words[0]} failed:\n{done.stdout}{done.stderr}"
        return done

    def podman(self, *words: str) -> str:
        """What the engine says by itself, where its answer to the docker client is not the whole one."""
        return subprocess.run([*PODMAN, *words], capture_output=True, text=True, check=True).stdout

    def build(
        self, tag: str, context: Path, *, dockerfile: str = "Dockerfile", text: str = "", arguments: Sequence[str] = ()
    ) -> str:
        """An image from a Dockerfile, or from its `text`; unchanged layers come from the cache.

        Who needs the same image meanwhile waits for it, instead of making it as well.
        """
        if text:
            (context / dockerfile).write_text(text)
        extra = [word for argument in ("BASE=" + self.base(), *arguments) for word in ("--build-arg", argument)]
        words = ("--network", "host", "-q", "-f", str(context / dockerfile), "-t", tag, *extra, str(context))
        with _alone(tag.rpartition("/")[2].replace(":", "-")):
            self.docker("build", *words)
        return tag

    def training_image(self) -> str:
        """What Dockerfile.train makes; from nothing it takes minutes, TensorFlow being large."""
        return self.build("localhost/stationmaster-train:test", ROOT, dockerfile="Dockerfile.train")

    def trainer_image(self) -> str:
        """The small one of Dockerfile.train: what prepares and publishes, and trains where no TensorFlow is needed."""
        return self.build(
            "localhost/stationmaster-trainer:test", ROOT, dockerfile="Dockerfile.train", arguments=["EXTRAS=trainer"]
        )

    def base(self) -> str:
        """A Debian with Python, made once."""
        with _alone("base"):
            if self.docker("image", "inspect", BASE, check=False).returncode:
                _make_base()
        return BASE

    def running(self) -> set[str]:
        return set(self.docker("container", "ls", "--all", "--format", "{{.Names}}").stdout.split())


@contextlib.contextmanager
def an_engine() -> Iterator[Engine]:
    """Start it, and stop it with everything that still runs in it."""
    missing = [program for program in NEEDED if not shutil.which(program)]
    if missing or os.geteuid() != 0:
        pytest.skip(f"containers need root and {', '.join(NEEDED)}; not here: {', '.join(missing) or 'root'}")
    STORAGE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "engine.lock").open("ab") as users, tempfile.TemporaryDirectory(prefix="engine-") as folder:
        here = Path(folder)
        (here / "containers.conf").write_text(CONFIGURATION)
        socket = here / "docker.sock"
        (here / "registries.conf").write_text(REGISTRIES)
        environment = {
            **os.environ,
            "CONTAINERS_CONF": str(here / "containers.conf"),
            "CONTAINERS_REGISTRIES_CONF": str(here / "registries.conf"),
            "TMPDIR": folder,
        }
        _sweep(users, environment)
        with (here / "log").open("wb") as log:
            command = [*PODMAN, "system", "service", "--time", "0", f"unix://{socket}"]
            # conmon leaves a file called `oom` in the folder that the service was started in.
            service = subprocess.Popen(command, env=environment, cwd=folder, stdout=log, stderr=log)
        try:
            _wait_for(socket, service, here / "log")
            yield Engine(f"unix://{socket}")
        finally:
            _sweep(users, environment)
            service.terminate()
            service.wait(20)


def _sweep(users: IO[bytes], environment: Mapping[str, str]) -> None:
    """Remove what a killed test left, unless other tests use the engine at this moment; then be one of them."""
    with contextlib.suppress(BlockingIOError):
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        words = ("rm", "--all", "--force", "--time", "0", "--volumes")
        subprocess.run([*PODMAN, *words], env=environment, capture_output=True, check=False)
    fcntl.flock(users, fcntl.LOCK_SH)


def _wait_for(socket: Path, service: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 20
    while not socket.exists():
        if service.poll() is not None or time.monotonic() > deadline:
            raise AssertionError(f"the container engine did not start: {log.read_text()}")
        time.sleep(0.05)


def _make_base() -> None:
    with tempfile.TemporaryDirectory(prefix="base-") as folder:
        root = Path(folder) / "root"
        command = ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", SUITE, str(root)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"debootstrap failed:\n{done.stdout[-2000:]}{done.stderr}"
        shutil.rmtree(root / "var/cache/apt", ignore_errors=True)
        _lend_pip(root)
        tar = ["tar", "--numeric-owner", "-C", str(root), "-c", "."]
        with subprocess.Popen(tar, stdout=subprocess.PIPE) as archive:
            subprocess.run([*PODMAN, "import", "-", BASE], stdin=archive.stdout, capture_output=True, check=True)


def _lend_pip(root: Path) -> None:
    """This machine's certificates and its own configuration of pip, so that a build here reaches what pip does here."""
    certificates = Path("/etc/ssl/certs/ca-certificates.crt")
    if certificates.exists():
        shutil.copy(certificates, root / certificates.relative_to("/"))
    if Path("/etc/pip.conf").exists():
        shutil.copy("/etc/pip.conf", root / "etc/pip.conf")


@contextlib.contextmanager
def _alone(name: str) -> Iterator[None]:
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{name}.lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
