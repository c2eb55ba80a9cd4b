"""The `docker` runtime's half of the talk with docker.sh: what it asks for, and what it makes of the answers."""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from bot.errors import Conflict, NotFound, SettingsError, Unauthorised, Unavailable
from bot.location_settings import LocationSettings
from bot.locations.catalog import RUNTIMES
from bot.locations.docker import Containers, DockerRuntime
from bot.locations.registry import Login
from bot.locations.shell import CommandResult
from bot.ports import Job, JobState, JobStatus
from bot.settings import Settings

IMAGE, TRAINER = "registry.example.com/fruits:train", "registry.example.com/trainer:1"
JOB = Job(
    "run-1-repro-0", "repro", 7, "/w/runs/1", "/w", {"project": "team/fruits", "run": 1}, {"token": "sandbox-bot-token"}
)
PUBLISH = replace(JOB, name="run-1-publish-0", step="publish")
NAME = "registry.example.com/team/fruits:train_main-0d6e4079"
BUILD = replace(
    JOB,
    name="run-1-build-1",
    step="build",
    spec={
        **JOB.spec,
        "build": {
            "name": NAME,
            "inputs": "ab" * 32,
            "registry": "registry.example.com",
            "pull": True,
            "arguments": ["BASE=x y"],
        },
    },
)
LOGIN = Login("registry.example.com", "AWS", "sandbox-registry-password")
SCRIPTS = sorted((Path(__file__).parents[2] / "bot" / "locations").glob("*.sh"))


@dataclass
class Echo:
    """A shell that gives one answer and remembers what it was asked."""

    stdout: bytes = b"launched\n"
    code: int = 0
    stderr: bytes = b""
    asked: list[tuple[list[str], bytes]] = field(default_factory=list)

    def run(self, argv: Sequence[str], *, stdin: bytes = b"", timeout: float) -> CommandResult:
        assert timeout > 0
        self.asked.append((list(argv), stdin))
        return CommandResult(self.code, self.stdout, self.stderr)

    def read(self, path: str, offset: int, limit: int) -> bytes:
        raise NotImplementedError


def launched(job=JOB, logins=lambda _image: None, **limits):
    """The words after the script's text, and the standard input."""
    shell = Echo()
    DockerRuntime(shell, Containers(IMAGE, TRAINER, **limits), logins).launch(job)
    ((argv, stdin),) = shell.asked
    return argv[5:], stdin


def mounts(words):
    return [word for option, word in itertools.pairwise(words) if option == "--mount"]


def test_somebody_in_the_machines_network_hears_for_a_training_that_its_machine_is_taken_back():
    address = "http://169.254.169.254"
    asked = replace(JOB, spec={**JOB.spec, "notices": address})
    words = launched(asked)[0]
    at = words.index(address)
    assert words[at - 1] == TRAINER
    (told,) = [mount for mount in mounts(words) if "/w/runs/1/notice" in mount]
    assert "readonly" in told
    assert launched()[0][at - 1 : at + 1] == ["", ""]
    assert address not in launched(replace(PUBLISH, spec=asked.spec))[0]


@pytest.mark.parametrize("job", [JOB, PUBLISH])
def test_every_step_is_walled_in(job):
    words = " ".join(launched(job)[0])
    for wall in ("--cap-drop ALL", "--security-opt no-new-privileges", "--read-only", "--init", "--pids-limit 4096"):
        assert wall in words
    assert "docker.sock" not in words
    assert "--privileged" not in words


def test_the_teams_code_runs_in_its_image_and_the_steps_with_credentials_in_ours():
    assert launched(JOB)[0].count(IMAGE) == 2
    assert IMAGE not in launched(PUBLISH)[0]
    own = replace(JOB, spec={**JOB.spec, "image": "registry.example.com/fruits:train_main"})
    assert "registry.example.com/fruits:train_main" in launched(own)[0]
    assert "registry.example.com/fruits:train_main" not in launched(replace(own, step="publish"))[0]


def test_a_training_may_write_its_workspace_the_caches_and_what_the_bot_reads():
    home = "/w/team-fruits-50593cda"
    writable = [mount for mount in mounts(launched()[0]) if "type=bind" in mount and "readonly" not in mount]
    assert [mount.rpartition("target=")[2] for mount in writable] == [
        f"{home}/repo",
        "/w/dvc-cache",
        "/w/dvc-site",
        "/w/runs/1/events.jsonl",
        "/w/runs/1/log",
    ]


