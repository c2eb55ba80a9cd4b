"""Protected branches and tags, enforced where GitLab enforces them: before a push is accepted.

A pre-receive hook judges every ref of a push; one refusal refuses the whole push, as on GitLab. The rules are lines
of a file in the repository (`branch 40 main`, `tag 40 v*`; the first that matches counts): they outlive a restart.
"""

from __future__ import annotations

import fnmatch
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_HOOK = r"""#!/bin/sh
# Judges a push as GitLab does. GL_ACCESS_LEVEL is the role of whoever pushes (30 developer, 40 maintainer);
# a rule is "<kind> <level> <pattern>". Without a role (a push on the disk itself) nothing is refused.
[ -n "$GL_ACCESS_LEVEL" ] || exit 0
refuse() { echo "GitLab: $1" >&2; exit 1; }

level_for() { # <kind> <name>: the level its rule asks for, or nothing
  [ -f "$GIT_DIR/protected" ] || return 0
  while read -r kind level pattern; do
    [ "$kind" = "$1" ] || continue
    case "$2" in $pattern) echo "$level"; return ;; esac
  done < "$GIT_DIR/protected"
}

while read -r old new ref; do
  zero=$(echo "$new" | tr '0-9a-f' '0')
  case "$ref" in
    refs/heads/*)
      need=$(level_for branch "${ref#refs/heads/}")
      [ -n "$need" ] || continue
      [ "$new" != "$zero" ] || refuse "You can only delete protected branches using the web interface."
      [ "$GL_ACCESS_LEVEL" -ge "$need" ] ||
        refuse "You are not allowed to push code to protected branches on this project."
      [ "$old" = "$zero" ] || git merge-base --is-ancestor "$old" "$new" ||
        refuse "You are not allowed to force push code to a protected branch on this project."
      ;;
    refs/tags/*)
      need=$(level_for tag "${ref#refs/tags/}")
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
        self._file = repository / "protected"

    def install(self) -> None:
        """Put the hook in place."""
        hook = self._repository / "hooks" / "pre-receive"
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(_HOOK, encoding="utf-8")
        hook.chmod(0o755)

    def protect_branch(self, pattern: str, level: int) -> None:
        """From now on only `level` (40: maintainer) and above may push; nobody may force or delete."""
        self._add(f"branch {level} {pattern}")

    def protect_tag(self, pattern: str, level: int) -> None:
        """From now on only `level` and above may create; nobody may move or delete by push."""
        self._add(f"tag {level} {pattern}")

    def branch_level(self, name: str) -> int | None:
        """The role that may push to the branch, or None when it is not protected."""
        return self._level("branch", name)

    def tag_level(self, name: str) -> int | None:
        """The role that may create the tag, or None when it is not protected."""
        return self._level("tag", name)

    def _level(self, kind: str, name: str) -> int | None:
        for rule in self._rules():
            its_kind, level, pattern = rule.split(" ", 2)
            if its_kind == kind and fnmatch.fnmatchcase(name, pattern):
                return int(level)
        return None

    def _add(self, rule: str) -> None:
        if rule not in self._rules():
            with self._file.open("a", encoding="utf-8") as file:
                file.write(f"{rule}\n")

    def _rules(self) -> list[str]:
        return self._file.read_text(encoding="utf-8").splitlines() if self._file.exists() else []
