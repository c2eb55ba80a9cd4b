"""A Slack that somebody else wrote: vercel-labs' emulator, started as a process of its own, and the people in it.

It keeps the workspace and answers the Web API, with the scopes of the app's manifest and no others. It sends no
commands, presses or forms: those are written here as Slack's documentation describes them, and signed. Between it and
the bot stands a relay, so that what was asked and how it was answered can be read afterwards.
"""

import json
import shutil
import subprocess
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest
from slack_sdk import WebClient

from bot.manifest import SCOPES
from bot.slack.signed import EVENTS
from tests.doubles.signed_slack import FORM, JSON, signed
from tests.integration.slack_relay import Relay
from tests.scenario.waiting import PATIENCE, until
from tests.scenario.world import texts_of

FOLDER = Path(__file__).parent / "independent_slack"
needs_node = pytest.mark.skipif(
    shutil.which("node") is None or not (FOLDER / "node_modules" / ".package-lock.json").exists(),
    reason=f"needs Node and the packages of {FOLDER.name}/package.json, which `make test` installs where there is npm",
)
BOT, BOT_TOKEN, APP = "U0STATION0", "xoxb-independent", "A0STATION0"
PUBLIC, PRIVATE, OTHER = "training", "backstage", "leads"
WORKSPACE = {
    "team": {"name": "Orchard", "domain": "orchard"},
    "strict_scopes": True,
    "users": [{"name": name, "real_name": name.title(), "email": f"{name}@example.com"} for name in ("alice", "bob")],
    "channels": [{"name": PUBLIC}, {"name": PRIVATE, "is_private": True}, {"name": OTHER}],
    "oauth_apps": [
        {
            "client_id": "1.2",
            "client_secret": "none",
            "app_id": APP,
            "name": "Stationmaster",
            "redirect_uris": [],
            "scopes": list(SCOPES),
            "bot_id": "B0STATION0",
            "bot_user_id": BOT,
            "bot_name": "stationmaster",
        }
    ],
    "tokens": [
        {
            "token": BOT_TOKEN,
            "type": "bot",
            "user": BOT,
            "app_id": APP,
            "bot_id": "B0STATION0",
            "bot_user_id": BOT,
            "scopes": list(SCOPES),
        },
        *({"token": f"eyes-of-{name}", "type": "user", "user": name} for name in ("alice", "bob")),
    ],
}


