"""Every setting, from the environment and one optional TOML file (named by STATIONMASTER_CONFIG), frozen.

Secrets never print. The environment wins over the file. A name in the file is the lower-case name here; each setting
is described in docs/OPERATIONS.md (a test fails when one is missing there).
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from bot.errors import SettingsError
from bot.instance_map import instance_map
from bot.location_settings import IMAGE, LocationSettings
from bot.project_settings import ProjectSettings, Registry
from bot.slack.spelling import PREFIX

BUILD_ARGUMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=.*")
HTTP_PORT = 8080
"""Where HTTP mode listens unless HTTP_PORT says otherwise."""
NOT_SET = PydanticCustomError("missing", "is not set")
REMOTE_WORKDIR = "/srv/stationmaster"
"""Where a machine that is not the bot's own keeps things, and has its virtual environment, unless its table says."""


class Settings(BaseSettings):
    """What `stationmaster serve` is told. Names in the environment are these in upper case."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    slack_bot_token: SecretStr
    slack_mode: Literal["socket", "http"] | None = None
    """How Slack reaches the bot; see `Settings.mode` for what holds without it."""
    slack_signing_secret: SecretStr | None = Field(default=None, validate_default=True)
    """What Slack signs its requests with (HTTP mode)."""
    slack_app_token: SecretStr | None = Field(default=None, validate_default=True)
    """Opens the socket (Socket Mode)."""
    http_port: int | None = Field(default=None, ge=0, le=65535)
    """For `/healthz` and `/metrics`, and in HTTP mode for Slack; see `Settings.port`. 0 is any free one."""
    http_host: str = "127.0.0.1"
    slack_api_url: str = "https://slack.com/api/"
    command_prefix: str = Field(default="", pattern=PREFIX)
    """Before the name of every slash command, for workspaces where another app has one of them: `sm-`."""
    slack_fallback_channel: str | None = None
    """Where a run is told of whose thread is gone; its person gets a direct message when there is none."""
    slack_admins: Annotated[tuple[str, ...], NoDecode] = ()
    """Slack user ids that may cancel other people's runs, and use and switch other people's machines."""
    release_approvers: Annotated[tuple[str, ...], NoDecode] = ()
    """Slack user ids that may release a model which its gates held back; the admins where there are none."""

    gitlab_url: str = "https://gitlab.com"
    gitlab_project: str
    gitlab_token: SecretStr
    """Reads branches and tags and makes releases (scope `api`)."""
    gitlab_read_token: SecretStr | None = None
    """Given to `prepare` (scope `read_repository`); the API token where there is none."""
    gitlab_write_token: SecretStr | None = None
    """Given to `publish` (scope `write_repository`); the API token where there is none."""

    aws_read_access_key_id: str | None = None
    aws_read_secret_access_key: SecretStr | None = None
    """Given to `prepare`: they read the DVC remote, and need no more."""
    aws_write_access_key_id: str | None = None
    aws_write_secret_access_key: SecretStr | None = None
    """Given to `publish`: they read and write the DVC remote."""
    aws_endpoint_url: str | None = None
    aws_ec2_metadata_service_endpoint: str | None = None
    """Where instances hear that the cloud takes them back, instead of EC2's own address."""
    aws_region: str = "eu-central-1"
    public_bucket: str
    public_prefix: str = ""
    public_base_url: str | None = None

    train_instance_for_user: Annotated[dict[str, str], NoDecode] = {}
    """E-mail -> EC2 instance id, as JSON text or as the path of a file that holds it."""
    locations: dict[str, LocationSettings] = {}
    projects: dict[str, ProjectSettings] = {}
    """Projects beside `gitlab_project`, each with the channels that are about it."""

    dvc_remote: str | None = None
    release_outs: Annotated[tuple[str, ...], NoDecode] = ()
    """Paths of the outputs that `train.dvc` names; the pipeline's artifacts where there are none."""
    committer: str = "Stationmaster <stationmaster@localhost>"

    idle_minutes: float = Field(default=5.0, ge=0)
    deadman_minutes: float | None = Field(default=None, ge=0, validate_default=True)
    """A machine whose bot is gone powers itself off after so long without a job; 0 for never.

    Without it, 20 minutes, or a quarter of an hour more than the longest idle time.
    """
    start_minutes: float = Field(default=10.0, gt=0)
    help_contact: str = ""
    """Whom to ask for a machine, as people read it: a name, a channel or an address."""

    runs_per_day: int | None = Field(default=None, ge=1)
    """Runs that one person may start in any 24 hours."""
    runs_at_once: int | None = Field(default=None, ge=1)
    """Runs of one person that may have a machine or wait for one."""
    max_run_cost: float | None = Field(default=None, gt=0)
    """US dollars that one run may cost, where its location's table says nothing else."""

    image_registry: Registry | None = None
    """Where the branches' own images are pushed to; they stay at the machine that built them without it."""
    registry_user: str | None = None
    registry_password: SecretStr | None = None
    """For any registry but Amazon's, which gives a login to the bot's AWS identity."""
    image_build_args: Annotated[tuple[str, ...], NoDecode] = ()
    """`NAME=value` for every image, such as `BASE=...`."""

    commit_triggers: bool = False
    """Whether a pushed commit may ask for a run by its message."""
    watch_branches: Annotated[tuple[str, ...], NoDecode] = ()
    """Patterns (`main`, `release/*`) of branches of which each push is tested at the location with `smoke = true`."""
    gitlab_webhook_secret: SecretStr | None = None
    """What GitLab sends as `X-Gitlab-Token` when it tells of a push."""

    stationmaster_home: Path = Path("stationmaster-data")
    stationmaster_shell: Literal["local", "ssh", "ssm"] = "local"
    stationmaster_runtime: Literal["process", "docker"] = "process"
    stationmaster_image: str | None = Field(default=None, pattern=IMAGE)
    """The training image of locations that name none."""
    stationmaster_threads: int = Field(default=4, ge=1, le=64)

    @property
    def mode(self) -> Literal["socket", "http"]:
        """As `slack_mode` says; without it, HTTP mode where there is a signing secret and no app-level token."""
        return self.slack_mode or _mode(self.slack_signing_secret, self.slack_app_token)

    @property
    def port(self) -> int | None:
        """Where the bot listens, None for nowhere: in Socket Mode it need not."""
        return HTTP_PORT if self.http_port is None and self.mode == "http" else self.http_port

    @field_validator("slack_signing_secret")
    @classmethod
    def _signed(cls, secret: SecretStr | None, told: ValidationInfo) -> SecretStr | None:
        if secret is None and told.data.get("slack_mode") == "http":
            raise NOT_SET
        return secret

    @field_validator("slack_app_token")
    @classmethod
    def _opens_a_socket(cls, token: SecretStr | None, told: ValidationInfo) -> SecretStr | None:
        mode = told.data.get("slack_mode") or _mode(told.data.get("slack_signing_secret"), token)
        if token is None and mode == "socket":
            raise NOT_SET
        return token

    @field_validator("deadman_minutes")
    @classmethod
    def _after_the_idle_stop(cls, minutes: float | None, told: ValidationInfo) -> float:
        places = told.data.get("locations", {}).values()
        idle = max([told.data.get("idle_minutes", 0.0), *(place.idle_minutes or 0.0 for place in places)])
        if minutes is None:
            return max(20.0, float(idle) + 15.0)
        if 0 < minutes <= idle:
            raise ValueError(
                f"it must be more than IDLE_MINUTES, here {idle:g}: the bot stops an idle machine, and the machine "
                f"itself only when the bot is gone. {idle + 15:g} would do, and 0 turns it off"
            )
        return minutes

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - no .env file: one place less for secrets
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then the environment, then the file."""
        path = os.environ.get("STATIONMASTER_CONFIG")
        if not path:
            return init_settings, env_settings
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, toml_file=Path(path))

    @field_validator("image_build_args", mode="before")
    @classmethod
    def _build_arguments(cls, value: Any) -> Any:
        words = tuple(value.split()) if isinstance(value, str) else value
        for word in words:
            if not BUILD_ARGUMENT.fullmatch(str(word)):
                raise ValueError(f'"{word}" is no build argument like BASE=python:3.11-slim-bookworm')
        return words

    @model_validator(mode="after")
    def _whole_keys(self) -> Settings:
        for what in ("read", "write"):
            key, secret = f"aws_{what}_access_key_id", f"aws_{what}_secret_access_key"
            if (getattr(self, key) is None) != (getattr(self, secret) is None):
                raise ValueError(f"{key.upper()} and {secret.upper()} belong together: set both, or neither")
        return self

    @model_validator(mode="after")
    def _threads_of_commits(self) -> Settings:
        if (self.commit_triggers or self.watch_branches) and not self.slack_fallback_channel:
            raise ValueError("COMMIT_TRIGGERS and WATCH_BRANCHES need SLACK_FALLBACK_CHANNEL, for the runs' threads")
        if self.watch_branches and not any(place.smoke for place in self.locations.values()):
            raise ValueError("WATCH_BRANCHES needs a location with smoke = true, where pushes are tested")
        return self

    @model_validator(mode="after")
    def _registry_login(self) -> Settings:
        if (self.registry_user is None) != (self.registry_password is None):
            raise ValueError("REGISTRY_USER and REGISTRY_PASSWORD belong together: set both, or neither")
        return self

    @field_validator("slack_admins", "release_approvers", "release_outs", "watch_branches", mode="before")
    @classmethod
    def _words(cls, value: Any) -> Any:
        return tuple(value.replace(",", " ").split()) if isinstance(value, str) else value

    @field_validator("slack_api_url")
    @classmethod
    def _ends_with_slash(cls, value: str) -> str:
        return value if value.endswith("/") else value + "/"

    @field_validator("locations")
    @classmethod
    def _no_pool_is_a_location(cls, value: dict[str, LocationSettings]) -> dict[str, LocationSettings]:
        for name in sorted({location.pool for location in value.values() if location.pool} & set(value)):
            raise ValueError(f'"{name}" is a location and a pool: give one of them another name')
        return value

    @field_validator("projects")
    @classmethod
    def _each_is_one(cls, value: dict[str, ProjectSettings], told: ValidationInfo) -> dict[str, ProjectSettings]:
        paths = [str(told.data.get("gitlab_project")), *(each.gitlab_project for each in value.values())]
        channels = [channel for each in value.values() for channel in each.channels]
        for what, names in (("the project", paths), ("the channel", channels)):
            twice = next((name for name in names if names.count(name) > 1), None)
            if twice is not None:
                raise ValueError(
                    f"{what} {twice} is named twice: a channel belongs to one project, and each is once here"
                )
        return value

    @field_validator("train_instance_for_user", mode="before")
    @classmethod
    def _instances(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        text = value.strip()
        if text and not text.startswith("{"):
            try:
                text = Path(text).read_text(encoding="utf-8")
            except OSError as error:
                raise ValueError(f"there is no readable file {text} ({error.strerror})") from error
        return instance_map(text or "{}")


def _mode(secret: SecretStr | None, token: SecretStr | None) -> Literal["socket", "http"]:
    return "http" if secret is not None and token is None else "socket"


def load(**overrides: Any) -> Settings:
    """Read the settings, or say in one `SettingsError` everything that is wrong with them."""
    path = os.environ.get("STATIONMASTER_CONFIG")
    if path and not Path(path).is_file():
        raise SettingsError(f"STATIONMASTER_CONFIG names {path}, and there is no such file.")
    try:
        return Settings(**overrides)
    except ValidationError as error:
        raise SettingsError(_sentences(error)) from None
    except ValueError as error:
        raise SettingsError(f"{path}: {error}") from error


def _sentences(error: ValidationError) -> str:
    lines = ["Stationmaster cannot start with these settings:"]
    for problem in error.errors(include_input=False):
        name = ".".join(str(part) for part in problem["loc"])
        shown = name if name.startswith(("locations.", "projects.")) else name.upper()
        what = "is not set" if problem["type"] == "missing" else problem["msg"].removeprefix("Value error, ")
        lines.append(f"  {shown}: {what}" if problem["type"] != "missing" else f"  {shown} {what}")
    lines.append("docs/OPERATIONS.md describes every setting; `stationmaster demo` needs none of them.")
    return "\n".join(lines)


def all_locations(settings: Settings) -> Mapping[str, LocationSettings]:
    """The tables of the TOML file, and one for each person of TRAIN_INSTANCE_FOR_USER who has none there."""
    found = dict(settings.locations)
    owners = {location.owner for location in found.values()}
    pools = {location.pool for location in found.values()}
    for email, instance in settings.train_instance_for_user.items():
        if email in owners:
            continue
        short = email.split("@", maxsplit=1)[0]
        name = email if short in found or short in pools else short
        found[name] = LocationSettings(owner=email, instance=instance)
    return found


def all_projects(settings: Settings) -> Mapping[str, Settings]:
    """Each project's path -> the settings as they are for it; the top-level one first."""
    others = (_for_project(settings, project) for project in settings.projects.values())
    return {each.gitlab_project: each for each in (settings, *others)}


def _for_project(settings: Settings, project: ProjectSettings) -> Settings:
    own = {name: value for name, value in project if value is not None and name != "channels"}
    if project.gitlab_token is not None:
        own = {"gitlab_read_token": None, "gitlab_write_token": None} | own
    if project.public_bucket is not None:
        own = {"public_prefix": "", "public_base_url": None} | own
    return settings.model_copy(update={"dvc_remote": None} | own)


def line_of(name: str, location: LocationSettings) -> str:
    """The line that people wait in for that location: its pool's, or its own."""
    return location.pool or name


def max_cost_of(location: LocationSettings, settings: Settings) -> float | None:
    """What one run may cost there, in US dollars: as its table says, else as for all; None for any amount."""
    return settings.max_run_cost if location.max_cost is None else location.max_cost


def python_of(location: LocationSettings) -> str:
    """The interpreter that runs the trainer there; this one for the machine that the bot itself is on."""
    elsewhere = location.shell in ("ssh", "ssm")
    return location.python or (f"{REMOTE_WORKDIR}/venv/bin/python" if elsewhere else sys.executable)
