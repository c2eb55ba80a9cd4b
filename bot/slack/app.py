"""The front door: Slack's commands, buttons and modals, over Bolt in Socket Mode.

Bolt runs a listener (bot/slack/listeners.py) in the thread that received the envelope (`process_before_response`): its
own pool of five would let the sixth command wait, and it looks for an acknowledgement from there only every 10 ms.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from slack_bolt import App, BoltRequest
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.socket_mode.request import SocketModeRequest

from bot.errors import DoorError, SettingsError, Unauthorised
from bot.slack.chat import web_client
from bot.slack.errors import translated
from bot.slack.listeners import Listeners
from bot.slack.socket import Socket
from commands.desk import Desk

log = logging.getLogger(__name__)

OPEN_SECONDS = 10.0
"""How long `start` waits for the socket; after that it goes on connecting by itself."""
SIGN_OF_LIFE = 60.0
"""Seconds between two auth.test calls: they keep Slack from falling silent after a reconnect (bolt-python#1529)."""


class SlackFront:
    """Takes commands from `start` to `stop`. Nothing is called before `start`."""

    def __init__(self, desk: Desk, *, bot_token: str, app_token: str, api_url: str) -> None:
        self._desk = desk
        self._client = web_client(bot_token, api_url)
        self._bot_token = bot_token
        self._identity: Mapping[str, Any] = {}
        self._app = self._make_app()
        self._socket = Socket(web_client(app_token, api_url), app_token, self._answer, desk.clock)
        self._stopping = threading.Event()
        self._pulse = threading.Thread(target=self._keep_alive, name="slack-pulse", daemon=True)

    def start(self) -> None:
        """Connect. Raises `SettingsError` for a token that Slack refuses; an outage is waited out in the background."""
        try:
            self._who_am_i()
        except Unauthorised as error:
            raise SettingsError(f"Slack refuses SLACK_BOT_TOKEN (xoxb-...): {error}") from error
        except DoorError as error:
            log.warning("Slack does not answer yet: %s", error)
        self._socket.start()
        self._pulse.start()
        opened = self._socket.wait_until_open(OPEN_SECONDS)
        if self._socket.refusal is not None:
            raise SettingsError(f"Slack refuses SLACK_APP_TOKEN (xapp-...): {self._socket.refusal}")
        if not opened:
            log.warning("not connected to Slack yet: going on without, and trying again")

    def stop(self) -> None:
        """Take no more commands; what was being answered is answered first."""
        self._stopping.set()
        self._socket.stop()
        if self._pulse.is_alive():
            self._pulse.join(timeout=15)

    @property
    def connected(self) -> bool:
        """Whether commands can arrive now."""
        return self._socket.connected

    def _make_app(self) -> App:
        logger = log.getChild("bolt")
        logger.setLevel(logging.ERROR)  # Bolt warns of SLACK_BOT_TOKEN in the environment, which is ours
        app = App(
            name="stationmaster",
            logger=logger,
            client=web_client("", self._client.base_url),
            authorize=lambda: self._authorize(),  # noqa: PLW0108 - Bolt would ask a method for its `self`
            process_before_response=True,
            request_verification_enabled=False,  # Socket Mode has no signatures: the token opened the connection
            ssl_check_enabled=False,
            url_verification_enabled=False,
            attaching_function_token_enabled=False,
            ignoring_self_events_enabled=False,
        )
        Listeners(self._desk, lambda: str(self._identity.get("url") or "")).register(app)
        logger.setLevel(logging.WARNING)
        return app

    def _authorize(self) -> AuthorizeResult:
        """Who we are, as auth.test said once; no call here."""
        known = self._identity
        return AuthorizeResult(
            enterprise_id=known.get("enterprise_id"),
            team_id=known.get("team_id"),
            url=known.get("url"),
            bot_user_id=known.get("user_id"),
            bot_id=known.get("bot_id"),
            bot_token=self._bot_token,
        )

    def _answer(self, request: SocketModeRequest, arrived: float) -> Mapping[str, Any] | None:
        """One envelope through Bolt, to the payload of its acknowledgement."""
        answer = self._app.dispatch(
            BoltRequest(
                mode="socket_mode", body=request.payload, context={"arrived": arrived, "envelope": request.envelope_id}
            )
        )
        if answer.status != HTTPStatus.OK:
            return {} if request.type not in ("slash_commands", "interactive") else None
        if not answer.body:
            return {}
        kind = answer.headers.get("content-type", [""])[0]
        return dict(json.loads(answer.body)) if kind.startswith("application/json") else {"text": answer.body}

    def _who_am_i(self) -> None:
        with translated("auth.test"):
            self._identity = dict(self._client.auth_test().data)  # type: ignore[arg-type]  # JSON, never bytes

    def _keep_alive(self) -> None:
        while not self._stopping.wait(SIGN_OF_LIFE):
            try:
                self._who_am_i()
            except DoorError as error:
                log.warning("no sign of life from Slack: %s", error)
