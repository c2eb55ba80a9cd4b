"""Where somebody may train: their own machines, shared ones and pools; an admin, everywhere. From the ledger alone."""

from __future__ import annotations

from bot.slack import words
from commands.desk import Desk, LocationFacts
from commands.modal.draft import USUAL


def places(user: str, desk: Desk) -> dict[str, str]:
    """Location or pool -> what people read of it; the usual one first."""
    own = line_of(USUAL, user, desk)
    found = {USUAL: f"The usual one ({own})" if own else "The usual one"}
    for facts in desk.locations.values():
        if not _may_use(facts, user, desk):
            continue
        if facts.pool and facts.line != own:
            found.setdefault(facts.line, f"{facts.line}: the first free machine of the pool")
        if facts.name != own:
            found[facts.name] = _said(facts)
    return found


def line_of(on: str, user: str, desk: Desk) -> str | None:
    """The line that a run would wait in; None where that is not known."""
    if on != USUAL:
        return on
    person = desk.person(user)
    return desk.location_for(person.email) if person is not None and person.email else None


def wrong_with_place(on: str, user: str, desk: Desk) -> str:
    """Why a person cannot train there; empty when they may, and for somebody whom the bot has yet to meet."""
    if on != USUAL:
        return "" if on in places(user, desk) else f"{on} is not for you to train on. Choose another machine."
    if desk.person(user) is None or line_of(USUAL, user, desk) is not None:
        return ""
    return f"No machine here is yours. Choose another one, or ask {desk.whom_to_ask} to add one for you."


def _may_use(facts: LocationFacts, user: str, desk: Desk) -> bool:
    person = desk.person(user)
    email = person.email.casefold() if person is not None else ""
    return facts.shared or user in desk.admins or bool(email and (facts.owner_email or "").casefold() == email)


def _said(facts: LocationFacts) -> str:
    kind = f"of the pool {facts.pool}" if facts.pool else "shared" if facts.shared else f"of {facts.owner_email}"
    price = "" if facts.price_per_hour is None else f", {words.rate(facts.price_per_hour)}"
    return f"{facts.name}: {kind}{price}"
