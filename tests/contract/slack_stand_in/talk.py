"""What people, apps and the page say to the local Slack, and what they hear."""

import json
import urllib.request

from websockets.sync.client import connect

from bot.sandbox.slack import SlashCommand

COMMANDS = [
    SlashCommand("/train", "<branch> <tag>", "Train a model and release it"),
    SlashCommand("/sleep", "", "Acknowledged by nobody"),
    SlashCommand("/modal", "", "Opens a modal"),
]
GO = {"type": "button", "text": {"type": "plain_text", "text": "Go"}, "action_id": "go", "value": "42"}
CARD = [{"type": "actions", "elements": [GO]}]


def texts(messages):
    return [message.text for message in messages]


def says(text):
    return lambda event: event["type"] == "message" and event["message"]["text"] == text


def link(client):
    return connect(client.apps_connections_open(app_token="xapp-sandbox")["url"])


def hear(socket):
    return json.loads(socket.recv(timeout=5))


def page(slack, path, body=None, **headers):
    """One request of the page: its JSON."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(slack.url + path, data, headers)
    with urllib.request.urlopen(request, timeout=5) as answer:
        return json.load(answer)
