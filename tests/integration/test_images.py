"""The two images, built from their Dockerfiles, and images that come from a real registry by their digest."""

from __future__ import annotations

import json
import re
import time

import pytest

from bot.errors import NotFound, Unavailable
from bot.locations.docker import Containers, DockerRuntime, Login
from bot.ports import Job, JobState
from tests.contract.engine_world import ROOT
from tests.contract.registry_world import ACCOUNT, PASSWORD, a_registry

BOT = "localhost/stationmaster-bot:test"
HARDENED = (
    *("--rm", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--read-only"),
    *("--tmpfs", "/tmp:rw,exec,mode=1777", "--env", "HOME=/tmp", "--network", "none"),
)


@pytest.fixture(scope="module")
def bot_image(engine):
    return engine.build(BOT, ROOT, dockerfile="Dockerfile.bot")


@pytest.fixture(scope="module")
def train_image(engine):
    return engine.training_image()


def python(engine, image, code):
    return engine.docker("run", *HARDENED, "--entrypoint", "python", image, "-c", code).stdout.strip()


def test_the_bots_image_serves_and_holds_neither_tensorflow_nor_dvc(engine, bot_image):
    assert "serve" in engine.docker("run", *HARDENED, bot_image, "--help").stdout
    unwanted = ("tensorflow", "dvc", "keras", "pip")
    code = f"import importlib.util as u, bot.wiring; print([name for name in {unwanted} if u.find_spec(name)])"
    assert python(engine, bot_image, code) == "[]"


@pytest.mark.timeout(900)
@pytest.mark.parametrize("image", ["bot_image", "train_image"])
def test_nobody_is_root_in_an_image(engine, request, image):
    assert python(engine, request.getfixturevalue(image), "import os; print(os.getuid(), os.getgid())") == "10001 10001"


def test_a_bot_that_never_began_is_not_healthy(engine, bot_image):
    said = engine.docker("run", *HARDENED[1:], bot_image, "health", check=False)
    assert said.returncode == 1
    assert "No Stationmaster has worked in /data yet." in said.stdout
    # Asked of podman itself: the answer that it gives to the docker client leaves this out.
    inspected = json.loads(engine.podman("image", "inspect", bot_image))[0]
    assert inspected["Healthcheck"]["Test"] == ["CMD", "stationmaster", "health"]


def test_the_bots_ledger_can_be_written_by_who_the_bot_is(engine, bot_image):
    code = "import os; print(oct(os.stat('/data').st_mode & 0o777), os.access('/data', os.W_OK))"
    said = engine.docker("run", "--rm", "--volume", "/data", "--entrypoint", "python", bot_image, "-c", code).stdout
    assert said == "0o700 True\n"


@pytest.mark.timeout(900)
def test_the_training_image_trains_behind_the_walls(engine, train_image):
    code = (
        "import dvc, trainer.contained, trainer.pipeline.fit, tensorflow as tf; print(float(tf.reduce_sum(tf.ones(3))))"
    )
    assert python(engine, train_image, code).endswith("3.0")


@pytest.mark.timeout(900)
def test_the_training_image_holds_no_part_of_the_bot(engine, train_image):
    code = (
        "import importlib.util as u; print([n for n in ('bot', 'commands', 'slack_sdk', 'gitlab') if u.find_spec(n)])"
    )
    assert python(engine, train_image, code) == "[]"


@pytest.fixture
def pushed(engine, tmp_path, request):
    """An image that is only in the registry, by its digest."""
    login = request.param
    with a_registry(tmp_path, account=login) as registry:
        name = f"{registry}/team/fruits:train"
        if login:
            engine.docker("login", "--username", ACCOUNT, "--password-stdin", registry, stdin=PASSWORD)
        (tmp_path / "context").mkdir()
        (tmp_path / "context" / "file").write_text(registry)
        engine.build(name, tmp_path / "context", text="FROM scratch\nCOPY file /\n")
        digest = re.search(r"digest: (sha256:[0-9a-f]{64})", engine.docker("push", name).stdout)
        engine.docker("rmi", name)
        engine.docker("logout", registry)
        by_digest = f"{registry}/team/fruits@{digest[1]}"
        yield by_digest
        engine.docker("rmi", "--force", by_digest, check=False)


def launch(engine, work, image, password=""):
    """Launch as the engine does: again while the location is not ready. All that it was told, and the job's end."""
    registry = image.partition("/")[0]
    logins = (lambda _image: Login(registry, ACCOUNT, password)) if password else (lambda _image: None)
    runtime = DockerRuntime(engine.shell, Containers(image, image, network="none"), logins)
    job = Job(f"pulled-{work.name}", "repro", 1, f"{work}/runs/1", str(work), {"project": "team/fruits"}, {})
    told = []
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            runtime.launch(job)
            break
        except Unavailable as error:
            told.append(str(error))
            if "could not be pulled" in told[-1] or "did not do" in told[-1]:
                break
            time.sleep(0.3)
        except NotFound as error:
            told.append(str(error))
            break
    status = runtime.status(job.name, job.run_dir)
    runtime.kill(job.name, job.run_dir)
    return told, status


@pytest.mark.parametrize("pushed", [False, True], indirect=True, ids=["open", "with an account"])
def test_an_image_is_pulled_by_its_digest_when_a_machine_lacks_it(engine, pushed, tmp_path, request):
    login = "account" in request.node.name
    told, _ = launch(engine, tmp_path / "work", pushed, PASSWORD if login else "")
    assert told[0] == f"{pushed} is being pulled to this location."
    assert told[-1].startswith(f"{pushed} cannot run a step: ")  # there is only one file in it
    assert engine.docker("image", "inspect", pushed, check=False).returncode == 0
    kept = [path for path in (tmp_path / "work").rglob("*") if path.is_file()]
    assert not any(PASSWORD.encode() in path.read_bytes() for path in kept)


@pytest.mark.parametrize("pushed", [True], indirect=True)
def test_a_login_that_ended_is_said_and_the_next_one_is_tried_at_once(engine, pushed, tmp_path):
    told, status = launch(engine, tmp_path / "work", pushed, "sandbox-expired")
    assert "could not be pulled to this location" in told[-1]
    assert status.state is JobState.ABSENT
    again, _ = launch(engine, tmp_path / "again", pushed, PASSWORD)
    assert again[0].endswith("is being pulled to this location."), (told, again)
    assert engine.docker("image", "inspect", pushed, check=False).returncode == 0
