"""GitLab, the public bucket and Slack's people, reached through doors that fail; and what was really done there."""

from collections import Counter

from bot.ports import Job, Person
from tests.crash.simulation.doors import Doors
from tests.doubles.doors import FakeCodeHost, FakePublicFiles


class CodeHost(FakeCodeHost):
    """`pushed_by`: tag -> the number of the run that pushed it."""

    def __init__(self, doors: Doors) -> None:
        super().__init__()
        self._doors = doors
        self.files["params.yaml", self.heads["main"]] = (
            b"train: {epochs: 9}\nsmoke: {train: {epochs: 1}}\ngates: {accuracy: {better: higher, tolerance: 0.05}}\n"
        )
        self.pushed_by: dict[str, int] = {}
        self.times_pushed: Counter[str] = Counter()
        self.times_released: Counter[str] = Counter()

    def head(self, branch):
        with self._doors.call("gitlab", "head", 0.2):
            return super().head(branch)

    def tag(self, name):
        with self._doors.call("gitlab", "tag", 0.2):
            return super().tag(name)

    def file(self, path, ref):
        with self._doors.call("gitlab", "file", 0.2):
            return super().file(path, ref)

    def create_release(self, release):
        with self._doors.call("gitlab", "create_release", 0.5):
            assert release.tag in self.tags_made, f"a release without its tag: {release.tag}"
            self.times_released[release.tag] += release.tag not in self.releases
            return super().create_release(release)

    def push(self, job: Job, commit: str) -> bool:
        """What `publish` does at the location: branch and tag in one go; False when the tag is somebody else's."""
        tag, uid = job.spec["tag"], job.spec["uid"]
        if tag not in self.tags_made:
            self.tags_made[tag] = commit
            self.messages[tag] = f"Run-Uid: {uid}"
            self.pushed_by[tag] = job.spec["run"]
            self.times_pushed[tag] += 1
        return self.messages[tag] in [f"Run-Uid: {own}" for own in (uid, *job.spec["retries"])]


class PublicFiles(FakePublicFiles):
    def __init__(self, doors: Doors) -> None:
        super().__init__()
        self._doors = doors

    def publish(self, key, content):
        with self._doors.call("s3", "publish", 0.3):
            return super().publish(key, content)


class People:
    """Everybody has an address; two or three share a machine."""

    def __init__(self, doors: Doors) -> None:
        self._doors = doors

    def person(self, user: str) -> Person:
        with self._doors.call("slack", "person", 0.1):
            name = user.removeprefix("U").lower()
            return Person(user, name, f"{name}@example.com")
