"""Front, errands and looks over a local Slack; GitLab and the ledger's engine are doubles."""

import threading

from bot.clock import SystemClock
from bot.engine.scout import Scout
from bot.errands import Errands
from bot.looks import Looks
from bot.runs.store import Store
from bot.sandbox.slack import SlashCommand
from bot.slack.app import SlackFront
from bot.slack.chat import web_client
from bot.slack.screens import SlackScreens
from commands import COMMANDS
from commands.desk import Desk, LocationFacts
from tests.doubles.station import Station

TYPED = [SlashCommand(command.name, command.usage, command.description) for command in COMMANDS]


class Office:
    """Alice and Bob are known. Whether GitLab is slow goes by the station's clock."""

    def __init__(self, folder, slack, code=None):
        self.slack = slack
        self.station = Station(folder / "engine", code=code)
        self.store = Store(folder / "ledger.sqlite", SystemClock())
        self.errands, self.looks = Errands(), Looks(self.station.clock)
        self.scout = Scout(self.station.world)
        client = web_client(slack.bot_token, slack.api_url)
        desk = Desk(
            store=self.store,
            clock=SystemClock(),
            project="team/fruits",
            locations={"rack-1": LocationFacts("rack-1", shared=True)},
            location_for=lambda _email: "rack-1",
            scout=self.scout,
            screens=SlackScreens(client),
            later=self.errands.run,
            look=self.looks.run,
            gitlab_is_slow=self.looks.slow,
        )
        tokens = {"bot_token": slack.bot_token, "app_token": slack.app_token}
        self.front = SlackFront(desk, **tokens, api_url=slack.api_url)

    def __enter__(self):
        self.station.world.store.people.remember(self.station.world.chat.person("UALICE"))
        self.scout.meet = lambda _user: None
        self.front.start()
        return self

    def __exit__(self, *_error):
        self.front.stop()
        self.errands.stop()
        self.looks.stop()
        self.store.close()

    def until(self, condition):
        """What `condition` returned once it was true."""
        pause = threading.Event()
        for _ in range(3_000):
            found = condition()
            if found:
                return found
            pause.wait(0.02)
        raise AssertionError(f"still not so: {self.slack.modal('alice')} {self.slack.modal('bob')}")

    def until_answered(self, part, user="alice"):
        def answered():
            view = self.slack.modal(user)
            said = [block["text"]["text"] for block in view["blocks"] if block["type"] == "section"] if view else []
            return view if any(part in text for text in said) else None

        return self.until(answered)
