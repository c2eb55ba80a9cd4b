"""What only the person who pressed a button sees, when it is more than a plain sentence that a handler returns."""

from __future__ import annotations

from bot.slack import words
from bot.slack.blocks import section
from commands.desk import Call, Desk, Press, Reply


def aside(reply: Reply, press: Press, desk: Desk) -> None:
    """Show the reply to whoever pressed, where they pressed. The same press delivered again shows nothing more."""
    desk.store.outbox.whisper(
        key=f"press-{press.trigger}",
        channel=press.channel or press.user,
        user=press.user,
        text=words.cut(reply.text, 1_000),
        blocks=reply.blocks or [section(reply.text)],
        thread=press.thread,
    )
    desk.wake()


def as_call(press: Press, text: str = "") -> Call:
    """The press as if its person had typed a command there; in their direct messages for one in the home tab."""
    return Call(press.user, press.channel or press.user, text, press.trigger, press.team, press.workspace)
