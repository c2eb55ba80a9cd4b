"""What each step may log in with: reading for `prepare`, writing for `publish`, nothing for the team's code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import SecretStr

from bot.settings import Settings, all_locations

OWN_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
"""The bot's own AWS identity, which may turn machines on and off: more than any step needs."""
WHERE = ("AWS_ENDPOINT_URL", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_EC2_METADATA_DISABLED")
"""Which AWS a step talks to; no secrets."""


def step_secrets(settings: Settings, environment: Mapping[str, str]) -> Callable[[str, str], Mapping[str, Any]]:
    """Step and location -> its credentials, as `Job.secrets` takes them; empty for a step that gets none.

    AWS keys are those of the settings for the step. Without them a machine that is reached through SSM logs in as its
    own role, which it has, else SSM would not reach it; any other gets the bot's own keys, where the bot has some.
    """
    shells = {name: place.shell or settings.stationmaster_shell for name, place in all_locations(settings).items()}
    where = {name: value for name in WHERE if (value := environment.get(name))}
    own = {name: value for name in OWN_KEYS if (value := environment.get(name))}
    tokens = {
        "prepare": settings.gitlab_read_token or settings.gitlab_token,
        "publish": settings.gitlab_write_token or settings.gitlab_token,
    }
    keys = {
        "prepare": _keys(settings.aws_read_access_key_id, settings.aws_read_secret_access_key),
        "publish": _keys(settings.aws_write_access_key_id, settings.aws_write_secret_access_key),
    }

    def of(step: str, location: str) -> Mapping[str, Any]:
        token = tokens.get(step)
        if token is None:
            return {}
        identity = keys[step] or ({} if shells.get(location) == "ssm" else own)
        git = {"username": "stationmaster", "token": token.get_secret_value()}
        return {"git": git, "env": {**where, **identity}}

    return of


def _keys(key: str | None, secret: SecretStr | None) -> dict[str, str]:
    if key is None or secret is None:
        return {}
    return {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret.get_secret_value()}
