"""An instance that SSM reaches: the stand-in for AWS, with our own document, runs its commands on this machine."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Self

import pytest

from bot.clock import Clock, SystemClock
from bot.locations.ec2 import Ec2Power, ec2_client
from bot.locations.ssm import DOCUMENT, SsmShell, ssm_client
from bot.sandbox.aws import AwsSandbox

CONTENT = (Path(__file__).parents[2] / "deploy" / "ssm-document.json").read_text()
INSTANCE = "i-0a9ec87b6ae9cf87b"


class SsmWorld:
    """One running instance with an agent."""

    def __init__(self, folder: Path, clock: Clock | None = None) -> None:
        self.clock = clock or SystemClock()
        self.memory = folder / "run"
        self._patch = pytest.MonkeyPatch()
        self.aws = AwsSandbox(folder / "aws", clock=self.clock, start_seconds=0.0, stop_seconds=0.0)

    @property
    def environment(self) -> dict[str, str]:
        """What the agent has in its environment; its python3 is the one that made ours."""
        return {"STATIONMASTER_RUN_DIR": str(self.memory), "PATH": f"{sys.base_prefix}/bin:{os.defpath}"}

    def shell(self) -> SsmShell:
        return SsmShell(INSTANCE, self.client, clock=self.clock)

    def power(self) -> Ec2Power:
        return Ec2Power(INSTANCE, self._ec2)

    def __enter__(self) -> Self:
        self.aws.start()
        for name, value in self.aws.environment.items():
            self._patch.setenv(name, value)
        self.client = ssm_client(region=self.aws.region, endpoint_url=self.aws.url)
        self._ec2 = ec2_client(region=self.aws.region, endpoint_url=self.aws.url)
        self.aws.ensure_instance(INSTANCE, owner="alice@example.com")
        self.client.create_document(Name=DOCUMENT, Content=CONTENT, DocumentType="Command")
        self.aws.ensure_agent(INSTANCE, environment=self.environment)
        self.power().start()
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()
        self._ec2.close()
        self.aws.stop()
        self._patch.undo()