def test_a_smoke_test_may_write_its_own_workspace_and_not_that_of_the_trainings():
    words = launched(replace(JOB, spec={**JOB.spec, "kind": "smoke"}))[0]
    targets = {mount.rpartition("target=")[2] for mount in mounts(words)}
    assert "/w/team-fruits-50593cda/smoke" in targets
    assert "/w/team-fruits-50593cda/repo" not in targets


def test_the_order_goes_through_standard_input_and_a_training_gets_no_secret():
    words, stdin = launched()
    login, order = stdin.decode().splitlines()
    assert login == "-"
    assert json.loads(order)["secrets"] == {}
    words, stdin = launched(PUBLISH)
    assert b"sandbox-bot-token" in stdin
    assert "sandbox-bot-token" not in " ".join(words)


class Pulls:
    """A location that lacks an image: it asks for a login, and then says what came of the pull."""

    def __init__(self, came_of_it: bytes = b"pulling") -> None:
        self.came_of_it = came_of_it
        self.asked: list[tuple[list[str], bytes]] = []

    def run(self, argv: Sequence[str], *, stdin: bytes = b"", timeout: float) -> CommandResult:
        assert timeout > 0
        self.asked.append((list(argv), stdin))
        return CommandResult(0, f"login {TRAINER}".encode() if stdin.startswith(b"-") else self.came_of_it, b"")

    def read(self, path: str, offset: int, limit: int) -> bytes:
        raise NotImplementedError


def test_a_login_is_made_only_when_an_image_has_to_be_pulled():
    asked = []
    launched(PUBLISH, lambda image: asked.append(image) or LOGIN)
    assert asked == []
    shell = Pulls()
    with pytest.raises(Unavailable, match="is being pulled"):
        DockerRuntime(shell, Containers(IMAGE, TRAINER), lambda image: asked.append(image) or LOGIN).launch(JOB)
    assert asked == [TRAINER]  # what docker.sh says it lacks, here the one that shuts the network
    words, stdin = shell.asked[-1]
    assert stdin.startswith(b"registry.example.com AWS sandbox-registry-password\n")
    assert "sandbox-registry-password" not in " ".join(words) + repr(LOGIN)


def test_a_login_that_ended_before_the_pull_is_made_anew_once_and_no_more():
    asked = []
    runtime = DockerRuntime(
        Pulls(b"unpulled denied: Your authorization token has expired."),
        Containers(IMAGE, TRAINER),
        lambda image: asked.append(image) or LOGIN,
    )
    with pytest.raises(Unavailable, match="token has expired"):
        runtime.launch(JOB)
    with pytest.raises(Unauthorised, match=r"token has expired.*REGISTRY_PASSWORD"):
        runtime.launch(JOB)
    assert len(asked) == 2


def built(login=LOGIN, said=b"launched", **limits):
    """The words after the script's text, and the standard input."""
    shell = Echo(said)
    DockerRuntime(shell, Containers(IMAGE, TRAINER, **limits), lambda _image: login).launch(BUILD)
    ((argv, stdin),) = shell.asked
    return argv[5:], stdin


def test_a_build_is_told_its_name_inputs_and_arguments_and_the_password_on_standard_input_alone():
    words, stdin = built()
    assert words[-6:] == [NAME, "ab" * 32, "registry.example.com", "yes", "--build-arg", "BASE=x y"]
    assert stdin == b"registry.example.com AWS sandbox-registry-password"
    assert "sandbox" not in " ".join(words)


def test_a_build_has_no_network_where_a_training_has_none():
    assert built(network="none")[0][-2:] == ["--network", "none"]
    assert "--network" not in built()[0]


def test_a_build_of_an_older_reservation_is_refused():
    with pytest.raises(Conflict, match="newer reservation"):
        built(said=b"fenced")


@pytest.mark.parametrize(
    ("said", "found"),
    [(b"none\n", None), (b"found registry.example.com/x@sha256:1\n", "registry.example.com/x@sha256:1")],
)
def test_an_image_that_is_there_is_named_as_a_step_can_run_it(said, found):
    shell = Echo(said)
    logins = []
    assert DockerRuntime(shell, Containers(IMAGE, TRAINER), logins.append).image(BUILD) == found
    assert logins == []


