"""Name -> location: which power, shell and runtime each word of the settings stands for. An explicit table.

A new kind is one file beside this one, one line here, and a place in the contract suite (tests/contract).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from bot.locations.ec2 import Ec2Power, ec2_client
from bot.locations.machine import Machine
from bot.locations.power import AlwaysOn, Power
from bot.locations.process import ProcessRuntime, Runtime
from bot.locations.shell import LocalShell, Shell
from bot.settings import LocationSettings, Settings, python_of

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

SHELLS: dict[str, Callable[[LocationSettings], Shell]] = {
    "local": lambda _location: LocalShell(),
}
RUNTIMES: dict[str, Callable[[LocationSettings, Shell], Runtime]] = {
    "process": lambda location, shell: ProcessRuntime(shell, python_of(location)),
}


class Powers:
    """Makes powers; every EC2 machine shares one client, made when the first one needs it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client: EC2Client | None = None

    def make(self, location: LocationSettings) -> Power:
        """The power that the location's settings name."""
        if location.power == "always-on":
            return AlwaysOn()
        if self._client is None:
            self._client = ec2_client(region=self._settings.aws_region, endpoint_url=self._settings.aws_endpoint_url)
        return Ec2Power(str(location.instance), self._client)


def machine(name: str, location: LocationSettings, settings: Settings, powers: Powers) -> Machine:
    """The machine that a location's settings describe."""
    shell = SHELLS[location.shell or settings.stationmaster_shell](location)
    runtime = RUNTIMES[location.runtime or settings.stationmaster_runtime](location, shell)
    workdir = location.workdir or str(Path(settings.stationmaster_home).resolve() / "locations" / name)
    return Machine(name=name, workdir=workdir, power_supply=powers.make(location), shell=shell, runtime=runtime)
