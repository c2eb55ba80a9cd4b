"""The front door: Slack's commands, buttons and modals, over Bolt, in Socket Mode or HTTP mode.

Bolt runs a listener (bot/slack/listeners.py) in the thread that took what came (`process_before_response`): its own
pool of five would let the sixth command wait, and it looks for an acknowledgement from there only every 10 ms.
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
from bot.slack.signed import SIGNATURE, TEXT, Answer, SignedRequests
from bot.slack.socket import Socket
from bot.slack.spelling import PLAIN, Spelling
from commands.desk import Desk

log = logging.getLogger(__name__)

OPEN_SECONDS = 10.0
"""How long `start` waits for the socket; after that it goes on connecting by itself."""
SIGN_OF_LIFE = 60.0
"""Seconds between two auth.test calls: they keep Slack from falling silent after a reconnect (bolt-python#1529)."""


class SlackFront:
    """Takes commands from `start` to `stop`. Nothing is called before `start`.

    With an `app_token` over a socket of its own; with a `signing_secret` in HTTP mode, where `requests` is to be given
    what is POSTed.
    """

    def __init__(
        self,
        desk: Desk,
        *,
        bot_token: str,
        api_url: str,
        app_token: str = "",
        signing_secret: str = "",
        spelling: Spelling = PLAIN,
    ) -> None:
        self._desk, self._spelling = desk, spelling
        self._client = web_client(bot_token, api_url)
        self._bot_token = bot_token
        self._identity: Mapping[str, Any] = {}
        self._seen_at: float | None = None
        self._app = self._make_app()
        self.requests = SignedRequests(signing_secret, self._answer_request, desk.clock) if signing_secret else None
        self._line = self.requests or Socket(web_client(app_token, api_url), app_token, self._answer, desk.clock)
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
        self._line.start()
        self._pulse.start()
        opened = self._line.wait_until_open(OPEN_SECONDS)
        if self._line.refusal is not None:
            raise SettingsError(f"Slack refuses SLACK_APP_TOKEN (xapp-...): {self._line.refusal}")
        if not opened:
            log.warning("not connected to Slack yet: going on without, and trying again")

    def stop(self) -> None:
        """Take no more commands; what was being answered is answered first."""
        self._stopping.set()
        self._line.stop()
        if self._pulse.is_alive():
            self._pulse.join(timeout=15)

    @property
    def connected(self) -> bool:
        """Whether commands can arrive now."""
        return self._line.connected

    @property
    def heard_at(self) -> float | None:
        """When Slack last gave a sign of life (epoch seconds), or None."""
        heard = [moment for moment in (self._seen_at, self._line.heard_at) if moment is not None]
        clock = self._desk.clock
        return clock.now() - (clock.monotonic() - max(heard)) if heard else None

    @property
    def refused(self) -> int:
        """Requests without Slack's signature that were refused."""
        return self.requests.refused if self.requests is not None else 0

    def _make_app(self) -> App:
        logger = log.getChild("bolt")
        logger.setLevel(logging.ERROR)  # Bolt warns of SLACK_BOT_TOKEN in the environment, which is ours
        app = App(
            name="stationmaster",
            logger=logger,
            client=web_client("", self._client.base_url),
            authorize=lambda: self._authorize(),  # noqa: PLW0108 - Bolt would ask a method for its `self`
            process_before_response=True,
            request_verification_enabled=False,  # done before: a socket was opened by our token, a request is signed
            ssl_check_enabled=True,
            url_verification_enabled=True,
            attaching_function_token_enabled=False,
            ignoring_self_events_enabled=False,
        )
        Listeners(self._desk, lambda: str(self._identity.get("url") or ""), self._spelling).register(app)
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

    def _answer_request(self, headers: Mapping[str, str], body: str, arrived: float) -> Answer:
        """One request through Bolt. An event that nobody listens to is taken: Slack would bring it three times more."""
        context = {"arrived": arrived, "envelope": headers.get(SIGNATURE, "")}
        answer = self._app.dispatch(BoltRequest(body=body, headers=dict(headers), context=context))
        if answer.status != HTTPStatus.OK and headers.get("content-type", "").startswith("application/json"):
            return Answer(HTTPStatus.OK)
        kind = answer.headers.get("content-type", [TEXT])[0]
        return Answer(answer.status, str(answer.body or ""), kind)

    def _who_am_i(self) -> None:
        with translated("auth.test"):
            self._identity = dict(self._client.auth_test().data)  # type: ignore[arg-type]  # JSON, never bytes
        self._seen_at = self._desk.clock.monotonic()

    def _keep_alive(self) -> None:
        while not self._stopping.wait(SIGN_OF_LIFE):
            try:
                self._who_am_i()
            except DoorError as error:
                log.warning("no sign of life from Slack: %s", error)
