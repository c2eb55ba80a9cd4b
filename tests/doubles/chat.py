"""Slack in memory, held to the same contract as the real door (tests/contract/test_chat.py).

No message gets past it that Slack would refuse.
"""

import itertools
from dataclasses import dataclass, field

from bot.errors import NotFound
from bot.ports import Message, Person
from tests.doubles.payloads import wrong_with_message


@dataclass
class Said:
    channel: str
    ts: str
    message: Message
    thread: str | None = None
    edits: int = 0
    in_channel: bool = False
    file: tuple[str, bytes] | None = None
    caption: str = ""

    @property
    def text(self) -> str:
        return self.message.text


@dataclass
class FakeChat:
    people: dict[str, Person] = field(
        default_factory=lambda: {
            "UALICE": Person("UALICE", "alice", "alice@example.com"),
            "UBOB": Person("UBOB", "bob", "bob@example.com"),
        }
    )
    said: list[Said] = field(default_factory=list)
    whispers: list[tuple[str, str, Message]] = field(default_factory=list)
    whispered_in: list[str | None] = field(default_factory=list)
    closed: set[str] = field(default_factory=set)
    calls: list[str] = field(default_factory=list)
    faults: list[tuple[str, Exception, bool]] = field(default_factory=list)
    looked_since: float = 0.0
    clock: itertools.count = field(default_factory=lambda: itertools.count(1))

    def fail(self, call: str, error: Exception, *, after: bool = False, times: int = 1) -> None:
        """The next `times` calls fail; `after`: they take effect, and only the answer is lost."""
        self.faults += [(call, error, after)] * times

    def post(self, channel, message, *, thread=None, in_channel=False):
        assert wrong_with_message(message.text, message.blocks) == []
        after = self._begin("post", channel)
        if thread is not None and not any(each.ts == thread and each.channel == channel for each in self.said):
            raise NotFound("thread_not_found")
        said = Said(channel, f"{next(self.clock)}.000000", message, thread, in_channel=in_channel)
        self.said.append(said)
        self._end(after)
        return said.ts

    def update(self, channel, ts, message):
        assert wrong_with_message(message.text, message.blocks) == []
        after = self._begin("update", channel)
        for said in self.said:
            if (said.channel, said.ts) == (channel, ts):
                said.message = message
                said.edits += 1
                return self._end(after)
        raise NotFound("message_not_found")

    def find(self, channel, key, *, thread=None, since=0.0):
        self._begin("find", channel)
        self.looked_since = since
        found = (each for each in self.said if (each.channel, each.thread) == (channel, thread))
        return next((each.ts for each in found if key in each.message.key.split()), None)

    def upload(self, channel, thread, *, name, title, content, caption=""):
        after = self._begin("upload", channel)
        self.said.append(
            Said(
                channel, f"{next(self.clock)}.000000", Message("", title), thread, file=(name, content), caption=caption
            )
        )
        self._end(after)

    def has_file(self, channel, thread, name):
        self._begin("has_file", channel)
        return any(each.file and each.file[0] == name for each in self.said if each.thread == thread)

    def whisper(self, channel, user, message, *, thread=None):
        assert wrong_with_message(message.text, message.blocks) == []
        after = self._begin("whisper", "")
        self.whispered_in.append(thread)
        self.whispers.append((channel, user, message))
        self._end(after)

    def address(self, channel, ts):
        return f"https://team.slack.test/archives/{channel}/p{ts.replace('.', '')}"

    def person_of(self, email):
        return next((person for person in self.people.values() if person.email == email), None)

    def person(self, user):
        self._begin("person", "")
        if user not in self.people:
            raise NotFound("user_not_found")
        return self.people[user]

    def roots(self) -> list[Said]:
        return [each for each in self.said if each.thread is None]

    def thread(self, ts: str) -> list[Said]:
        return [each for each in self.said if each.thread == ts]

    def _begin(self, call: str, channel: str) -> Exception | None:
        self.calls.append(call)
        for index, (name, error, after) in enumerate(self.faults):
            if name in (call, "*"):
                del self.faults[index]
                if not after:
                    raise error
                return error
        if channel in self.closed:
            raise NotFound("is_archived")
        return None

    def _end(self, error: Exception | None) -> None:
        if error is not None:
            raise error
