"""The front door: Slack's commands and buttons, over Bolt in Socket Mode.

A listener reads the ledger, writes one row, acknowledges and returns; it never talks to anything outside. Bolt runs it
in the thread that received the envelope (`process_before_response`): Bolt's own pool of five would let the sixth
command wait, and Bolt looks for an acknowledgement from it only every 10 ms.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus
from sqlite3 import OperationalError
from typing import Any

from slack_bolt import Ack, App, BoltContext, BoltRequest
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.socket_mode.request import SocketModeRequest

from bot.errors import DoorError, SettingsError, Unauthorised
from bot.slack.blocks import CANCEL
from bot.slack.chat import web_client
from bot.slack.errors import translated
from bot.slack.socket import Socket
from commands import COMMANDS, Command
from commands.cancel import cancel
from commands.desk import Call, Desk, Reply

log = logging.getLogger(__name__)

LATEST_START = 0.8
"""Seconds that a command may have waited for its turn: with SQLite's 2 s it is still answered within Slack's 3 s."""
OPEN_SECONDS = 10.0
"""How long `start` waits for the socket; after that it goes on connecting by itself."""
SIGN_OF_LIFE = 60.0
"""Seconds between two auth.test calls: they keep Slack from falling silent after a reconnect (bolt-python#1529)."""

BUSY = "Stationmaster is busy just now: nothing was started. Please try again in a moment."


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
        for command in COMMANDS:
            app.command(command.name)(self._listener(command))
        app.action(CANCEL)(self._press)
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

    def _listener(self, command: Command) -> Callable[..., None]:
        def listen(ack: Ack, body: dict[str, Any], context: BoltContext) -> None:
            call = _call_of(body, context.get("envelope", ""), str(self._identity.get("url") or ""))
            reply = self._handle(command, call, context)
            if reply is None:
                ack()
                return
            kind = "in_channel" if reply.in_channel else "ephemeral"
            ack(text=reply.text, blocks=[dict(block) for block in reply.blocks] or None, response_type=kind)

        return listen

    def _handle(self, command: Command, call: Call, context: BoltContext) -> Reply | None:
        if self._desk.clock.monotonic() - context.get("arrived", float("inf")) > LATEST_START:
            log.warning("%s waited too long for its turn", command.name)
            return Reply(BUSY)
        try:
            return command.handle(call, self._desk)
        except OperationalError as error:
            return Reply(self._cannot_write(command.name, error))
        except Exception:
            log.exception("%s failed", command.name)
            return Reply(
                f"Something inside Stationmaster failed while it read `{command.name}`, and nothing was started. "
                f"Please tell {self._desk.whom_to_ask}; its log has the details."
            )

    def _cannot_write(self, name: str, error: OperationalError) -> str:
        if "locked" in str(error) or "busy" in str(error):
            log.warning("%s: the ledger is busy", name)
            return BUSY
        log.error("%s: the ledger cannot be used: %s", name, error)
        return (
            "Stationmaster cannot write its records just now, so nothing was started. "
            f"Please tell {self._desk.whom_to_ask}."
        )

    def _press(self, ack: Ack, body: dict[str, Any]) -> None:
        """The card's cancel button. Whoever may not is told so, in a message that only they see."""
        action = (body.get("actions") or [{}])[0]
        user = str((body.get("user") or {}).get("id") or "")
        channel = str((body.get("channel") or {}).get("id") or (body.get("container") or {}).get("channel_id") or "")
        try:
            run = self._desk.store.run(int(str(action.get("value") or "0")))
            refusal = cancel(run, user, self._desk) if run is not None else "That run is not known any more."
            if refusal:
                key = f"press-{body.get('trigger_id')}"
                self._desk.store.outbox.whisper(key=key, channel=channel, user=user, text=refusal)
                self._desk.wake()
        except (OperationalError, ValueError):
            log.exception("the cancel button failed")
            return  # not acknowledged: Slack shows a warning beside the button
        ack()

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


def _call_of(body: Mapping[str, Any], envelope: str, workspace: str) -> Call:
    return Call(
        user=str(body.get("user_id") or ""),
        channel=str(body.get("channel_id") or ""),
        text=str(body.get("text") or ""),
        delivery=str(body.get("trigger_id") or envelope),
        team=str(body.get("team_id") or ""),
        workspace=workspace,
    )
