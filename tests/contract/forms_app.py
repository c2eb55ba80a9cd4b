"""A small Bolt app with a modal of every element, an external select and a Home tab. It remembers what it was told."""

import queue
import threading

from slack_bolt import App
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from tests.doubles.block_kit import plain


def option(text, value=None):
    return {"text": plain(text), "value": value or text}


def entry(block_id, label, kind, **more):
    """An input block whose element has the action_id `it`; `of` goes to the block."""
    of = more.pop("of", {})
    element = {"type": kind, "action_id": "it", **more}
    return {"type": "input", "block_id": block_id, "label": plain(label), "element": element, **of}


COLOURS = [option("Red", "r"), option("Green", "g"), option("Blue", "b")]
EVERYTHING = [
    entry("name", "Name", "plain_text_input", max_length=20),
    entry("note", "Note", "plain_text_input", multiline=True, initial_value="as usual", of={"optional": True}),
    entry("epochs", "Epochs", "number_input", is_decimal_allowed=False, min_value="1", max_value="99"),
    entry("mail", "Mail", "email_text_input", of={"optional": True}),
    entry("link", "Link", "url_text_input", of={"optional": True}),
    entry("colour", "Colour", "static_select", options=COLOURS, initial_option=COLOURS[0]),
    entry("colours", "Colours", "multi_static_select", options=COLOURS, of={"optional": True}),
    entry("branch", "Branch", "external_select", min_query_length=1),
    entry("tags", "Tags", "multi_external_select", min_query_length=0, of={"optional": True}),
    entry("who", "Who", "users_select", initial_user="U0000ALICE"),
    entry("where", "Where", "channels_select", of={"optional": True}),
    entry("talk", "Conversation", "conversations_select", of={"optional": True}),
    entry("steps", "Steps", "checkboxes", options=COLOURS, of={"optional": True}),
    entry("mode", "Mode", "radio_buttons", options=COLOURS, of={"optional": True}),
    entry("day", "Day", "datepicker", of={"optional": True}),
    entry("hour", "Hour", "timepicker", of={"optional": True}),
    entry("moment", "Moment", "datetimepicker", of={"optional": True}),
    {
        "type": "section",
        "block_id": "size",
        "text": plain("Size"),
        "accessory": {"type": "static_select", "action_id": "size", "options": COLOURS},
    },
]
TEXT = entry("text", "Text", "plain_text_input")
FREE = entry("text", "Text", "plain_text_input", of={"optional": True})
BRANCHES = ["main", "feature/wider", "feature/typo", "fix/data"]


def modal(blocks, title="Train", **more):
    return {
        "type": "modal",
        "callback_id": "form",
        "title": plain(title),
        "submit": plain("Go"),
        "blocks": blocks,
        **more,
    }


def buttons(*names, **more):
    each = [{"type": "button", "action_id": name, "text": plain(name.capitalize()), **more} for name in names]
    return {"type": "actions", "block_id": "buttons", "elements": each}


def opened(slack, app, view=None, person="alice"):
    """The modal that somebody opened, as the local Slack holds it."""
    if view:
        app.views.put(view)
    assert slack.type(person, "/form") == ""
    return slack.modal(person)


class Forms:
    """`told` has every interaction in order; `answers` what the next submissions are acknowledged with.

    `gate` is open: cleared, it keeps submissions waiting. `views` are those that are opened, pushed and shown next.
    """

    def __init__(self, slack):
        self.told = queue.Queue()
        self.answers = queue.SimpleQueue()
        self.views = queue.SimpleQueue()
        self.gate = threading.Event()
        self.gate.set()
        self.client = WebClient("xoxb-sandbox", base_url=slack.api_url, retry_handlers=[])
        self.app = App(client=self.client, signing_secret="signing-secret", process_before_response=True)
        self.app.command("/form")(self.open)
        self.app.view("form")(self.submitted)
        self.app.view_closed("form")(self.noted)
        self.app.options("it")(self.options)
        self.app.event("app_home_opened")(self.home)
        for name in ("push", "replace", "sleep", "go", "size", "menu", "typed", "it"):
            self.app.action(name)(getattr(self, name, self.noted))

    def noted(self, ack, body):
        self.told.put(body)
        ack()

    def open(self, ack, body, client):
        try:
            client.views_open(trigger_id=body["trigger_id"], view=self.next_view() or modal(EVERYTHING))
        except SlackApiError as refused:
            ack(refused.response["error"])
        else:
            ack()

    def submitted(self, ack, body):
        self.told.put(body)
        self.gate.wait(20)
        if self.answers.empty():
            ack()
        else:
            ack(self.answers.get())

    def options(self, ack, body):
        self.told.put(body)
        if body["value"] == "groups":
            ack(option_groups=[{"label": plain("All"), "options": [option("main")]}])
        elif body["value"] == "many":
            ack(options=[option(str(number)) for number in range(101)])
        else:
            ack(options=[option(each) for each in BRANCHES if body["value"] in each])

    def push(self, ack, body, client):
        ack()
        client.views_push(trigger_id=body["trigger_id"], view=self.next_view())

    def replace(self, ack, body, client):
        ack()
        client.views_update(view_id=body["view"]["id"], hash=body["view"]["hash"], view=self.next_view())

    def sleep(self, body):
        self.told.put(body)

    def home(self, ack, event, client):
        self.told.put(event)
        client.views_publish(user_id=event["user"], view={"type": "home", "blocks": [buttons("go", "push")]})
        ack()

    def next_view(self):
        return self.views.get() if not self.views.empty() else None

    def hears(self):
        """The next thing that it was told."""
        return self.told.get(timeout=10)

    def hears_last(self):
        """The last of what it was told, of which there is something."""
        said = self.hears()
        while not self.told.empty():
            said = self.hears()
        return said
