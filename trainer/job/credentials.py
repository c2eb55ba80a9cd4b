"""The credentials of one step: read from a file once, and gone from the disk.

    {"git": {"username": "oauth2", "token": "..."}, "env": {"AWS_ACCESS_KEY_ID": "...", "AWS_ENDPOINT_URL": "..."}}

`env` is for the libraries that look there (botocore and others); it is put into this process alone, after its start,
so that /proc shows none of it. repro has no such file.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from trainer import durable


@dataclass(frozen=True)
class Secrets:
    """What prepare and publish may use. Nothing of it is ever printed."""

    username: str = "oauth2"
    token: str = field(default="", repr=False)
    env: Mapping[str, str] = field(default_factory=dict, repr=False)

    def git_config(self, url: str) -> dict[str, str]:
        """Configuration that lets git log in at `url`'s server, and at no other; it travels in git's environment."""
        parts = urlsplit(url)
        if not self.token or parts.scheme not in ("http", "https"):
            return {}
        basic = base64.b64encode(f"{self.username}:{self.token}".encode()).decode()
        return {f"http.{parts.scheme}://{parts.netloc}/.extraHeader": f"Authorization: Basic {basic}"}


def take(folder: Path) -> Secrets:
    """Read the job's secrets and unlink them at once; put `env` into this process."""
    path = folder / "secrets.json"
    record = durable.read_json(path) or {}
    path.unlink(missing_ok=True)
    git = record.get("git") or {}
    env = {str(key): str(value) for key, value in (record.get("env") or {}).items() if value is not None}
    os.environ.update(env)
    return Secrets(username=str(git.get("username") or "oauth2"), token=str(git.get("token") or ""), env=env)
