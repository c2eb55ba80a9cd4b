"""What a Dockerfile takes from its context, read without Docker. Standard library only, and pure.

What is not understood counts as all of the context. To take more than Docker would costs a build now and then; to take
less is no danger either, since a build gets what was taken here and nothing else.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Callable, Iterable, Iterator

Sources = tuple[str, ...] | None
"""Paths and patterns in the context, as Docker matches them; None for all of it."""

_DIRECTIVE = re.compile(r"#\s*(syntax|escape)\s*=\s*(\S+)\s*", re.IGNORECASE)
_KNOWN_SYNTAX = re.compile(r"(?:docker\.io/)?docker/dockerfile(?:-upstream)?(?:[:@].*)?")
_ELSEWHERE = re.compile(r"(?:https?|git|ssh)://|git@|<<")
"""How a source begins that is not in the context: an address, or text in the Dockerfile itself."""
_UNREADABLE = re.compile(r"[$\"'\\`]|\[[^\]]*$")
"""Variables, quotes and half a character class: what such a source names is not known here."""
_WILD = re.compile(r"\*\*/|\*\*|\*|\?|\[[^\]]*\]")
_WIDER = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*"}


def sources(text: str) -> Sources:
    """What COPY, ADD and RUN --mount=type=bind take from the context."""
    directives = dict(_directives(text))
    if not _KNOWN_SYNTAX.fullmatch(directives.get("syntax", "docker/dockerfile")):
        return None
    found: dict[str, None] = {}
    for instruction in _instructions(text, directives.get("escape", "\\")):
        taken = _taken(instruction)
        if taken is None:
            return None
        found.update(dict.fromkeys(taken))
    return tuple(found)


def taking(source: str) -> Callable[[str], bool]:
    """Whether a source takes a path: itself, what it matches, or what lies under that."""
    pattern = _pattern(source)
    return lambda path: pattern.fullmatch(path) is not None


def ignoring(text: str) -> Callable[[str], bool]:
    """Whether a .dockerignore leaves a path out for sure: the last rule that matches it, or a folder of it, decides."""
    rules = list(_rules(text))

    def left_out(path: str) -> bool:
        decided = (leaves_out for pattern, leaves_out in reversed(rules) if pattern.fullmatch(path))
        return next(decided, False)

    return left_out


def _directives(text: str) -> Iterator[tuple[str, str]]:
    """The comments at the very top that mean something."""
    for line in text.removeprefix("\ufeff").splitlines():
        directive = _DIRECTIVE.fullmatch(line.strip())
        if directive is None:
            return
        yield directive[1].lower(), directive[2]


def _instructions(text: str, escape: str) -> Iterator[str]:
    """Each instruction on one line, without comments."""
    begun = ""
    for line in text.removeprefix("\ufeff").splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if line.rstrip().endswith(escape):
            begun += line.rstrip()[:-1]
            continue
        yield (begun + line).strip()
        begun = ""
    if begun:
        yield begun.strip()


def _taken(instruction: str) -> Sources:
    name, _, rest = instruction.partition(" ")
    name, rest = name.upper(), rest.strip()
    if name == "ONBUILD":
        return _taken(rest)
    flags = []
    while name in ("COPY", "ADD", "RUN") and rest.startswith("--"):
        flag, _, rest = rest.partition(" ")
        flags.append(flag)
        rest = rest.strip()
    if name == "RUN":
        return _known(_mounted(flags))
    if name not in ("COPY", "ADD") or any(flag.startswith("--from=") for flag in flags):
        return ()
    words = _words(rest)
    return _known(words[:-1]) if len(words) > 1 else None


def _words(rest: str) -> list[str]:
    if not rest.startswith("["):
        return rest.split()
    try:
        listed = json.loads(rest)
    except ValueError:
        return []
    return [str(word) for word in listed]


def _mounted(flags: Iterable[str]) -> Iterator[str]:
    for flag in flags:
        if not flag.startswith("--mount="):
            continue
        options = dict(part.partition("=")[::2] for part in flag.removeprefix("--mount=").split(","))
        if options.get("type", "bind") == "bind" and "from" not in options:
            yield options.get("source") or options.get("src") or "."


def _known(names: Iterable[str]) -> Sources:
    found = []
    for name in names:
        if _ELSEWHERE.match(name):
            continue
        path = posixpath.normpath(f"/{name}").lstrip("/")
        if _UNREADABLE.search(name) or not path:
            return None
        found.append(path)
    return tuple(found)


def _rules(text: str) -> Iterator[tuple[re.Pattern[str], bool]]:
    for line in text.removeprefix("\ufeff").splitlines():
        rule = line.strip()
        if not rule or rule.startswith("#"):
            continue
        leaves_out = not rule.startswith("!")
        path = posixpath.normpath(f"/{rule.removeprefix('!').strip()}").lstrip("/")
        if "[" in path or "\\" in path:  # a finer rule than is read here: it leaves nothing out
            if not leaves_out:
                yield re.compile(".*", re.DOTALL), False
        elif path:
            yield _pattern(path), leaves_out


def _pattern(source: str) -> re.Pattern[str]:
    """What the source matches, and all under that. A character class takes any character here: more than Docker's."""
    parts, end = [], 0
    for wild in _WILD.finditer(source):
        parts += [re.escape(source[end : wild.start()]), _WIDER.get(wild[0], "[^/]")]
        end = wild.end()
    return re.compile("".join([*parts, re.escape(source[end:]), "(?:/.*)?"]), re.DOTALL)
