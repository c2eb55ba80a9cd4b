"""`/train-help`: every command, with an example."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.slack.blocks import context, section
from commands.desk import Call, Command, Desk, Reply


@dataclass(frozen=True)
class Help:
    """The handler; it is told which commands there are."""

    commands: Sequence[Command]

    def __call__(self, _call: Call, desk: Desk) -> Reply | None:
        """The list."""
        lines = [f"`{command.example}`\n{command.description}" for command in self.commands]
        text = "*Stationmaster trains a branch on your own machine, up to a release.*\n\n" + "\n".join(lines)
        hint = f"While it trains, watch the thread under the run's card. Questions? Ask {desk.whom_to_ask}."
        return Reply(text, [section(text), context(hint)])


def command(others: Sequence[Command]) -> Command:
    """`/train-help` for these commands and itself."""
    name, description, example = "/train-help", "This list", "/train-help"
    itself = Command(name, "", description, example, Help(()))
    return Command(name, "", description, example, Help((*others, itself)))
