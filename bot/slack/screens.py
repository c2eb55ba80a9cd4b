"""The `Screens` door over slack_sdk's WebClient: modals and home tabs."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from slack_sdk import WebClient, WebhookClient

from bot.errors import NotFound
from bot.ports import Message, View
from bot.slack.chat import TIMEOUT
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

    def replace(self, address: str, message: Message) -> None:
        """See `Screens.replace`."""
        with translated("a response"):
            answer = WebhookClient(address, timeout=TIMEOUT, retry_handlers=[]).send(
                text=self._spelling.text(message.text),
                blocks=self._spelling.blocks([dict(block) for block in message.blocks]),
                replace_original=True,
            )
        if answer.status_code != HTTPStatus.OK:
            raise NotFound(f"Slack did not take a response: {answer.body[:200]}")

    def _call(self, method: str, **arguments: Any) -> Mapping[str, Any]:
        with translated(method):
            return dict(self._client.api_call(method, json=arguments).data)  # type: ignore[arg-type]  # JSON, never bytes


def _id_of(answer: Mapping[str, Any]) -> str:
    return str((answer.get("view") or {}).get("id") or "")
