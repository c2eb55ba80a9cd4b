"""Which runs a person wants to see: `/runs mine failed branch main`. Read, said and carried by a button. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from bot.errors import UserError
from bot.runs.model import Phase
from bot.slack import words

STATES: Mapping[str, tuple[Phase, ...]] = {
    "waiting": (Phase.QUEUED,),
    "released": (Phase.RELEASED,),
    "built": (Phase.BUILT,),
    "compared": (Phase.COMPARED,),
    "failed": (Phase.FAILED,),
    "cancelled": (Phase.CANCELLED,),
}
"""Words for how runs stand, beside `active` and `all`."""
EVERYWHERE = "all-projects"
_NAMED = {"branch": "branch", "of": "branch", "on": "location", "by": "user"}


@dataclass(frozen=True)
class RunFilter:
    """`state` is `active`, `all` or one of `STATES`. `before`: only runs with a smaller number, a page's end."""

    state: str = "active"
    mine: bool = False
    user: str = ""
    """A name as it was typed."""
    branch: str = ""
    location: str = ""
    everywhere: bool = False
    """In all projects, not only in the channel's."""
    before: int | None = None

    @property
    def phases(self) -> tuple[Phase, ...]:
        """The phases that belong to the state; none for `active` and `all`."""
        return STATES.get(self.state, ())

    def older_than(self, run_id: int) -> RunFilter:
        """The next page."""
        return replace(self, before=run_id)

    def newest(self) -> RunFilter:
        """The first page."""
        return replace(self, before=None)

    def heading(self) -> str:
        """`Your failed runs of `main` on `rack-1``, in mrkdwn."""
        state = {"active": "runs that are going on", "all": "latest runs"}.get(self.state, f"{self.state} runs")
        said = f"Your {state}" if self.mine else state[:1].upper() + state[1:]
        if self.state == "all" and not self.mine:
            said = "The latest runs"
        said += f" of {words.code(self.branch, 80)}" if self.branch else ""
        said += f" on {words.code(self.location, 80)}" if self.location else ""
        said += " in all projects" if self.everywhere else ""
        return said + (f" by {words.escape(self.user, 80)}" if self.user else "")

    def packed(self) -> str:
        """As a button's value."""
        return json.dumps({name: value for name, value in asdict(self).items() if value}, ensure_ascii=False)


def unpacked(value: str) -> RunFilter:
    """The filter that a button carries; the plain one when it carries none."""
    try:
        record = json.loads(value)
    except ValueError:
        record = None
    if not isinstance(record, dict):
        return RunFilter()
    known = {field.name for field in fields(RunFilter)}
    given: dict[str, Any] = {name: one for name, one in record.items() if name in known}
    return RunFilter(**given)


def run_filter(given: Sequence[str]) -> RunFilter | None:
    """The filter that the words name; None when their first is no word of a filter (a number or a tag, then).

    Raises:
        UserError: with the sentence to show, for words that do not go together.
    """
    found, rest = RunFilter(), [word for word in given if word.casefold() != "runs"]
    if not rest:
        return found
    if rest[0].casefold() not in {"active", "all", "mine", EVERYWHERE, *STATES, *_NAMED}:
        return None
    state = ""
    while rest:
        word = rest.pop(0).casefold()
        if word == "mine":
            found = replace(found, mine=True)
        elif word == EVERYWHERE:
            found = replace(found, everywhere=True)
        elif word in ("active", "all", *STATES):
            if state and state != word:
                raise UserError(f"Either `{state}` or `{word}`: a run is only in one state.")
            state = word
        elif word in _NAMED and rest:
            name: Any = rest.pop(0).removeprefix("@")
            found = replace(found, **{_NAMED[word]: name})
        elif word in _NAMED:
            raise UserError(f"After `{word}` comes a name: `/runs {word} {_EXAMPLES[word]}`.")
        else:
            raise UserError(f"`/runs` does not know the word {words.code(word, 60)}. {HINT}")
    # Whoever names a branch, a person or a place asks for what was, too.
    asked = "all" if found not in (RunFilter(), RunFilter(everywhere=True)) else "active"
    return replace(found, state=state or asked)


_EXAMPLES = {"branch": "main", "of": "main", "on": "rack-1", "by": "alice"}
HINT = (
    "It knows `mine`, `active`, `all`, "
    + ", ".join(f"`{state}`" for state in STATES)
    + ", `branch <name>`, `on <location>` and `by <person>`."
)
