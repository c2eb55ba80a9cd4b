"""One `[projects.<name>]` table of the TOML file: another DVC project beside that of the top-level settings."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, StringConstraints

from bot.runs.names import registry_host

REGISTRY = r"^[a-z0-9][A-Za-z0-9.-]*(?::[0-9]+)?(?:/[a-z0-9][a-z0-9._/-]*[a-z0-9])?$"
"""A registry's host, with a port or a group where it has one."""


def _has_a_host(value: str) -> str:
    if not registry_host(f"{value}/"):
        raise ValueError('it needs a host, e.g. "registry.example.com/group" or "docker.io/team"')
    return value


Registry = Annotated[str, StringConstraints(pattern=REGISTRY), AfterValidator(_has_a_host)]
Channel = Annotated[str, StringConstraints(pattern=r"^[CG][A-Z0-9]{2,}$")]
"""A channel's id, as its details in Slack show it."""


class ProjectSettings(BaseModel):
    """What is left out is as in the top-level settings, but for what only makes sense for one project.

    That is `dvc_remote` and `release_outs`; with a `gitlab_token` of its own the two other tokens; and with a
    `public_bucket` of its own its prefix and address.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    gitlab_project: str
    channels: tuple[Channel, ...] = Field(min_length=1)
    """Ids of the channels whose commands are about this project."""
    gitlab_token: SecretStr | None = None
    gitlab_read_token: SecretStr | None = None
    gitlab_write_token: SecretStr | None = None
    public_bucket: str | None = None
    public_prefix: str | None = None
    public_base_url: str | None = None
    dvc_remote: str | None = None
    release_outs: tuple[str, ...] = ()
    image_registry: Registry | None = None
