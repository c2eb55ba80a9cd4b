"""What the small app shows, and how it is opened and heard."""

from __future__ import annotations

import os
from pathlib import Path

from playwright.sync_api import expect

from tests.contract.forms_app import entry
from tests.doubles.block_kit import plain

CHANNEL = "C0TRAINING"
SHOTS = Path(os.environ.get("SCREENSHOTS", "build/screenshots"))
TEXT = entry("text", "Text", "plain_text_input")
CARD = {"type": "header", "text": plain("Run 42 of all")}
FREE = entry("text", "Text", "plain_text_input", of={"optional": True})
SURE = {"title": plain("Sure?"), "text": plain("All of it."), "confirm": plain("Yes"), "deny": plain("No")}


def opened(person, app, view=None):
    if view:
        app.views.put(view)
    person.type("/form")
    expect(person.modal).to_be_visible()
    return person.modal


def last(app):
    said = app.hears()
    while not app.told.empty():
        said = app.hears()
    return said


def last_action(app):
    while (body := app.hears())["type"] != "block_actions":
        pass
    return body
