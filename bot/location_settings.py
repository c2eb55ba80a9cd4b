"""One `[locations.<name>]` table of the TOML file: a machine that trains, and what holds for it."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

IMAGE = r"^[a-z0-9][A-Za-z0-9._:/@-]*$"
"""An image's name: no option, no space. Docker itself says what else is wrong with one."""


class LocationSettings(BaseModel):
    """One `[locations.<name>]` table: a machine is power x shell x runtime (contracts.md, "A location")."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    owner: str | None = None
    """E-mail of the person whose machine it is; none for a shared one."""
    shared: bool = False
    pool: str | None = Field(default=None, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    """The pool whose machines people share one line for: the first that is free takes the next run."""
    power: Literal["ec2", "always-on"] = "ec2"
    shell: Literal["local", "ssh", "ssm"] | None = None
    runtime: Literal["process", "docker"] | None = None
    instance: str | None = None
    host: str | None = Field(default=None, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]*$")
    """What ssh connects to: a name, an address, or an alias of ~/.ssh/config."""
    user: str | None = Field(default=None, pattern=r"^[A-Za-z_][A-Za-z0-9._-]*$")
    """Who runs the commands there; ssh's own choice without it, and root over ssm."""
    port: int | None = Field(default=None, ge=1, le=65535)
    ssh_config: str | None = None
    """A file that ssh reads instead of ~/.ssh/config."""
    workdir: str | None = None
    python: str | None = None
    image: str | None = Field(default=None, pattern=IMAGE)
    """What the `docker` runtime runs, best by digest (`registry/name@sha256:...`)."""
    trainer_image: str | None = Field(default=None, pattern=IMAGE)
    """What runs the steps that hold credentials; `image` without it."""
    gpus: str | None = Field(default=None, pattern=r"^(?:all|[0-9]+|device=[0-9A-Za-z,-]+)$")
    memory: str | None = Field(default=None, pattern=r"^[1-9][0-9]*[bkmg]$")
    shm: str = Field(default="1g", pattern=r"^[1-9][0-9]*[bkmg]$")
    pids: int = Field(default=4096, ge=64)
    network: Literal["bridge", "none"] = "bridge"
    container_user: str | None = Field(default=None, pattern=r"^[0-9]+:[0-9]+$")
    price_per_hour: float | None = Field(default=None, ge=0)
    max_hours: float = Field(default=72.0, gt=0)
    max_cost: float | None = Field(default=None, gt=0)
    """US dollars that one run may cost here; as MAX_RUN_COST says without it."""
    smoke: bool = False
    """Whether pushes to watched branches are tested there."""
    idle_minutes: float | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _whole(self) -> LocationSettings:
        if self.power == "ec2" and not self.instance:
            raise ValueError('power = "ec2" needs an instance, e.g. instance = "i-0123456789abcdef0"')
        if self.shell == "ssh" and not self.host:
            raise ValueError('shell = "ssh" needs a host, e.g. host = "rack-1.example.com"')
        if self.shell == "ssm" and not self.instance:
            raise ValueError('shell = "ssm" needs an instance, e.g. instance = "i-0123456789abcdef0"')
        if not self.shared and not self.owner:
            raise ValueError("it needs an owner (an e-mail address), or shared = true")
        if self.pool and not self.shared:
            raise ValueError(
                f'a pool\'s machines are for everybody: add shared = true, or leave out pool = "{self.pool}"'
            )
        return self
