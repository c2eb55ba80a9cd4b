"""What people can do, in explicit tables. A new slash command is a file here and a line in `COMMANDS`.

The order is that of `/train-help`. The buttons, modals and lists that belong to a command are in its file.
"""

from commands import build_image, cancel, costs, help, locations, modal, retry, runs, train  # noqa: A004 - called what it does
from commands.desk import Button, Choices, Command, Desk, Form

_FIRST = (
    train.COMMAND,
    build_image.COMMAND,
    runs.COMMAND,
    cancel.COMMAND,
    retry.COMMAND,
    locations.COMMAND,
    costs.COMMAND,
)
COMMANDS: tuple[Command, ...] = (*_FIRST, help.command(_FIRST))
BUTTONS: tuple[Button, ...] = (cancel.BUTTON, runs.BUTTON, *modal.BUTTONS)
FORMS: tuple[Form, ...] = (modal.FORM,)
CHOICES: tuple[Choices, ...] = (modal.CHOICES,)


def home_opened(user: str, desk: Desk) -> None:
    """Somebody looks at the app's home tab."""


__all__ = ["BUTTONS", "CHOICES", "COMMANDS", "FORMS", "Button", "Choices", "Command", "Form", "home_opened"]
