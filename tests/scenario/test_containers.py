"""`/train` in containers over ssh and over SSM: the same thread and the same release as without containers.

Each run has stand-ins of its own, so that all of them are the first run of the same project.
"""

import base64
import json
import re
import tomllib
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.scenario.container_machines import as_toml, here, over_ssh, over_ssm
from tests.scenario.waiting import PATIENCE, until
from tests.scenario.world import CANARIES, MACHINES, Thread, TinyWorld
from tests.unit.test_on_premises import toml_of_the_guide

pytestmark = pytest.mark.timeout(900)  # the image may have to be built first
RACK = tomllib.loads(toml_of_the_guide())["locations"]["rack-1"]
"""Of the guide; where the machine is and what it is called is another matter here."""
INSTANCE = {"owner": "alice@example.com", "power": "ec2", "instance": MACHINES["alice"]}
WAYS = {"ssh": (RACK, over_ssh), "ssm": (INSTANCE, over_ssm)}
VARYING = (
    (r"127\.0\.0\.1:\d+", "HOST"),
    (r"\b(\d+ min )?\d+(\.\d+)? s\b", "SECONDS"),
    (r"Took SECONDS: .*", "Took SECONDS."),
    (r"(?m)^(less than )?\$[\d.]+\n", ""),
    (r"\b([0-9a-f]{40}|[0-9a-f]{10}|[0-9a-f]{8})\b", "COMMIT"),
)
"""What is never the same twice: ports, times and what they cost, and the names of commits, which hold the time."""


def alike(text):
    for what, name in VARYING:
        text = re.sub(what, name, text)
    return text


@dataclass(frozen=True)
class Trained:
    """A world after its first run, whose bot still runs."""

    world: TinyWorld
    run: Thread
    workdir: Path

    @property
    def said(self):
        """Line by line: what happens at the same moment shares a message."""
        return alike("\n".join((self.run.headline, *self.run.lines))).splitlines()

    @property
    def released(self):
        """All that others get of it."""
        release = self.world.releases()["v1.0.0"]
        return {
            "description": alike(release["description"]),
            "links": [(link["name"], alike(link["url"])) for link in release["assets"]["links"]],
            "train.dvc": alike(self.world.public(self.world.public_link("v1.0.0"))[1]),
            "dvc.lock": self.world.show("v1.0.0", "dvc.lock"),
            "metrics.json": self.world.show("v1.0.0", "metrics.json"),
            "log": self.world.log("main"),
            "trailers": sorted(name for name, _ in self.world.commit_of("v1.0.0").trailers),
        }


@contextmanager
def trained(engine, home, table, machine):
    with TinyWorld(home / "world", inside=True) as world, machine(engine, home, world) as reached:
        settings = home / "settings.toml"
        settings.write_text(as_toml("mine", {**table, **reached}))
        machines = {"TRAIN_INSTANCE_FOR_USER": "{}", "STATIONMASTER_CONFIG": str(settings), "IDLE_MINUTES": "0.02"}
        with world.serving(**machines):
            assert world.types("alice", "/train main v1.0.0") == ""
            yield Trained(world, world.until_over("v1.0.0", 5 * PATIENCE), Path(reached["workdir"]))


@pytest.fixture(scope="module", params=WAYS)
def way(request):
    return request.param


@pytest.fixture(scope="module")
def contained(engine, way, tmp_path_factory):
    """The run in containers."""
    with trained(engine, tmp_path_factory.mktemp(way), *WAYS[way]) as done:
        yield done


@pytest.fixture(scope="module")
def plain(engine, way, tmp_path_factory):
    """The same with the `process` runtime of this machine."""
    with trained(engine, tmp_path_factory.mktemp("plain"), WAYS[way][0], here) as done:
        yield done


def test_the_thread_says_what_it_says_without_containers(contained, plain):
    assert contained.said == plain.said
    assert contained.run.terminal[0].pings == ("U0000ALICE",)


def test_the_release_is_the_one_that_is_made_without_containers(contained, plain):
    assert contained.released == plain.released
    assert "out/model.onnx" in contained.released["dvc.lock"]


def test_no_container_is_left_and_the_machine_is_warm_for_the_next_run(engine, contained):
    (run,) = contained.workdir.glob("runs/1-*")
    assert not [name for name in engine.running() if run.name in name]
    (repo,) = contained.workdir.glob("team-tiny-*/repo")
    assert (repo / "model.txt").read_text() == "1 aaa\nbbb\n"
    assert list((contained.workdir / "dvc-cache").rglob("*"))


def test_no_secret_is_left_at_the_machine(contained):
    kept = [path for path in contained.workdir.rglob("*") if path.is_file()]
    assert kept
    for path in kept:
        assert not [secret for secret in CANARIES.values() if secret.encode() in path.read_bytes()], path


@pytest.mark.parametrize("way", ["ssh"], indirect=True)
def test_a_machine_that_is_always_on_needs_neither_ec2_nor_ssm(contained):
    assert contained.world.aws.asked("ec2") == contained.world.aws.asked("ssm") == 0
    assert contained.world.aws.asked("s3") > 0


@pytest.mark.parametrize("way", ["ssm"], indirect=True)
def test_ssm_keeps_nothing_of_a_secret_and_the_instance_is_stopped_afterwards(contained):
    until(lambda: contained.world.power() == "stopped", "the machine is off", 60)
    assert contained.world.starts() == 1
    sent = b"\n".join(_sent(contained.world.aws.ssm.commands()))
    assert b"docker.sh" in sent
    assert not [secret for secret in CANARIES.values() if secret.encode() in sent]


def _sent(commands):
    """All that SSM could read, unpacked: the parameters of its commands, and what they answered."""
    for command in commands:
        answer = json.loads(command["StandardOutputContent"] or "{}")
        words = [word for words in command["Parameters"].values() for word in words]
        for word in (*words, *map(str, answer.values())):
            yield _unpacked(word)


def _unpacked(word):
    try:
        raw = base64.b64decode(word, validate=True)
    except ValueError:
        return word.encode()
    try:
        return zlib.decompress(raw)
    except zlib.error:
        return raw
