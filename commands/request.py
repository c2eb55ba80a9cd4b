"""What somebody typed after a slash command, read. Pure.

Phones turn quotes into typographic ones, Slack turns `main.py` into a link and `&` into an entity, and people copy
names with back quotes around them: all of that is taken off before a name is looked at.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from bot.errors import UserError
from bot.runs.model import TrainOptions
from bot.runs.names import smoke_name, wrong_with_branch, wrong_with_tag
from bot.slack.words import code, entities
from commands import flags

EXAMPLE = "/train main v1.0.0"
USAGE = "/train <branch> <tag>"

_LINK = re.compile(r"<([^<>|]*)(?:\|([^<>]*))?>")
_QUOTES = "\"'`\u00b4\u00ab\u00bb\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\u2039\u203a"
_DIGITS = re.compile(r"#?(\d{1,15})", re.ASCII)


@dataclass(frozen=True)
class Wanted:
    """A legal `/train`: which branch, what the release is to be called, and what else was said.

    A smoke test without a tag has a name of its own in its place.
    """

    branch: str
    tag: str
    options: TrainOptions = field(default_factory=TrainOptions)


def words(text: str) -> list[str]:
    """The words of a command, without what Slack and keyboards put around them."""
    bare = (word.strip(_QUOTES) for word in _plain(text).split())
    return [word for word in bare if word]


def _plain(text: str) -> str:
    plain = _LINK.sub(_label, text)
    for entity, character in (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
        plain = plain.replace(entity, character)
    return plain


def train(text: str) -> Wanted:
    """Branch, tag and options of a `/train`; `UserError` with the sentence to show when it is none."""
    given, options = flags.read(_plain(text))
    given = [word for word in (each.strip(_QUOTES) for each in given) if word]
    if options.smoke and len(given) == 1:
        given.append(smoke_name(given[0].removeprefix("refs/heads/")))
    if len(given) != 2:  # noqa: PLR2004 - a branch and a tag
        said = "It needs a branch and a tag" if len(given) < 2 else f"It takes two words, not {len(given)}"  # noqa: PLR2004
        raise UserError(f"{said}: `{USAGE}`, for example `{EXAMPLE}`. Nothing was started.")
    branch, tag = given[0].removeprefix("refs/heads/"), given[1].removeprefix("refs/tags/")
    wrong = wrong_with_branch(branch)
    if wrong:
        raise UserError(f"{_refused(branch, 'is no branch', wrong)} For example: `{EXAMPLE}`. Nothing was started.")
    wrong = wrong_with_tag(tag)
    if wrong:
        said = _refused(tag, "cannot be the tag of a release", wrong)
        raise UserError(f"{said} For example: `{EXAMPLE}`. Nothing was started.")
    return Wanted(branch, tag, options)


def build_image(text: str) -> str:
    """The branch of a `/build-image`; `UserError` with the sentence to show when it is none."""
    given = words(text)
    example = "For example: `/build-image main`. Nothing was started."
    if len(given) != 1:
        raise UserError(f"It needs one branch: `/build-image <branch>`. {example}")
    branch = given[0].removeprefix("refs/heads/")
    wrong = wrong_with_branch(branch)
    if wrong:
        raise UserError(f"{_refused(branch, 'is no branch', wrong)} {example}")
    return branch


def reproduce(text: str) -> str:
    """The tag of a `/reproduce`; `UserError` with the sentence to show when it is none."""
    given = words(text)
    example = "For example: `/reproduce v1.0.0`. Nothing was started."
    if len(given) != 1:
        raise UserError(f"It needs the tag of one release: `/reproduce <tag>`. {example}")
    tag = given[0].removeprefix("refs/tags/")
    wrong = wrong_with_tag(tag)
    if wrong:
        raise UserError(f"{_refused(tag, 'cannot be the tag of a release', wrong)} {example}")
    return tag


def one_run(text: str) -> int | str | None:
    """Which run is meant: its number (`42`, `#42`, `run 42`), its tag, or None when nothing sensible was typed."""
    given = words(text)
    if given[:1] and given[0].casefold() == "run":
        given = given[1:]
    if len(given) != 1:
        return None
    digits = _DIGITS.fullmatch(given[0])
    return int(digits[1]) if digits else given[0]


def run_and_reason(text: str) -> tuple[str, str]:
    """`run 42 it is fine` as the run's words and what follows them, on one line."""
    first, *rest = _plain(text).split() or [""]
    if first.casefold() == "run" and rest:
        first, *rest = rest
    return first, " ".join(rest)


def _label(link: re.Match[str]) -> str:
    """What a person typed before Slack made a link, a channel or a person of it."""
    target, label = link[1], link[2]
    return label or target.removeprefix("http://").removeprefix("https://").removeprefix("mailto:")


def _refused(name: str, what: str, wrong: str) -> str:
    """`a/b` cannot be ...: it holds `/`."""
    return f"{code(name, 60)} {what}: it {entities(wrong)}."
