"""The slash commands, in the order that `/train-help` shows them. A new one is a file here and a line in `COMMANDS`."""

from commands import build_image, cancel, compare, costs, help, locations, runs, train  # noqa: A004 - called what it does
from commands.desk import Command

_FIRST = (
    train.COMMAND,
    build_image.COMMAND,
    runs.COMMAND,
    cancel.COMMAND,
    compare.COMMAND,
    locations.COMMAND,
    costs.COMMAND,
)
COMMANDS: tuple[Command, ...] = (*_FIRST, help.command(_FIRST))

__all__ = ["COMMANDS", "Command"]
