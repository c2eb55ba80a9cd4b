"""What comes from Slack, handed to the tables of `commands`: a command, a press, a modal, a list to fill, a visit.

A listener reads the ledger, writes one row, acknowledges and returns; it never talks to anything outside. What has to
(a modal to open) is given to `Desk.later`.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from sqlite3 import OperationalError
from typing import Any

from slack_bolt import Ack, App, BoltContext

from bot.errors import DoorError
from bot.slack.spelling import Spelling
from bot.slack.view_values import chosen, values_of
from commands import BUTTONS, CHOICES, COMMANDS, FORMS, Command, home_opened
from commands.desk import Call, Desk, Form, Press, Reply, Submission

log = logging.getLogger(__name__)

LATEST_START = 0.8
"""Seconds that a command may have waited for its turn: with SQLite's 2 s it is still answered within Slack's 3 s."""
BUSY = "Stationmaster is busy just now: nothing was started. Please try again in a moment."
ANYTHING = re.compile(r"", re.DOTALL)

Body = Mapping[str, Any]


class Listeners:
    """Everything that Bolt calls. `workspace` tells the address of the Slack workspace, empty while it is not known."""

    def __init__(self, desk: Desk, workspace: Callable[[], str], spelling: Spelling) -> None:
        self._desk, self._workspace, self._spelling = desk, workspace, spelling
        self._buttons = {button.action: button for button in BUTTONS}
        self._choices = {choices.action: choices for choices in CHOICES}

    def register(self, app: App) -> None:
        """Tell Bolt of all of them."""
        for command in COMMANDS:
            app.command(self._spelling.name(command.name))(self._command(command))
        for form in FORMS:
            app.view(form.name)(self._form(form))
        app.action(ANYTHING)(self._press)
        app.options(ANYTHING)(self._suggest)
        app.event("app_home_opened")(self._visit)

    def _command(self, command: Command) -> Callable[..., None]:
        def listen(ack: Ack, body: dict[str, Any], context: BoltContext) -> None:
            call = _call_of(body, context.get("envelope", ""), self._workspace())
            reply = self._handle(command, call, context)
            if reply is None:
                ack()
                return
            kind = "in_channel" if reply.in_channel else "ephemeral"
            blocks = self._spelling.blocks([dict(block) for block in reply.blocks])
            ack(text=self._spelling.text(reply.text), blocks=blocks or None, response_type=kind)

        return listen

    def _handle(self, command: Command, call: Call, context: BoltContext) -> Reply | None:
        if self._desk.clock.monotonic() - context.get("arrived", float("inf")) > LATEST_START:
            log.warning("%s waited too long for its turn", command.name)
            return Reply(BUSY)
        try:
            return command.handle(call, self._desk.at(call.channel))
        except OperationalError as error:
            return Reply(self._cannot_write(command.name, error))
        except Exception:
            log.exception("%s failed", command.name)
            return Reply(self._broken(command.name))

    def _broken(self, what: str) -> str:
        return (
            f"Something inside Stationmaster failed while it read `{what}`, and nothing was started. "
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
        """Whoever may not is told so, in a message that only they see. An unknown button (a link's) does nothing."""
        press = _press_of(body, self._workspace())
        button = self._buttons.get(press.action)
        try:
            refusal = button.press(press, self._desk.at(press.channel)) if button is not None else None
            if refusal:
                place = press.channel or press.user
                key = f"press-{press.trigger}"
                self._desk.store.outbox.whisper(
                    key=key, channel=place, user=press.user, text=refusal, thread=press.thread
                )
                self._desk.wake()
        except Exception:
            log.exception("the button %s failed", press.action)
            return  # not acknowledged: Slack shows a warning beside the button
        ack()

    def _form(self, form: Form) -> Callable[..., None]:
        def listen(ack: Ack, body: dict[str, Any]) -> None:
            submission = _submission_of(form, body, self._workspace())
            try:
                wrong = form.submit(submission, self._desk)
            except OperationalError as error:
                wrong = _beside_the_first_field(body, self._cannot_write(form.name, error))
            except Exception:
                log.exception("the modal %s failed", form.name)
                wrong = _beside_the_first_field(body, self._broken(form.name))
            if wrong:
                errors = {field: self._spelling.text(sentence) for field, sentence in wrong.items()}
                ack(response_action="errors", errors=errors)
            else:
                ack()

        return listen

    def _suggest(self, ack: Ack, body: dict[str, Any]) -> None:
        press = _press_of({**body, "actions": [body]}, self._workspace())
        choices = self._choices.get(press.action)
        try:
            found = choices.suggest(press, self._desk) if choices is not None else ()
        except (OperationalError, DoorError):
            log.exception("the list %s failed", press.action)
            found = ()
        ack(options=self._spelling.blocks([dict(option) for option in found]))

    def _visit(self, event: dict[str, Any]) -> None:
        if event.get("tab") == "home":
            home_opened(str(event.get("user") or ""), self._desk)


def _call_of(body: Body, envelope: str, workspace: str) -> Call:
    return Call(
        user=str(body.get("user_id") or ""),
        channel=str(body.get("channel_id") or ""),
        text=str(body.get("text") or ""),
        delivery=str(body.get("trigger_id") or envelope),
        team=str(body.get("team_id") or ""),
        workspace=workspace,
    )


def _press_of(body: Body, workspace: str) -> Press:
    action, view = (body.get("actions") or [{}])[0], body.get("view") or {}
    container = body.get("container") or {}
    return Press(
        user=_id_of(body, "user"),
        action=str(action.get("action_id") or "").partition(":")[0],
        value=_text_of(action),
        trigger=str(body.get("trigger_id") or action.get("action_ts") or ""),
        channel=_id_of(body, "channel") or str(container.get("channel_id") or ""),
        message=str(container.get("message_ts") or ""),
        thread=_thread_of(body),
        team=_id_of(body, "team"),
        workspace=workspace,
        address=str(body.get("response_url") or ""),
        view=view,
        values=values_of(view),
    )


def _thread_of(body: Body) -> str:
    """The thread that the message is in; empty for a root, whose answers would not be seen in its thread."""
    message = body.get("message") or {}
    thread = str(message.get("thread_ts") or "")
    return thread if thread != message.get("ts") else ""


def _text_of(action: Body) -> str:
    value = chosen(action)
    return ",".join(value) if isinstance(value, list) else str(value or "")


def _submission_of(form: Form, body: Body, workspace: str) -> Submission:
    view = body.get("view") or {}
    return Submission(
        user=_id_of(body, "user"),
        form=form.name,
        trigger=str(body.get("trigger_id") or view.get("hash") or ""),
        private=str(view.get("private_metadata") or ""),
        view_id=str(view.get("id") or ""),
        team=_id_of(body, "team"),
        workspace=workspace,
        values=values_of(view),
    )


def _id_of(body: Body, name: str) -> str:
    return str((body.get(name) or {}).get("id") or "")


def _beside_the_first_field(body: Body, sentence: str) -> Mapping[str, str]:
    """A modal can only show an error beside one of its fields."""
    blocks = (body.get("view") or {}).get("blocks") or []
    first = next((str(block.get("block_id")) for block in blocks if block.get("type") == "input"), "")
    return {first: sentence}
