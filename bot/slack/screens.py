"""The `Screens` door over slack_sdk's WebClient: modals and home tabs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from slack_sdk import WebClient

from bot.ports import View
from bot.slack.errors import translated
from bot.slack.spelling import PLAIN, Spelling


class SlackScreens:
    """One workspace. Safe from any thread."""

    def __init__(self, client: WebClient, spelling: Spelling = PLAIN) -> None:
        self._client, self._spelling = client, spelling

    def open(self, trigger: str, view: View) -> str:
        """See `Screens.open`."""
        return _id_of(self._call("views.open", trigger_id=trigger, view=self._spelling.blocks(view)))

    def push(self, trigger: str, view: View) -> str:
        """See `Screens.push`."""
        return _id_of(self._call("views.push", trigger_id=trigger, view=self._spelling.blocks(view)))

    def update(self, view_id: str, view: View) -> None:
        """See `Screens.update`."""
        self._call("views.update", view_id=view_id, view=self._spelling.blocks(view))

    def home(self, user: str, view: View) -> None:
        """See `Screens.home`."""
        self._call("views.publish", user_id=user, view=self._spelling.blocks(view))

    def _call(self, method: str, **arguments: Any) -> Mapping[str, Any]:
        with translated(method):
            return dict(self._client.api_call(method, json=arguments).data)  # type: ignore[arg-type]  # JSON, never bytes


def _id_of(answer: Mapping[str, Any]) -> str:
    return str((answer.get("view") or {}).get("id") or "")
