"""GitLab, the public bucket and Slack in memory, for tests of the engine."""

import hashlib
from dataclasses import replace

from bot.errors import Conflict, NotFound
from bot.ports import Commit, CommitStatus, Difference, Person, Release, Tag


class FakeCodeHost:
    def __init__(self) -> None:
        self.heads = {"main": "a" * 40, "feature/mobilenet": "b" * 40}
        self.default = "main"
        self.tags_made: dict[str, str] = {}
        self.messages: dict[str, str] = {}
        self.files: dict[tuple[str, str], bytes] = {}
        self.releases: dict[str, Release] = {}
        self.errors: list[Exception] = []
        self.release_errors: list[Exception] = []
        """Only for who makes a release."""
        self.merge_requests: list[tuple[str, str]] = []
        self.open_requests: set[str] = set()
        self.notes: dict[str, str] = {}
        self.contents: dict[str, dict[str, bytes]] = {}
        """Commit -> path -> content."""
        self.statuses: list[tuple[str, CommitStatus]] = []
        self.pushed: dict[tuple[str, str], list[Commit]] = {}
        """What lies between two commits."""
        self.differences: dict[tuple[str, str], Difference] = {}

    def head(self, branch):
        self._fail()
        return self.heads.get(branch)

    def default_branch(self):
        return self.default

    def compare(self, old, new):
        self._fail()
        return self.differences.get((old, new), Difference(0, ()))

    def branches(self, search="", most=100):
        return [name for name in self.heads if search in name][:most]

    def tree(self, commit):
        return {path: hashlib.sha1(content).hexdigest() for path, content in self.contents.get(commit, {}).items()}

    def tips(self):
        self._fail()
        return dict(self.heads)

    def commits(self, old, new):
        self._fail()
        if (old, new) not in self.pushed:
            raise NotFound(f"{old} is gone")
        return self.pushed[old, new]

    def tag(self, name):
        commit = self.tags_made.get(name)
        return Tag(name, commit, self.messages.get(name, "")) if commit else None

    def file(self, path, ref):
        self._fail()
        commit = self.heads.get(ref, ref)
        return self.files.get((path, commit)) or self.contents.get(commit, {}).get(path)

    def tags(self):
        return [Tag(name, commit) for name, commit in self.tags_made.items()]

    def release(self, tag):
        return self.releases.get(tag)

    def create_release(self, release):
        self._fail()
        if self.release_errors:
            raise self.release_errors.pop(0)
        made = self.releases.setdefault(release.tag, replace(release, url=f"http://gitlab.test/{release.tag}"))
        if replace(made, url="") != replace(release, url=""):
            raise Conflict("another release of this tag exists")
        return made

    def set_status(self, commit, status):
        self._fail()
        self.statuses.append((commit, status))

    def ensure_merge_request(self, source, target, _title, _description):
        if (source, target) not in self.merge_requests:
            self.merge_requests.append((source, target))
        return f"http://gitlab.test/merge/{source}"

    def upsert_note(self, branch, marker, body):
        self._fail()
        if branch not in self.open_requests:
            return None
        self.notes[branch] = f"{marker}\n{body}"
        return f"http://gitlab.test/merge/{branch}"

    def _fail(self):
        if self.errors:
            raise self.errors.pop(0)


class FakePublicFiles:
    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.errors: list[Exception] = []

    def publish(self, key, content):
        if self.errors:
            raise self.errors.pop(0)
        if self.files.setdefault(key, content) != content:
            raise Conflict("other bytes are there")
        return f"http://public.test/{key}"


class FakePeople:
    """The calls of the chat door that the engine makes itself."""

    def __init__(self) -> None:
        self.people = {
            "UALICE": Person("UALICE", "Alice", "alice@example.com"),
            "UBOB": Person("UBOB", "Bob", "bob@example.com"),
            "UEVE": Person("UEVE", "Eve", "eve@example.com"),
        }
        self.errors: list[Exception] = []

    def person(self, user):
        if self.errors:
            raise self.errors.pop(0)
        return self.people[user]

    def person_of(self, email):
        if self.errors:
            raise self.errors.pop(0)
        return next((person for person in self.people.values() if person.email == email), None)

    def address(self, channel, ts):
        return f"https://team.slack.test/archives/{channel}/p{ts.replace('.', '')}"
