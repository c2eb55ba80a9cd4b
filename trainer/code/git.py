"""The one door to git: argv lists, full refs, nobody's configuration, no hooks, no questions."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from trainer.failure import StepError

_PASSED_ON = (
    "PATH",
    "TMPDIR",
    "SSH_AUTH_SOCK",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "HTTPS_PROXY",
    "NO_PROXY",
)
_CONFIG = {
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "core.symlinks": "true",
    "credential.helper": "",
    "diff.ignoreSubmodules": "all",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "protocol.ext.allow": "never",
    "safe.directory": "*",
    "submodule.recurse": "false",
}
"""Set in the environment of every call, which is stronger than what any repository says."""

_REFUSED = re.compile(
    r"authentication failed|could not read (?:username|password)|returned error: 40[13]"
    r"|access denied|permission denied",
    re.IGNORECASE,
)

TIMEOUT = 3600.0
"""Seconds; a first fetch of a large repository over a slow line."""


class GitError(Exception):
    """git said no. `output` is its standard error and output."""

    def __init__(self, command: str, code: int, output: str) -> None:
        super().__init__(f"git {command} ended with {code}: {output.strip()[-2000:]}")
        self.code = code
        self.output = output


@dataclass(frozen=True)
class Git:
    """git on one repository. `login` is configuration that only calls to the server get (see `Secrets.git_config`)."""

    git_dir: Path
    work_tree: Path | None = None
    index: Path | None = None
    login: Mapping[str, str] = field(default_factory=dict, repr=False)

    def run(self, *words: str, stdin: bytes = b"", remote: bool = False, env: Mapping[str, str] | None = None) -> bytes:
        """Run one command and return its output.

        Raises:
            GitError: it did not succeed.
        """
        try:
            done = subprocess.run(
                ["git", *words],
                input=stdin,
                capture_output=True,
                check=False,
                env={**self._environment(remote=remote), **(env or {})},
                cwd=self.work_tree or self.git_dir,
                timeout=TIMEOUT,
            )
        except subprocess.TimeoutExpired as error:
            raise GitError(words[0], 124, f"no end after {TIMEOUT:.0f} s") from error
        except FileNotFoundError as error:
            raise StepError("internal", "There is no git at this location. Install it, then train again.") from error
        if done.returncode:
            said = (done.stderr + done.stdout).decode("utf-8", errors="replace")
            raise GitError(words[0], done.returncode, said)
        return done.stdout

    def text(self, *words: str) -> str:
        """Output of a command as text, without the line's end."""
        return self.run(*words).decode("utf-8", errors="surrogateescape").strip()

    def ask(self, *words: str, stdin: bytes = b"") -> bytes:
        """Output of a command that answers "no" by ending with 1: empty then."""
        try:
            return self.run(*words, stdin=stdin)
        except GitError as error:
            if error.code == 1:
                return b""
            raise

    def resolve(self, name: str) -> str | None:
        """The object's id behind a name, or None where there is none."""
        try:
            return self.text("rev-parse", "--quiet", "--verify", "--end-of-options", name)
        except GitError:
            return None

    def _environment(self, *, remote: bool) -> dict[str, str]:
        config = {**_CONFIG, **(self.login if remote else {})}
        env = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        env |= {
            "GIT_DIR": str(self.git_dir),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_NO_REPLACE_OBJECTS": "1",
            "HOME": os.devnull,
            "LC_ALL": "C",
            "GIT_CONFIG_COUNT": str(len(config)),
        }
        for number, (key, value) in enumerate(config.items()):
            env |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
        if self.work_tree:
            env["GIT_WORK_TREE"] = str(self.work_tree)
        if self.index:
            env["GIT_INDEX_FILE"] = str(self.index)
        return env


def server_failure(deed: str, error: GitError) -> StepError:
    """What a person reads when the git server did not do it: a refused login, or the network."""
    if _REFUSED.search(error.output):
        return StepError("credentials", f"The git server refused the login while {deed}: {_last(error)}")
    return StepError("network", f"git failed while {deed}: {_last(error)}")


def server_said(error: GitError) -> str:
    """The server's own words in a refusal (`remote: GitLab: You are not allowed to ...`), or git's last line."""
    lines = [line.removeprefix("remote:").strip() for line in error.output.splitlines() if line.startswith("remote:")]
    return " ".join(line for line in lines if line)[:500] or _last(error)


def _last(error: GitError) -> str:
    lines = [line.strip() for line in error.output.splitlines() if line.strip()]
    return lines[-1][:300] if lines else f"exit code {error.code}"
