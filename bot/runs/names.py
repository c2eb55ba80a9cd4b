"""Names of branches, tags and images: which are legal, which is next, and which one was probably meant. Pure."""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Collection, Iterable

TAG = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
"""A release's tag: legal for git, for a container and in an address (facts/platform-limits.md, "Names")."""
BRANCH = re.compile(r"[\w.+@#=/-]{1,200}")
"""An allow-list inside git's own rules: nothing that a shell, a URL or Slack's markup reads as more than a name."""

_VERSION = re.compile(r"(v?)(\d{1,9})\.(\d{1,9})\.(\d{1,9})", re.ASCII)
_NUMBER_AT_END = re.compile(r"(.*?)(\d{1,15})", re.ASCII | re.DOTALL)
_LONGEST_TAG = 63
_LONGEST_SLUG = 63
"""As GitLab's CI_COMMIT_REF_SLUG."""
_CLOSE, _FURTHER = 0.6, 0.15
"""How alike two names have to be (difflib's ratio) for "did you mean", and how much less alike the next may be."""
_PART, _SHORTEST_PART = 0.8, 3
"""How alike a name counts that holds the one wanted as a part, and how long such a part has to be."""


def wrong_with_tag(tag: str) -> str | None:
    """What is wrong with a release's tag, as the end of a sentence that begins with it; None when it is legal."""
    for wrong, sentence in (
        (len(tag) > _LONGEST_TAG, f"is too long: a tag has at most {_LONGEST_TAG} characters"),
        (not re.match(r"[A-Za-z0-9]", tag), "has to begin with a letter or a digit"),
        (".." in tag, "must not hold two dots in a row"),
        (tag.endswith("."), "must not end with a dot"),
        (tag.endswith(".lock"), "must not end with .lock: git keeps that for itself"),
        (tag.upper() in ("HEAD", "FETCH_HEAD", "ORIG_HEAD"), "is a name that git keeps for itself"),
    ):
        if wrong:
            return sentence
    if not TAG.fullmatch(tag):
        return f"holds {_stranger(tag, TAG)}: only letters, digits, dots, dashes and underscores are allowed"
    return None


def legal_tag(tag: str) -> bool:
    """Whether a release may be called that."""
    return wrong_with_tag(tag) is None


def wrong_with_branch(branch: str) -> str | None:
    """What is wrong with a branch's name, as the end of a sentence that begins with it; None when it is legal."""
    if branch.startswith(("-", "/", ".")) or branch.endswith(("/", ".")):
        return "must not begin with a dash, a dot or a slash, nor end with a dot or a slash"
    if not BRANCH.fullmatch(branch):
        return f"holds {_stranger(branch, BRANCH)}, which no branch here may have"
    if ".." in branch or "//" in branch or "@{" in branch or "/." in branch:
        return "must not hold `..`, `//` or `/.`"
    if any(part.endswith(".lock") for part in branch.split("/")):
        return "must not hold a part that ends with .lock: git keeps that for itself"
    if branch in ("@", "HEAD") or branch.startswith("refs/"):
        return "is a name that git keeps for itself"
    return None


def legal_branch(branch: str) -> bool:
    """Whether a branch of that name may be trained."""
    return wrong_with_branch(branch) is None


def next_version(tags: Iterable[str], wanted: str) -> str:
    """The next free tag after `wanted` in its own style: `v1.0.1` for a taken `v1.0.0`, `run-8` for `run-7`."""
    taken = set(tags)
    match = _NUMBER_AT_END.fullmatch(wanted)
    stem, number = (match[1], int(match[2])) if match is not None else (f"{wanted}-", 1)
    found = _first_free(stem, number, taken)
    return found if legal_tag(found) else newest_after(taken)


def newest_after(tags: Collection[str]) -> str:
    """The version after the newest among `tags`; `v1.0.0` when there is none."""
    versions = [(int(m[2]), int(m[3]), int(m[4]), m[1]) for m in map(_VERSION.fullmatch, tags) if m is not None]
    if not versions:
        return "v1.0.0"
    major, minor, patch, prefix = max(versions)
    return _first_free(f"{prefix}{major}.{minor}.", patch, tags)


def image_tag(branch: str) -> str:
    """What the branch's image is called: `train_<slug>-<hash8>`, at most 78 of the 128 characters that Docker takes.

    Slugs are not injective (`a/b`, `a-b`), hence the eight digits of the name's SHA-256.
    """
    slug = re.sub(r"[^a-z0-9]+", "-", branch.lower())[:_LONGEST_SLUG].strip("-") or "branch"
    return f"train_{slug}-{hashlib.sha256(branch.encode()).hexdigest()[:8]}"


def smoke_name(branch: str) -> str:
    """What a smoke test is called that was given no tag: `smoke-of-main`. Legal as a tag, and never made one."""
    slug = re.sub(r"[^A-Za-z0-9]+", "-", branch).strip("-") or "branch"
    return f"smoke-of-{slug}"[:_LONGEST_TAG]


def image_repository(project: str) -> str:
    """The project's path as Docker takes it: lower case, and single dots and underscores."""
    parts = (re.sub(r"[^a-z0-9]+", _separator, part.lower()).strip("._-") for part in project.split("/"))
    return "/".join(part for part in parts if part) or "project"


def registry_host(image: str) -> str:
    """`registry.example.com:5000` of an image's name; empty for Docker's own registry, and for an image by its id."""
    first, slash, _ = image.partition("/")
    return first if slash and ("." in first or ":" in first or first == "localhost") else ""


def _separator(found: re.Match[str]) -> str:
    return found[0] if re.fullmatch(r"-+|[._]|__", found[0]) else "-"


def nearest(names: Iterable[str], wanted: str, *, limit: int = 3) -> list[str]:
    """Up to `limit` names that were probably meant, the likeliest first; the last part of a path is a name too."""
    scored = [(_likeness(name.casefold(), wanted.casefold()), name) for name in dict.fromkeys(names)]
    best = max((score for score, _ in scored), default=0.0)
    scored = [(score, name) for score, name in scored if score >= max(_CLOSE, best - _FURTHER)]
    return [name for _, name in sorted(scored, key=lambda each: (-each[0], each[1]))][:limit]


def _likeness(name: str, wanted: str) -> float:
    tails = name.rsplit("/", 1)[-1], wanted.rsplit("/", 1)[-1]
    pairs = ((name, wanted), tails, (tails[0], wanted))
    ratio = max(difflib.SequenceMatcher(None, *pair).ratio() for pair in pairs)
    return max(ratio, _PART) if len(wanted) >= _SHORTEST_PART and wanted in name else ratio


def did_you_mean(names: Iterable[str], wanted: str) -> str:
    """`Did you mean `main`?`, or nothing when no name is like it."""
    found = [f"`{name}`" for name in nearest(names, wanted)]
    return f"Did you mean {' or '.join(found)}?" if found else ""


def _first_free(stem: str, number: int, taken: Collection[str]) -> str:
    number += 1
    while f"{stem}{number}" in taken:
        number += 1
    return f"{stem}{number}"


def _stranger(name: str, allowed: re.Pattern[str]) -> str:
    """The first character that is not allowed, in words where it cannot be seen."""
    for character in name:
        if allowed.fullmatch("a" + character) is None and allowed.fullmatch(character) is None:
            return (
                f"`{character}`" if character.isprintable() and character != "`" else "a character that is not allowed"
            )
    return "a character that is not allowed"