@pytest.mark.parametrize("name", ["--privileged", "a b", "$(id)"])
def test_a_build_of_what_is_no_image_s_name_is_not_asked_for(name):
    job = replace(BUILD, spec={**BUILD.spec, "build": {**BUILD.spec["build"], "name": name}})
    for ask in (
        DockerRuntime(Echo(), Containers(IMAGE, TRAINER)).launch,
        DockerRuntime(Echo(), Containers(IMAGE, TRAINER)).image,
    ):
        with pytest.raises(NotFound, match="no image"):
            ask(job)


def test_the_network_of_a_training_is_shut_by_our_image_unless_it_has_none():
    assert launched()[0].count(TRAINER) == 1
    words = launched(network="none")[0]
    assert TRAINER not in words
    assert words[words.index("--network") + 1] == "none"


def test_gpus_are_for_the_training_alone():
    assert "--gpus" in launched(gpus="all")[0]
    assert "--gpus" not in launched(PUBLISH, gpus="all")[0]


def test_a_comma_in_a_path_stays_in_it():
    odd = replace(JOB, workdir="/w,x", run_dir="/w,x/runs/1")
    assert '"source=/w,x/dvc-cache"' in " ".join(launched(odd)[0])


@pytest.mark.parametrize("image", ["--privileged", "", "a b", "$(id)"])
def test_what_is_no_image_is_not_asked_for(image):
    with pytest.raises(NotFound, match="no image"):
        DockerRuntime(Echo(), Containers(image, image)).launch(PUBLISH)


@pytest.mark.parametrize(
    ("said", "error", "words"),
    [
        (b"fenced", Conflict, "newer reservation"),
        (b"pulling", Unavailable, "is being pulled"),
        (b"unpulled denied", Unavailable, "could not be pulled to this location: denied"),
        (b"unpulled manifest unknown", NotFound, "manifest unknown"),
        (b"unfit exec python", NotFound, "cannot run a step: exec python"),
        (b"", Unavailable, "does not say why"),
    ],
)
def test_an_answer_becomes_an_error_that_the_engine_knows(said, error, words):
    with pytest.raises(error, match=words):
        DockerRuntime(Echo(said), Containers(IMAGE, TRAINER)).launch(JOB)


def test_an_engine_that_does_not_answer_is_said_in_its_own_words():
    shell = Echo(b"", 1, b"Cannot connect to the Docker daemon. Is it running?\n")
    with pytest.raises(Unavailable, match="did not do `status` at the location: Cannot connect"):
        DockerRuntime(shell, Containers(IMAGE, TRAINER)).status("run-1-repro-0", "/w/runs/1")


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (
            '{"state": "running", "ended": null, "events_size": 3, "log_size": 4}',
            JobStatus(JobState.RUNNING, None, False, 3, 4),
        ),
        (
            '{"state": "exited", "ended": {"exit_code": 137, "oom": true}, "events_size": 0, "log_size": 0}',
            JobStatus(JobState.EXITED, 137, True),
        ),
        ('{"state": "lost", "ended": null, "events_size": 0, "log_size": 0}', JobStatus(JobState.LOST)),
    ],
)
def test_a_status_is_read(said, status):
    assert DockerRuntime(Echo(said.encode()), Containers(IMAGE, TRAINER)).status("j", "/w/runs/1") == status


@pytest.mark.parametrize(
    "said", [b"", b"[]", b"{}", b'{"state": "odd", "ended": null, "events_size": 0, "log_size": 0}']
)
def test_anything_else_is_no_status(said):
    with pytest.raises(Unavailable, match="something else than a status"):
        DockerRuntime(Echo(said), Containers(IMAGE, TRAINER)).status("j", "/w/runs/1")


def test_there_are_two_decisions_and_no_more():
    with pytest.raises(ValueError, match="push or cancel"):
        DockerRuntime(Echo(), Containers(IMAGE, TRAINER)).decide("/w/runs/1", "maybe")


def test_a_location_without_an_image_is_refused_in_words():
    location = LocationSettings(shared=True, power="always-on", runtime="docker")
    settings = Settings.model_construct(stationmaster_image=None)
    with pytest.raises(SettingsError, match=r"STATIONMASTER_IMAGE.*Dockerfile\.train"):
        RUNTIMES["docker"](location, settings, Echo())


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
@pytest.mark.parametrize("shell", ["sh", "dash", "bash"])
def test_the_scripts_are_plain_shell(shell, script):
    if not shutil.which(shell):
        shell = "sh"
    subprocess.run([shell, "-n", str(script)], check=True)