class EmulatedSlack:
    """The workspace, what people see of it, and what they do to `bot_url`, the address of the bot.

    `answers` is what the bot said at once to all that.
    """

    def __init__(self, address):
        self.address = address
        self.relay = Relay(address)
        self.bot_url, self.answers = "", []
        self._eyes = {name: WebClient(f"eyes-of-{name}", base_url=f"{address}/api/") for name in ("alice", "bob")}
        self.people = {name: eyes.auth_test()["user_id"] for name, eyes in self._eyes.items()}
        listed = self.ask("alice", "conversations.list", types="public_channel,private_channel")["channels"]
        self.channels = {channel["name"]: channel["id"] for channel in listed}
        for name in (PUBLIC, PRIVATE, OTHER):
            self.ask("alice", "conversations.invite", channel=self.channels[name], users=BOT)

    @property
    def settings(self):
        """What the bot is given to find it."""
        return {"SLACK_API_URL": f"{self.relay.url}/api/", "SLACK_BOT_TOKEN": BOT_TOKEN}

    # What people see

    def ask(self, name, method, **arguments):
        """The Web API's answer to a person, past the relay."""
        return self._eyes[name].api_call(method, params=arguments).data

    def roots(self, channel=PUBLIC, *, name="alice"):
        """The messages of a channel that are in no thread, oldest first."""
        place = self.channels.get(channel, channel)
        return self.ask(name, "conversations.history", channel=place, limit=200)["messages"][::-1]

    def thread(self, root, channel=PUBLIC, *, name="alice"):
        """The messages below it, oldest first."""
        place = self.channels.get(channel, channel)
        return self.ask(name, "conversations.replies", channel=place, ts=root["ts"])["messages"][1:]

    def direct(self, name):
        """What the app said to a person alone, oldest first."""
        listed = self.ask(name, "conversations.list", types="im")["channels"]
        mine = [channel["id"] for channel in listed if channel["is_member"]]
        return [message for place in mine for message in self.roots(place, name=name)]

    def content(self, file, *, name="alice"):
        """The bytes of a shared file."""
        request = urllib.request.Request(file["url_private"], headers={"Authorization": f"Bearer eyes-of-{name}"})
        with urllib.request.urlopen(request) as answer:
            return answer.read()

    def card(self, tag, *parts, channel=PUBLIC, name="alice"):
        """The card of the run that makes `tag`, if it says all of `parts`; else None."""
        roots = [root for root in self.roots(channel, name=name) if f"→ {tag}" in words_of(root)]
        return next((root for root in reversed(roots) if all(part in words_of(root) for part in parts)), None)

    def views(self, method):
        """The views that were taken from the bot, oldest first: there is no method to read them."""
        return [each.answer["view"] for each in list(self.relay.asked) if each.method == method and each.answer["ok"]]

    def until(self, condition, what, seconds=2 * PATIENCE):
        """What `condition` returned once it was true. It is only asked after something was said: looks are counted."""
        seen = -1

        def look():
            nonlocal seen
            if seen == len(self.relay.asked):
                return None
            seen = len(self.relay.asked)
            return condition()

        return until(look, what, seconds, context=self._last_words)

    def _last_words(self):
        lines = [f"{each.method}: {each.arguments} -> {each.answer.get('error')}" for each in self.relay.asked[-12:]]
        return "\n".join(line[:800] for line in lines)

    # What people do

    def types(self, name, text, channel=PUBLIC):
        """A slash command; what is answered at once, {} for a silent acknowledgement."""
        command, _, rest = text.partition(" ")
        return self._post_form(
            token="legacy",
            team_id="T000000001",
            team_domain="orchard",
            channel_id=self.channels[channel],
            channel_name="privategroup" if channel == PRIVATE else channel,
            user_id=self.people[name],
            user_name=name,
            command=command,
            text=rest.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"),
            api_app_id=APP,
            is_enterprise_install="false",
            response_url=f"{self.address}/no-such-response-url",
            trigger_id=self.trigger(name),
        )

    def press(self, name, message, action, channel=PUBLIC):
        """A button of a message."""
        pressed = element(message, action)
        place = {"id": self.channels[channel], "name": channel}
        held = {"type": "message", "message_ts": message["ts"], "channel_id": place["id"], "is_ephemeral": False}
        held |= {"thread_ts": message["thread_ts"]} if "thread_ts" in message else {}
        return self._interact(
            name,
            type="block_actions",
            container=held,
            channel=place,
            message=message,
            state={"values": {}},
            response_url=f"{self.address}/no-such-response-url",
            actions=[{"action_id": action, "type": "button", "text": pressed["text"], "value": pressed["value"]}],
        )

    def choose(self, name, view, action, **chosen):
        """An element of a view, with what is chosen there now."""
        made = {"type": element(view, action)["type"], "action_id": action, **chosen}
        state = {"values": {"chosen": {action: {key: made[key] for key in made if key != "action_id"}}}}
        held = {"type": "view", "view_id": view["id"]}
        return self._interact(name, type="block_actions", container=held, view={**view, "state": state}, actions=[made])

    def suggest(self, name, view, block, action, typed):
        """The options that a list offers for what was typed into it."""
        asked = {"block_id": block, "action_id": action, "value": typed}
        held = {"type": "view", "view_id": view["id"]}
        return self._interact(name, type="block_suggestion", container=held, view=view, **asked)

    def submit(self, name, view, **texts):
        """Send off a modal as it was filled in, with other texts in some of its fields; {} when it was taken."""
        values = {block["block_id"]: _entered(block, texts) for block in view["blocks"] if block["type"] == "input"}
        return self._interact(
            name, type="view_submission", view={**view, "state": {"values": values}}, response_urls=[]
        )

    def opens_home(self, name):
        """Visit the app's Home."""
        event = {
            "type": "app_home_opened",
            "user": self.people[name],
            "channel": "D0",
            "tab": "home",
            "event_ts": "1.2",
        }
        body = {"type": "event_callback", "team_id": "T000000001", "api_app_id": APP, "event": event}
        sent = json.dumps({**body, "event_id": "Ev1", "event_time": int(time.time())}).encode()
        assert self._post(sent, JSON) == {}

    def trigger(self, name):
        """A trigger that opens one modal, as a command or a press brings one."""
        client = WebClient(BOT_TOKEN, base_url=f"{self.address}/api/")
        return client.api_call("views.generateTriggerId", params={"user_id": self.people[name]})["trigger_id"]

    def _interact(self, name, **payload):
        who = {"id": self.people[name], "username": name, "name": name, "team_id": "T000000001"}
        team = {"id": "T000000001", "domain": "orchard"}
        by = {"user": who, "team": team, "api_app_id": APP, "token": "legacy", "trigger_id": self.trigger(name)}
        return self._post_form(payload=json.dumps({**by, **payload}))

    def _post_form(self, **fields):
        return self._post(urlencode(fields).encode(), FORM)

    def _post(self, body, kind):
        answer = httpx.post(
            self.bot_url + EVENTS, content=body, headers=signed(body, kind=kind), trust_env=False, timeout=30
        )
        assert answer.status_code == 200, answer.text
        self.answers.append(answer.json() if answer.text else {})
        return self.answers[-1]


def words_of(message):
    """All that a person reads in a message or a view: its blocks, or its text where it has none."""
    return "\n".join(texts_of(message["blocks"])) if message.get("blocks") else message.get("text", "")


def element(place, action):
    """The element of a message or a view that has the action id `action`."""
    within = [block.get("element") or {} for block in place["blocks"]]
    within += [each for block in place["blocks"] for each in block.get("elements", ())]
    return next(each for each in within if each.get("action_id") == action)


def _entered(block, texts):
    """The state of an input that is left as it was shown, or has another text."""
    field = block["element"]
    if block["block_id"] in texts:
        field = {**field, "initial_value": texts[block["block_id"]]}
    names = {"initial_options": "selected_options", "initial_users": "selected_users"}
    default = {"checkboxes": {"selected_options": []}, "multi_users_select": {"selected_users": []}}
    state = {"type": field["type"], **default.get(field["type"], {})}
    for name, value in field.items():
        if name.startswith("initial_"):
            state["value" if name == "initial_value" else names.get(name, "selected_option")] = value
    return {field["action_id"]: state}


@contextmanager
def emulated_slack():
    """One that runs within the block."""
    argv = ["node", "boot.mjs", json.dumps(WORKSPACE)]
    process = subprocess.Popen(argv, cwd=FOLDER, stdout=subprocess.PIPE, text=True)
    slack = None
    try:
        address = process.stdout.readline().strip()
        assert address, "the emulator did not start"
        slack = EmulatedSlack(address)
        yield slack
    finally:
        if slack is not None:
            slack.relay.close()
        process.terminate()
        process.wait(30)
        process.stdout.close()
