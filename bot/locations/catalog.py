"""Name -> location: which power, shell and runtime each word of the settings stands for. An explicit table.

A new kind is one file beside this one, one line here, and a place in the contract suite (tests/contract).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.errors import SettingsError
from bot.location_settings import LocationSettings
from bot.locations.deadman import DeadMan
from bot.locations.docker import Containers, DockerRuntime
from bot.locations.ec2 import Ec2Power, ec2_client
from bot.locations.ecr import ecr_client, ecr_login, is_ecr
from bot.locations.machine import Machine
from bot.locations.power import AlwaysOn, Power
from bot.locations.process import ProcessRuntime, Runtime
from bot.locations.registry import Login, Logins, for_host
from bot.locations.shell import LocalShell, Shell
from bot.locations.ssh import SshShell
from bot.locations.ssm import SsmShell, ssm_client
from bot.runs.names import registry_host
from bot.settings import REMOTE_WORKDIR, Settings, python_of

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

SHELLS: dict[str, Callable[[LocationSettings, Settings], Shell]] = {
    "local": lambda _location, _settings: LocalShell(),
    "ssh": lambda location, _settings: _ssh(location),
    "ssm": lambda location, settings: SsmShell(_instance(location), _ssm(settings), user=location.user),
}
RUNTIMES: dict[str, Callable[[LocationSettings, Settings, Shell], Runtime]] = {
    "process": lambda location, _settings, shell: ProcessRuntime(shell, python_of(location)),
    "docker": lambda location, settings, shell: DockerRuntime(
        shell, _containers(location, settings), registry_logins(settings)
    ),
}


class Powers:
    """Makes powers; every EC2 machine shares one client, made when the first one needs it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client: EC2Client | None = None

    def make(self, location: LocationSettings) -> Power:
        """The power that the location's settings name."""
        return POWERS[location.power](location, self)

    def client(self) -> EC2Client:
        """The one client, also for others: each would hold EC2's whole description, some 20 MB."""
        if self._client is None:
            self._client = ec2_client(region=self._settings.aws_region, endpoint_url=self._settings.aws_endpoint_url)
        return self._client


POWERS: dict[str, Callable[[LocationSettings, Powers], Power]] = {
    "always-on": lambda _location, _powers: AlwaysOn(),
    "ec2": lambda location, powers: Ec2Power(str(location.instance), powers.client()),
}


def machine(name: str, location: LocationSettings, settings: Settings, powers: Powers) -> Machine:
    """The machine that a location's settings describe."""
    location = location.model_copy(update={"shell": location.shell or settings.stationmaster_shell})
    shell = SHELLS[str(location.shell)](location, settings)
    runtime = RUNTIMES[location.runtime or settings.stationmaster_runtime](location, settings, shell)
    here = str(Path(settings.stationmaster_home).resolve() / "locations" / name)
    workdir = location.workdir or (here if location.shell == "local" else REMOTE_WORKDIR)
    # What would be switched off behind the `local` shell is the bot's own machine; and behind a stand-in for AWS, whose
    # "instances" are processes, the machine that the stand-in runs on.
    own = location.shell == "local" or settings.aws_endpoint_url is not None
    timer = None if own else DeadMan(shell, workdir)
    power = powers.make(location)
    return Machine(name=name, workdir=workdir, power_supply=power, shell=shell, runtime=runtime, timer=timer)


def _ssh(location: LocationSettings) -> Shell:
    if location.host is None:
        raise SettingsError('A location that is reached by ssh needs a host in its table, e.g. host = "rack-1".')
    return SshShell(location.host, user=location.user, port=location.port, config=location.ssh_config)


def _instance(location: LocationSettings) -> str:
    if location.instance is None:
        raise SettingsError(
            'A location that is reached by ssm needs an instance in its table, e.g. instance = "i-0123456789abcdef0".'
        )
    return location.instance


def _ssm(settings: Settings) -> Any:
    return _shared_ssm_client(region=settings.aws_region, endpoint_url=settings.aws_endpoint_url)


_shared_ssm_client = cache(ssm_client)
"""One for all machines, as for their power."""


def registry_logins(settings: Settings) -> Logins:
    """The login of IMAGE_REGISTRY, for what is pulled from and pushed to it."""
    host = registry_host(f"{settings.image_registry or ''}/")
    if is_ecr(host):
        ecr = _shared_ecr_client(host, endpoint_url=settings.aws_endpoint_url)
        return for_host(host, lambda: ecr_login(host, ecr))
    if not host or settings.registry_user is None or settings.registry_password is None:
        return lambda _image: None
    login = Login(host, settings.registry_user, settings.registry_password.get_secret_value())
    return for_host(host, lambda: login)


_shared_ecr_client = cache(ecr_client)


def _containers(location: LocationSettings, settings: Settings) -> Containers:
    image = location.image or settings.stationmaster_image
    if image is None:
        raise SettingsError(
            'A location whose runtime is docker needs an image: image = "registry.example.com/fruits:train" in its '
            "table, or STATIONMASTER_IMAGE for all of them. Dockerfile.train makes one."
        )
    return Containers(
        image=image,
        trainer_image=location.trainer_image or image,
        gpus=location.gpus,
        memory=location.memory,
        pids=location.pids,
        shm=location.shm,
        network=location.network,
        user=location.container_user,
    )
