"""Secrets that git has, or would take: in DVC's settings, in files that are known for them, and by their shape."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from trainer.onboarding.finding import Finding, named, ok, todo
from trainer.onboarding.storage import CONFIG
from trainer.onboarding.worktree import Worktree

_OPTION = re.compile(
    r"^\s*(access_key_id|secret_access_key|session_token|password|passphrase|account_key|sas_token|connection_string"
    r"|client_secret|gdrive_client_secret|token|custom_auth_header)\s*=\s*\S",
    re.IGNORECASE | re.MULTILINE,
)
"""Options of a DVC remote that log somebody in."""
_FILE = re.compile(
    r"\.env|\.netrc|\.pgpass|\.git-credentials|credentials(\.json)?|kaggle\.json|id_(rsa|ed25519|ecdsa)|.*\.p12"
)
_SHAPES = (
    "-----BEGIN [A-Z ]*PRIVATE KEY-----",
    "(AKIA|ASIA)[0-9A-Z]{16}",
    "glpat-[0-9A-Za-z_-]{20}",
    "xox[abprs]-[0-9]+-[0-9A-Za-z-]{20}",
)
"""Of private keys, AWS's key ids, GitLab's and Slack's tokens."""


def check(tree: Worktree) -> Iterator[Finding]:
    """See the module. What was in git once stays in its history, so a secret that is found has to be renewed."""
    again = "Then make a new one: git's history keeps this one."
    clean = True
    text = (tree.read(CONFIG) or b"").decode("utf-8", errors="replace")
    for option in dict.fromkeys(_OPTION.findall(text)):
        clean = False
        yield todo(f"{CONFIG} holds `{option}`. Move it: `dvc remote modify --local <name> {option} ...`. {again}")
    if files := sorted(path for path in tree.present if _is_known(path)):
        clean = False
        yield todo(f"git has, or would take, {named(files)}. `git rm --cached` it, and put it into .gitignore. {again}")
    if found := sorted(set(_grep(tree)) - set(files)):
        clean = False
        yield todo(f"Something that looks like a key or a token stands in {named(found)}. Take it out. {again}")
    if clean:
        yield ok("No credentials were found in what git has.")


def _is_known(path: str) -> bool:
    return path == ".dvc/config.local" or _FILE.fullmatch(posixpath.basename(path)) is not None


def _grep(tree: Worktree) -> list[str]:
    words = [word for shape in _SHAPES for word in ("-e", shape)]
    answer = tree.git.ask("grep", "--untracked", "-I", "-l", "-z", "-E", *words)
    return [name.decode("utf-8", errors="surrogateescape") for name in answer.split(b"\0") if name]
