"""What people can do, in explicit tables. A new slash command is a file here and a line in `COMMANDS`.

The order is that of `/train-help`. The buttons, modals and lists that belong to a command are in its file.
"""

from commands import (
    again,
    build_image,
    cancel,
    compare,
    costs,
    discard,
    help,  # noqa: A004 - called what it does
    home,
    locations,
    log,
    modal,
    notify,
    release,
    reproduce,
    retry,
    runs,
    train,
    verdict,
)
from commands.desk import Button, Choices, Command, Desk, Form
from commands.locations import pressing

_FIRST = (
    train.COMMAND,
    build_image.COMMAND,
    runs.COMMAND,
    cancel.COMMAND,
    retry.COMMAND,
    release.COMMAND,
    discard.COMMAND,
    compare.COMMAND,
    reproduce.COMMAND,
    locations.COMMAND,
    costs.COMMAND,
    notify.COMMAND,
)
COMMANDS: tuple[Command, ...] = (*_FIRST, help.command(_FIRST))
BUTTONS: tuple[Button, ...] = (
    cancel.BUTTON,
    retry.BUTTON,
    *verdict.BUTTONS,
    again.BUTTON,
    compare.BUTTON,
    log.BUTTON,
    runs.BUTTON,
    *modal.BUTTONS,
    *pressing.BUTTONS,
    *home.BUTTONS,
)
FORMS: tuple[Form, ...] = (modal.FORM, verdict.FORM)
CHOICES: tuple[Choices, ...] = (modal.CHOICES,)


def home_opened(user: str, desk: Desk) -> None:
    """Somebody looks at the app's home tab."""
    home.opened(user, desk)


__all__ = ["BUTTONS", "CHOICES", "COMMANDS", "FORMS", "Button", "Choices", "Command", "Form", "home_opened"]
