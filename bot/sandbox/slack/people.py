"""The sample workspace: one team, two people, the bot, two channels and the two tokens that open it."""

from __future__ import annotations

from dataclasses import dataclass

BOT_TOKEN = "xoxb-sandbox"  # noqa: S105 - opens nothing but this stand-in
APP_TOKEN = "xapp-sandbox"  # noqa: S105 - opens nothing but this stand-in
APP_ID = "A0STATION0"
SCOPES = "commands,chat:write,files:write,users:read,users:read.email,channels:history,groups:history"


@dataclass(frozen=True, slots=True)
class Team:
    """A Slack workspace."""

    id: str
    name: str
    domain: str


@dataclass(frozen=True, slots=True)
class Person:
    """A member of the team; `bot_id` is set for a bot user only, who has no e-mail address."""

    id: str
    name: str
    real_name: str
    email: str | None = None
    icon: str | None = None
    bot_id: str | None = None

    @property
    def is_bot(self) -> bool:
        """Whether an app, not a human, stands behind this user."""
        return self.bot_id is not None


@dataclass(frozen=True, slots=True)
class Channel:
    """A public channel, or a direct message between the bot and one person (`is_im`)."""

    id: str
    name: str
    topic: str
    members: tuple[str, ...]
    is_archived: bool = False
    is_im: bool = False


TEAM = Team("T0ORCHARD0", "Orchard", "orchard")
ALICE = Person("U0000ALICE", "alice", "Alice Archer", "alice@example.com")
BOB = Person("U000000BOB", "bob", "Bob Baker", "bob@example.com")
BOT = Person("U0STATION0", "stationmaster", "Stationmaster", icon="🚂", bot_id="B0STATION0")
SLACKBOT = Person("USLACKBOT", "slackbot", "Slackbot", icon="💬", bot_id="B000SLACK0")
PEOPLE = (ALICE, BOB, BOT, SLACKBOT)

TRAINING = Channel("C0TRAINING", "training", "Train a model: /train <branch> <tag>", (ALICE.id, BOB.id, BOT.id))
RANDOM = Channel("C000RANDOM", "random", "Everything else. The bot is not in here.", (ALICE.id, BOB.id))
CHANNELS = (TRAINING, RANDOM)
