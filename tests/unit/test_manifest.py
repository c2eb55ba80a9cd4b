"""`stationmaster manifest`: what Slack is told of the app is what the app does."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml

from bot.errors import UserError
from bot.manifest import SCOPES, as_json, as_yaml, manifest
from commands import COMMANDS

ROOT = Path(__file__).parents[2]
URL = "https://stationmaster.example.com"

NEEDS = {
    "auth.test": set(),
    "chat.postEphemeral": {"chat:write"},
    "chat.postMessage": {"chat:write"},
    "chat.update": {"chat:write"},
    "conversations.history": {"channels:history", "groups:history", "im:history"},
    "conversations.open": {"im:write"},
    "conversations.replies": {"channels:history", "groups:history", "im:history"},
    "files.upload": {"files:write"},
    "users.info": {"users:read", "users:read.email"},
    "users.lookupByEmail": {"users:read.email"},
    "views.open": set(),
    "views.publish": set(),
    "views.push": set(),
    "views.update": set(),
    "apps.connections.open": set(),  # the app-level token's own, connections:write
}
"""Slack's methods and the bot scopes that each needs, from its reference."""


def text(longest, shortest=1):
    return {"type": "string", "minLength": shortest, "maxLength": longest}


def closed(required=(), **properties):
    return {"type": "object", "required": [*required], "properties": properties, "additionalProperties": False}


ADDRESS = {"type": "string", "pattern": "^https://", "maxLength": 3000}
FLAG = {"type": "boolean"}
COMMAND = closed(
    ["command", "description"],
    command={"type": "string", "pattern": "^/[a-z0-9_-]{1,31}$"},
    description=text(2000),
    usage_hint=text(1000),
    url=ADDRESS,
    should_escape=FLAG,
)
SCHEMA = closed(
    ["display_information"],
    _metadata=closed(major_version={"const": 1}, minor_version={"type": "integer"}),
    display_information=closed(
        ["name"], name=text(35), description=text(140), background_color={"pattern": "^#[0-9a-f]{6}$"}
    ),
    features=closed(
        app_home=closed(home_tab_enabled=FLAG, messages_tab_enabled=FLAG, messages_tab_read_only_enabled=FLAG),
        bot_user=closed(["display_name"], display_name=text(80), always_online=FLAG),
        slash_commands={"type": "array", "minItems": 1, "maxItems": 50, "items": COMMAND},
    ),
    oauth_config=closed(scopes=closed(bot={"type": "array", "uniqueItems": True, "maxItems": 255, "items": text(50)})),
    settings=closed(
        event_subscriptions=closed(
            request_url=ADDRESS, bot_events={"type": "array", "uniqueItems": True, "items": text(50)}
        ),
        interactivity=closed(["is_enabled"], is_enabled=FLAG, request_url=ADDRESS, message_menu_options_url=ADDRESS),
        org_deploy_enabled=FLAG,
        socket_mode_enabled=FLAG,
        token_rotation_enabled=FLAG,
    ),
)
"""Fields and limits of Slack's manifest, version 1, as far as they are used here."""


@pytest.mark.parametrize("given", [{}, {"url": URL}, {"prefix": "sm-"}, {"prefix": "a" * 16, "name": "T" * 35}])
def test_slack_would_take_it(given):
    jsonschema.validate(manifest(**given), SCHEMA)


def test_it_has_each_command_with_its_words():
    listed = {each["command"]: each for each in manifest()["features"]["slash_commands"]}
    assert list(listed) == [command.name for command in COMMANDS]
    for command in COMMANDS:
        assert listed[command.name].get("usage_hint", "") == command.usage
        assert listed[command.name]["description"] == command.description.replace("`", "")


def test_a_prefix_is_in_front_of_every_command_and_in_the_descriptions():
    commands = manifest(prefix="sm-")["features"]["slash_commands"]
    assert [each["command"] for each in commands] == [f"/sm-{command.name[1:]}" for command in COMMANDS]
    assert not re.search(
        r"(?<![\w-])/(?!sm-)(train|runs|locations)\b", " ".join(each["description"] for each in commands)
    )


def test_without_an_address_it_is_socket_mode_and_with_one_everything_goes_there():
    assert manifest()["settings"]["socket_mode_enabled"] is True
    assert "url" not in as_json(manifest())
    for url in (URL, f"{URL}/", f"{URL}/slack/events"):
        document = manifest(url=url)
        addresses = re.findall(r'_?url": "([^"]*)"', as_json(document))
        assert set(addresses) == {f"{URL}/slack/events"}
        assert len(addresses) == len(COMMANDS) + 3
        assert document["settings"]["socket_mode_enabled"] is False


@pytest.mark.parametrize(
    "given", [{"url": "http://here.example.com"}, {"url": "here"}, {"prefix": "/SM "}, {"name": ""}]
)
def test_what_slack_would_not_take_is_refused(given):
    with pytest.raises(UserError, match=f"--{next(iter(given))}"):
        manifest(**given)


def test_yaml_and_json_say_the_same():
    document = manifest(prefix="sm-", url=URL)
    assert yaml.safe_load(as_yaml(document)) == json.loads(as_json(document)) == document


def called():
    """The methods of Slack's Web API that the bot's code calls: literals like them, and the client's own methods."""
    found = set()
    families = {method.split(".")[0] for method in NEEDS} | {"reactions", "pins", "bookmarks", "im", "groups", "team"}
    for path in (ROOT / "bot").rglob("*.py"):
        if path.is_relative_to(ROOT / "bot" / "sandbox"):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                if re.fullmatch(r"[a-z]+(\.[a-z]+)*\.[a-zA-Z]+", node.value) and node.value.split(".")[0] in families:
                    found.add(node.value)
            elif isinstance(node, ast.Attribute) and re.match(rf"({'|'.join(families)})_[a-z]", node.attr):
                found.add(node.attr)
    return found


OWN = {"files_upload_v2": "files.upload", "apps_connections_open": "apps.connections.open", "auth_test": "auth.test"}


def test_each_method_that_is_called_has_its_scopes_and_no_scope_is_without_one():
    methods = {OWN.get(name, name) for name in called()}
    assert methods == set(NEEDS)
    assert set(SCOPES) == {"commands"}.union(*(NEEDS[method] for method in methods))


def test_the_command_line_prints_it():
    done = subprocess.run(
        [sys.executable, "-m", "bot", "manifest", "--json", "--url", URL],
        cwd=ROOT,
        env={"COMMAND_PREFIX": "sm-"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout) == manifest(prefix="sm-", url=URL)
    wrong = subprocess.run(
        [sys.executable, "-m", "bot", "manifest", "--url", "http://x"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert wrong.returncode == 2
    assert "https" in wrong.stderr
