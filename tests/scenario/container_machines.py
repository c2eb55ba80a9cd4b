"""Machines that a person would train on: what their tables in the settings say, while they are there.

Those that train in containers have the tests' container engine.
"""

import getpass
import json
import shutil
from contextlib import contextmanager

from bot.locations.ssm import DOCUMENT
from tests.contract.sshd_world import SshdWorld
from tests.contract.ssm_world import CONTENT
from tests.scenario.world import MACHINES

ENGINE_SOCKET = "/var/run/docker.sock"


@contextmanager
def here(_engine, folder, _world):
    """This machine as it is, without containers."""
    yield {"shell": "local", "runtime": "process", "workdir": str(folder / "here")}


@contextmanager
def over_ssh(engine, folder, _world):
    """This machine behind a real sshd."""
    with SshdWorld(folder / "sshd", environment=engine.environment) as sshd:
        reached = {"shell": "ssh", "host": sshd.alias, "user": getpass.getuser(), "ssh_config": str(sshd.config)}
        yield {**reached, "runtime": "docker", "image": engine.trainer_image(), "workdir": str(folder / "rack")}


@contextmanager
def over_ssm(engine, folder, world):
    """An instance that is a container with nothing but Debian, the docker client and the engine's socket."""
    workdir = folder / "instance"
    workdir.mkdir()
    seen = {
        str(workdir): str(workdir),
        engine.host.removeprefix("unix://"): ENGINE_SOCKET,
        shutil.which("docker"): "/usr/local/bin/docker:ro",
    }
    volumes = [word for outside, inside in seen.items() for word in ("--volume", f"{outside}:{inside}")]
    words = ("--detach", "--init", "--network", "host", *volumes, engine.base(), "sleep", "infinity")
    instance = engine.docker("run", *words).stdout.strip()
    try:
        world.aws.ssm.keep_document(DOCUMENT, CONTENT)
        agent = ("docker", "exec", "-i", instance)
        world.aws.ensure_agent(MACHINES["alice"], via=agent, environment=engine.environment)
        yield {"shell": "ssm", "runtime": "docker", "image": engine.trainer_image(), "workdir": str(workdir)}
    finally:
        engine.docker("rm", "--force", instance)


def as_toml(name, table):
    """One `[locations.<name>]` table."""
    lines = [f"{key} = {json.dumps(value)}" for key, value in table.items()]
    return "\n".join([f"[locations.{name}]", *lines, ""])
