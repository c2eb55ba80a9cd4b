"""The flags of a `/train`, told apart from its words. Pure.

Phones make one long dash of `--` and typographic quotes of straight ones; a value with blanks stands in quotes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from bot.errors import UserError
from bot.runs.model import TrainOptions
from bot.runs.names import nearest
from bot.slack.words import code, listing

FLAGS = "[--on LOCATION] [--set name=value ...] [--smoke] [--force]"
TAKEN = ("--on", "--set", "--smoke", "--force")
NOTHING = "Nothing was started."
MOST_SET = 50
LONGEST_VALUE = 500
"""Characters."""

_DASHES = re.compile(r"[\u2010-\u2015\u2212-]{1,2}(?=[A-Za-z])")
_DOUBLE = str.maketrans(dict.fromkeys("\u00ab\u00bb\u201c\u201d\u201e\u201f", '"'))
_SINGLE = str.maketrans(dict.fromkeys("\u2018\u2019\u201a\u201b\u2039\u203a", "'"))
_WORD = re.compile(r"""(?:[^\s"']|"[^"]*"|'[^']*'|["'])+""")
_QUOTED = re.compile(r""""([^"]*)"|'([^']*)'""")
_PARAMETER = re.compile(r"[A-Za-z_][\w-]*(?:\.[\w-]+)*", re.ASCII)
_LONGEST_NAME = 200


def read(text: str) -> tuple[list[str], TrainOptions]:
    """The words and what the flags among them say; `UserError` with the sentence to show when a flag is wrong."""
    words: list[str] = []
    said: dict[str, list[str]] = {}
    waiting = _split(text)
    while waiting:
        word = waiting.pop(0)
        name, joined, value = word.partition("=")
        flag = _flag(name)
        if flag is None:
            words.append(word)
        elif flag in ("--on", "--set"):
            said.setdefault(flag, []).append(value if joined else _next(flag, waiting))
        elif joined:
            raise UserError(f"{code(flag)} stands alone, nothing follows it. {NOTHING}")
        else:
            said[flag] = []
    return words, TrainOptions(
        on=_once(said.get("--on", [])),
        set=_set(said.get("--set", [])),
        smoke="--smoke" in said,
        force="--force" in said,
    )


def _split(text: str) -> list[str]:
    """Words, with what stands in quotes kept together where it is a value."""
    found: list[str] = []
    for match in _WORD.finditer(text.translate(_DOUBLE).translate(_SINGLE)):
        bare = _QUOTED.sub(lambda quoted: quoted[1] or quoted[2] or "", match[0])
        found += [bare] if "=" in bare else bare.split()
    stripped = (word.strip("\"'`\u00b4") for word in found)
    return [word for word in stripped if word]


def _flag(word: str) -> str | None:
    """The flag that a word is, None for another word; a dash can begin neither a branch nor a tag."""
    if not _DASHES.match(word):
        return None
    flag = _DASHES.sub("--", word, count=1).casefold()
    if flag in TAKEN:
        return flag
    near = nearest(TAKEN, flag, limit=1)
    hint = f"Did you mean {code(near[0])}?" if near else f"There is {listing([code(each) for each in TAKEN])}."
    raise UserError(f"There is no {code(flag, 60)} here. {hint} {NOTHING}")


def _next(flag: str, waiting: list[str]) -> str:
    if waiting and not _DASHES.match(waiting[0]):
        return waiting.pop(0)
    example = "--on rack-1" if flag == "--on" else "--set train.epochs=5"
    raise UserError(f"Something is missing after {code(flag)}, for example {code(example)}. {NOTHING}")


def _once(names: list[str]) -> str | None:
    if len(names) > 1:
        raise UserError(f"A run has one machine, and `--on` is there {len(names)} times: say it once. {NOTHING}")
    return names[0] if names else None


def _set(given: list[str]) -> Mapping[str, str]:
    if len(given) > MOST_SET:
        raise UserError(f"More than {MOST_SET} `--set` are too many: change params.yaml on the branch. {NOTHING}")
    found: dict[str, str] = {}
    for each in given:
        name, equals, value = each.partition("=")
        for wrong, sentence in (
            (not equals, "lacks its value: write it as `--set train.epochs=5`."),
            (not legal_parameter(name), "does not begin with the name of a parameter, such as `train.epochs`."),
            (len(value) > LONGEST_VALUE, f"is too long: a value has at most {LONGEST_VALUE} characters."),
        ):
            if wrong:
                raise UserError(f"{code(f'--set {each}', 80)} {sentence} {NOTHING}")
        if name in found:
            raise UserError(f"{code(name, 80)} is set twice. Say once what it is to be. {NOTHING}")
        found[name] = value
    return found


def legal_parameter(name: str) -> bool:
    """Whether a parameter can be called that on a line: names with dots between them."""
    return len(name) <= _LONGEST_NAME and _PARAMETER.fullmatch(name) is not None
