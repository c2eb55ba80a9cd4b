"""Protected branches and tags, enforced where GitLab enforces them: before a push is accepted.

A pre-receive hook judges every ref of a push; one refusal refuses the whole push, as on GitLab. The rules live in
the repository's own git configuration, so they hold after a restart.
"""

from __future__ import annotations

import fnmatch
import subprocess
from typing import TYPE_CHECKING

from bot.sandbox.gitlab.repository import git_environment

if TYPE_CHECKING:
    from pathlib import Path

_HOOK = r"""#!/bin/sh
# Judges a push as GitLab does. GL_ACCESS_LEVEL is the role of whoever pushes (30 developer, 40 maintainer);
# a rule is "<level> <pattern>". Without a level (a push on the disk itself) nothing is refused.
[ -n "$GL_ACCESS_LEVEL" ] || exit 0
refuse() { echo "GitLab: $1" >&2; exit 1; }

level_for() { # <configuration key> <name>: the level its rule asks for, or nothing
  git config --get-all "$1" | while read -r level pattern; do
    case "$2" in $pattern) echo "$level"; break ;; esac
  done
}

while read -r old new ref; do
  zero=$(echo "$new" | tr '0-9a-f' '0')
  case "$ref" in
    refs/heads/*)
      need=$(level_for sandbox.protectedbranch "${ref#refs/heads/}")
      [ -n "$need" ] || continue
      [ "$new" != "$zero" ] || refuse "You can only delete protected branches using the web interface."
      [ "$GL_ACCESS_LEVEL" -ge "$need" ] ||
        refuse "You are not allowed to push code to protected branches on this project."
      [ "$old" = "$zero" ] || git merge-base --is-ancestor "$old" "$new" ||
        refuse "You are not allowed to force push code to a protected branch on this project."
      ;;
    refs/tags/*)
      need=$(level_for sandbox.protectedtag "${ref#refs/tags/}")
      if [ "$old" != "$zero" ]; then
        [ -z "$need" ] || refuse "Protected tags cannot be updated."
        [ "$GL_ACCESS_LEVEL" -ge 40 ] || refuse "You are not allowed to change existing tags on this project."
      fi
      [ -z "$need" ] || [ "$GL_ACCESS_LEVEL" -ge "$need" ] ||
        refuse "You are not allowed to create this tag as it is protected."
      ;;
  esac
done
"""


class Protection:
    """The rules of one repository. A pattern is a name or a glob such as `v*`."""

    def __init__(self, repository: Path) -> None:
        self._repository = repository

    def install(self) -> None:
        """Put the hook in place."""
        hook = self._repository / "hooks" / "pre-receive"
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(_HOOK, encoding="utf-8")
        hook.chmod(0o755)

    def protect_branch(self, pattern: str, level: int) -> None:
        """From now on only `level` (40: maintainer) and above may push; nobody may force or delete."""
        self._add("sandbox.protectedbranch", pattern, level)

    def protect_tag(self, pattern: str, level: int) -> None:
        """From now on only `level` and above may create; nobody may move or delete by push."""
        self._add("sandbox.protectedtag", pattern, level)

    def branch_level(self, name: str) -> int | None:
        """The role that may push to the branch, or None when it is not protected."""
        return self._level("sandbox.protectedbranch", name)

    def tag_level(self, name: str) -> int | None:
        """The role that may create the tag, or None when it is not protected."""
        return self._level("sandbox.protectedtag", name)

    def _level(self, key: str, name: str) -> int | None:
        for rule in self._config("--get-all", key).splitlines():
            level, _, pattern = rule.partition(" ")
            if fnmatch.fnmatchcase(name, pattern):
                return int(level)
        return None

    def _add(self, key: str, pattern: str, level: int) -> None:
        rule = f"{level} {pattern}"
        if rule not in self._config("--get-all", key).splitlines():
            self._config("--add", key, rule)

    def _config(self, *argv: str) -> str:
        command = ["git", "--git-dir", str(self._repository), "config", "--local", *argv]
        done = subprocess.run(command, capture_output=True, check=False, env=git_environment())
        return done.stdout.decode()
