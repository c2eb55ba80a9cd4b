"""The app's home tab, as one person sees it: machines, runs, releases, money, and what they want to hear of. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from bot.ports import View
from bot.runs.model import Run
from bot.runs.preferences import Preference
from bot.slack import words
from bot.slack.blocks import Block, actions, button, context, header, plain, section
from bot.slack.buttons import HOLD, HOLD_MINUTES, RETRY, row

MACHINE_START, MACHINE_STOP, MACHINE_HOLD, MACHINE_RELEASE = (
    f"machine-{verb}" for verb in ("start", "stop", "hold", "release")
)
NOTIFY_ME, DIGEST_HOUR = "notify-me", "digest-hour"
"""The action ids."""
ALSO_CHANNEL, DIRECT_MESSAGE, NO_DIGEST = "also-channel", "direct-message", "off"
"""The values of what can be chosen there; of a digest also its hour."""
MACHINES, RUNS, RELEASES = 4, 5, 5
"""How many of each are shown at most: all in all about 50 blocks, of Slack's 100."""


@dataclass(frozen=True)
class MachineShown:
    """`text` is ready mrkdwn. `held`: by whoever looks. `on` is None where nobody may switch it."""

    name: str
    text: str
    on: bool | None
    held: bool


@dataclass(frozen=True)
class RunShown:
    """A run with its line of mrkdwn. Its buttons are those of its card, but for the machine's own, which stands above.

    `retried`: it was tried again already, and that is another run.
    """

    run: Run
    text: str
    retried: bool = False


@dataclass(frozen=True)
class Home:
    """Everything on the page, the latest first. `answer` is what the last press came to, `digest` an hour or None."""

    answer: str = ""
    machines: Sequence[MachineShown] = ()
    no_machine: str = ""
    active: Sequence[RunShown] = ()
    recent: Sequence[RunShown] = ()
    releases: Sequence[str] = ()
    costs: str = ""
    preference: Preference = field(default_factory=Preference)
    digest: int | None = None
    tz: str = "UTC"


def home(shown: Home) -> View:
    """The page."""
    blocks = [
        *([section(f":information_source: {shown.answer}")] if shown.answer else []),
        *_machines(shown),
        *_runs(shown),
        header("The team's releases"),
        section("\n".join(shown.releases[:RELEASES]) or "None yet. `/train <branch> <tag>` makes one."),
        header("This month"),
        section(shown.costs or "No machine was on, so nothing was spent."),
        *_notifications(shown),
        context("`/train-help` lists everything that you can type."),
    ]
    return {"type": "home", "blocks": blocks}


def _machines(shown: Home) -> list[Block]:
    if not shown.machines:
        return [header("Your machine"), section(shown.no_machine or "None of the machines is yours.")]
    blocks = [header("Your machine" if len(shown.machines) == 1 else "Your machines")]
    for machine in shown.machines[:MACHINES]:
        blocks += [section(machine.text), _switches(machine)]
    if len(shown.machines) > MACHINES:
        blocks.append(context(f"and {len(shown.machines) - MACHINES} more: `/locations` lists them all."))
    return blocks


def _switches(machine: MachineShown) -> Block:
    name = words.clean(machine.name)
    buttons = []
    if machine.on is not None:
        action, label = (MACHINE_STOP, "Stop") if machine.on else (MACHINE_START, "Start")
        buttons.append(button(label, action, machine.name, spoken=f"{label} the machine {name}"))
    if machine.held:
        buttons.append(button("Release", MACHINE_RELEASE, machine.name, spoken=f"Release the machine {name}"))
    label = f"Hold {HOLD_MINUTES} min"
    buttons.append(button(label, MACHINE_HOLD, machine.name, spoken=f"Hold the machine {name}"))
    return actions(*buttons, block_id=f"machine-{machine.name}"[:255])


def _runs(shown: Home) -> list[Block]:
    blocks = [header("Your runs")]
    if not (shown.active or shown.recent):
        return [*blocks, section("None yet. `/train <branch> <tag>` starts one.")]
    for each in [*shown.active[:RUNS], *shown.recent[:RUNS]]:
        blocks += [section(each.text), *row(each.run, without=(HOLD, RETRY) if each.retried else (HOLD,))]
    if len(shown.active) > RUNS or len(shown.recent) > RUNS:
        blocks.append(context("`/runs mine` lists more of them."))
    return blocks


def _notifications(shown: Home) -> list[Block]:
    options = [
        _option("Show the last message of my runs in the channel too", ALSO_CHANNEL),
        _option("Tell me in a direct message when a run of mine ends", DIRECT_MESSAGE),
    ]
    chosen = (shown.preference.also_channel, shown.preference.direct_message)
    boxes: Block = {"type": "checkboxes", "action_id": NOTIFY_ME, "options": options}
    if any(chosen):
        boxes["initial_options"] = [option for option, is_chosen in zip(options, chosen, strict=True) if is_chosen]
    where = words.escape(shown.tz, 60)
    return [
        header("What I tell you"),
        section("When a run of yours ends, its thread mentions you. That is always so."),
        actions(boxes, block_id=NOTIFY_ME),
        section(f"A digest of the day in a direct message, at this hour ({where}):"),
        actions(_hours(shown.digest), block_id=DIGEST_HOUR),
    ]


def _hours(chosen: int | None) -> Block:
    options = [_option("No digest", NO_DIGEST), *(_option(f"{hour:02}:00", str(hour)) for hour in range(24))]
    initial = options[0 if chosen is None else chosen + 1]
    return {"type": "static_select", "action_id": DIGEST_HOUR, "options": options, "initial_option": initial}


def _option(label: str, value: str) -> Block:
    return {"text": plain(label, 75), "value": value}
