"""Which remote a project's data is on, as its committed .dvc/config says, and the configuration that only we add."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from trainer.failure import StepError

_SECTION = re.compile(r"""^\s*'?\s*remote\s*"(?P<name>.*)"\s*'?\s*$""")
_RUNS_A_COMMAND = ("credentialpath", "configpath", "bearer_token_command", "ask_password")
"""Options that let a committed file choose a program or a credential: not with our credentials in this process."""


@dataclass(frozen=True)
class Remote:
    """One DVC remote. `url` is absolute for a folder; `options` are DVC's own names, all lower case."""

    name: str
    url: str
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def scheme(self) -> str:
        """`s3`, `gs`, `ssh` ..., or empty for a folder."""
        return self.url.split("://", 1)[0] if "://" in self.url else ""


def find(config: bytes, wanted: str | None, dvc_dir: Path) -> Remote:
    """The remote named `wanted`, or the project's default one.

    `dvc_dir` is the .dvc folder of the workspace: a relative address counts from there.

    Raises:
        StepError: there is no such remote, or it is of a kind that cannot be proven object by object.
    """
    sections = _sections(config)
    name = wanted or sections.get("core", {}).get("remote")
    remotes = {found["name"]: values for key, values in sections.items() if (found := _SECTION.match(key))}
    if name is None:
        raise StepError(
            "pipeline",
            "The project has no default DVC remote. Run `dvc remote default <name>`, commit it, train again.",
        )
    if name not in remotes or "url" not in remotes[name]:
        raise StepError("pipeline", f"The project's .dvc/config has no remote {name!r} with an address.")
    options = dict(remotes[name])
    url = options.pop("url")
    return _checked(Remote(name, _absolute(url, dvc_dir), options))


def local_config(remote: Remote | None, wanted: str | None, *, cache: Path, site: Path) -> str:
    """The content of .dvc/config.local: where the caches are, and nothing that is secret."""
    lines = [
        "[core]",
        "    analytics = false",
        "    check_update = false",
        "    autostage = false",
        "    interactive = false",
    ]
    lines.append(f"    site_cache_dir = {site}")
    if wanted:
        lines.append(f"    remote = {wanted}")
    lines += ["[cache]", f"    dir = {cache}"]
    if remote is not None:
        lines += [f"['remote \"{remote.name}\"']", "    verify = true"]
    return "\n".join(lines) + "\n"


def _checked(remote: Remote) -> Remote:
    for option in ("version_aware", "worktree"):
        if remote.options.get(option, "false").lower() == "true":
            raise StepError(
                "pipeline",
                f"The remote {remote.name!r} is set to {option}: what is there cannot be proven by its checksum. "
                "Use a remote without it.",
            )
    for option in _RUNS_A_COMMAND:
        if option in remote.options:
            raise StepError(
                "pipeline", f"The remote {remote.name!r} sets {option} in .dvc/config, which is not allowed. Remove it."
            )
    if remote.scheme == "remote":
        raise StepError("pipeline", f"The remote {remote.name!r} points at another remote; name that one instead.")
    return remote


def _sections(config: bytes) -> dict[str, dict[str, str]]:
    from configobj import ConfigObj, ConfigObjError  # type: ignore[import-untyped] # noqa: PLC0415 - DVC's own parser

    try:
        parsed = ConfigObj(config.decode("utf-8").splitlines(), interpolation=False)
    except (ConfigObjError, UnicodeDecodeError) as error:
        raise StepError("pipeline", f"The project's .dvc/config cannot be read: {error}.") from error
    return {
        key: {str(option).lower(): str(value) for option, value in values.items()}
        for key, values in parsed.dict().items()
        if isinstance(values, dict)
    }


def _absolute(url: str, dvc_dir: Path) -> str:
    if "://" in url:
        return url.removeprefix("file://")
    return os.path.normpath(dvc_dir / Path(url).expanduser())
