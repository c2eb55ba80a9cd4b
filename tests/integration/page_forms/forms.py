"""What the small app shows in a channel, and how its modal is opened."""

from __future__ import annotations

import os
from pathlib import Path

from playwright.sync_api import expect

from tests.doubles.block_kit import plain

SHOTS = Path(os.environ.get("SCREENSHOTS", "build/screenshots"))
CARD = {"type": "header", "text": plain("Run 42 of all")}
SURE = {"title": plain("Sure?"), "text": plain("All of it."), "confirm": plain("Yes"), "deny": plain("No")}


def opened(person, app, view=None):
    if view:
        app.views.put(view)
    person.type("/form")
    expect(person.modal).to_be_visible()
    return person.modal
