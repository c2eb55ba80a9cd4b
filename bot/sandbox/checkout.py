"""A checkout of the demo project: git and DVC as a person would use them, without that person's settings."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from bot.errors import Unavailable
from bot.sandbox.inherited import inherited

SECONDS = 3_600.0
"""The longest that one command may take; a real Fruits-360 has 90,000 files to push."""

_PLAIN_GIT = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C.UTF-8",
}


_DVC = """
import json, sys
from dvc.cli import main
for words in json.loads(sys.argv[1]):
    code = main(words)
    if code:
        sys.exit(code)
"""


class Checkout:
    """The folder `folder`. `token` opens the local GitLab; `storage` is the environment that opens the DVC remote.

    Raises `Unavailable` with the command's last words when one fails.
    """

    def __init__(self, folder: Path, *, token: str, storage: Mapping[str, str]) -> None:
        self.folder = folder
        self._git_environment = {**inherited(), **_PLAIN_GIT, **_login(token)}
        self._dvc_environment = {**inherited(), **_PLAIN_GIT, **_plain_dvc(folder.parent), **storage}

    def git(self, *words: str, author: str = "") -> str:
        """Run git here and return what it said; `author` (`Name <address>`) is who commits."""
        name, _, address = author.rstrip(">").partition(" <")
        who = {
            f"GIT_{role}_{field}": value
            for role in ("AUTHOR", "COMMITTER")
            for field, value in (("NAME", name), ("EMAIL", address))
            if author
        }
        return self._run(["git", *words], {**self._git_environment, **who})

    def dvc(self, *commands: Sequence[str]) -> str:
        """Run DVC commands here, one after the other until one fails; return what they said.

        In one process: DVC takes a second to be imported.
        """
        return self._run([sys.executable, "-c", _DVC, json.dumps(commands)], self._dvc_environment)

    def write(self, path: str, text: str) -> None:
        """Put a file here."""
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, "utf-8")

    def _run(self, argv: list[str], environment: Mapping[str, str]) -> str:
        self.folder.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(
            argv, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
        )
        if done.returncode != 0:
            said = (done.stderr.strip() or done.stdout.strip()).splitlines()[-8:]
            name = "DVC" if argv[0] == sys.executable else f"`git {argv[1]}`"
            raise Unavailable(f"{name} failed while the demo project was made:\n" + "\n".join(said))
        return done.stdout


def _login(token: str) -> dict[str, str]:
    """The way git has to send a header with each request: the token is in no address and on no command line."""
    credentials = base64.b64encode(f"oauth2:{token}".encode()).decode()
    return {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "http.extraHeader",
        "GIT_CONFIG_VALUE_0": f"Authorization: Basic {credentials}",
    }


def _plain_dvc(scratch: Path) -> dict[str, str]:
    """DVC without this person's settings, and with what it remembers inside `scratch`."""
    folders = {f"DVC_{name}_DIR": str(scratch / "dvc") for name in ("GLOBAL_CONFIG", "SYSTEM_CONFIG", "SITE_CACHE")}
    return {**folders, "HOME": str(scratch), "DVC_NO_ANALYTICS": "1", "DVC_DAEMON": "0"}
