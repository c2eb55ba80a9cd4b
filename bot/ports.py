"""The doors: what the engine knows of Slack, GitLab, S3 and the machines. Small, and with their contract in prose.

Every call may block for as long as its driver's timeout (seconds, never minutes), and raises only `DoorError`s:
`Unavailable` (wait and try again), `Unauthorised` (stop), `NotFound`, `Conflict`. "Idempotent" means: calling it
again after a lost answer does no second deed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

# ------------------------------------------------------------------------------------------------ code host (GitLab)

MOST_FILES = 2_000
"""Of a commit, as far as `CodeHost.tree` lists them."""


@dataclass(frozen=True)
class Tag:
    """A tag of the project, and the commit (40 hex digits) it points at. `message` is empty where it has none."""

    name: str
    commit: str
    message: str = ""


@dataclass(frozen=True)
class Commit:
    """A commit: its id (40 hex digits), its whole message, and its committer's address, empty where it has none."""

    id: str
    message: str
    email: str = ""


@dataclass(frozen=True)
class CommitStatus:
    """How a check of a commit stands: `pending`, `running`, `success`, `failed` or `canceled`, and where to read on."""

    state: str
    description: str
    url: str = ""


@dataclass(frozen=True)
class ReleaseLink:
    """A named address in a release. `path` is GitLab's `direct_asset_path` (starts with `/`): a stable redirect."""

    name: str
    url: str
    path: str | None = None


@dataclass(frozen=True)
class Release:
    """A release as it should be, or as it is. `url` is the page a person opens; empty when asked to be created."""

    tag: str
    name: str
    description: str
    links: tuple[ReleaseLink, ...] = ()
    url: str = ""


@dataclass(frozen=True)
class Difference:
    """Between two commits: how many commits only the newer one has, and the paths of the files that are not the same.

    `url` is the page that shows it; empty where there is none. `complete`: whether these are all the files.
    """

    commits: int
    files: tuple[str, ...]
    url: str = ""
    complete: bool = True


class CodeHost(Protocol):
    """One project on GitLab, through its REST API (facts/gitlab-contract.yaml)."""

    def head(self, branch: str) -> str | None:
        """The commit (40 hex digits) at the tip of `branch`, or None when there is no such branch."""

    def default_branch(self) -> str:
        """The branch that others are compared with (`main`). Asked once: it hardly ever changes."""

    def branches(self, search: str = "", most: int = 100) -> list[str]:
        """Names of branches that contain `search`, at most so many, most useful first. A request for each 100."""

    def tips(self) -> Mapping[str, str]:
        """Every branch, and the commit at its tip. A request for each 100."""

    def commits(self, old: str, new: str) -> Sequence[Commit]:
        """The commits that `new` has and `old` has not, oldest first. `NotFound` when one is not there."""

    def tag(self, name: str) -> Tag | None:
        """The tag, or None."""

    def tags(self) -> list[Tag]:
        """The newest tags, at most 100."""

    def file(self, path: str, ref: str) -> bytes | None:
        """A file as it is at a commit, branch or tag; None when it is not there."""

    def tree(self, commit: str) -> Mapping[str, str] | None:
        """Path -> git's id of the content, of every regular file at a commit (no links, no submodules).

        None when there are more than MOST_FILES: it costs a request for each 100.
        """

    def release(self, tag: str) -> Release | None:
        """The release of `tag`, or None."""

    def create_release(self, release: Release) -> Release:
        """Make the release of an existing tag. Idempotent: on "already exists" or no answer it looks and compares.

        An equal one is success; one with other links or another description is a `Conflict`. Never creates the tag.
        """

    def compare(self, old: str, new: str) -> Difference:
        """What `new` has that `old` has not; both are commits (40 hex digits). `NotFound` when one is not there."""

    def set_status(self, commit: str, status: CommitStatus) -> None:
        """Show a check of ours beside the commit, in place of what it said before. `Conflict` for the state it has."""

    def ensure_merge_request(self, source: str, target: str, title: str, description: str) -> str:
        """The address of the open merge request from `source` to `target`; made when there is none."""

    def upsert_note(self, branch: str, marker: str, body: str) -> str | None:
        """One note in the open merge request of `branch`: made, or changed where one begins with `marker` already.

        The address of that merge request (the newest of several); None where there is none. Idempotent.
        """


# ------------------------------------------------------------------------------------------------ public files (S3)


class PublicFiles(Protocol):
    """The public bucket: files that anybody may read by their address."""

    def publish(self, key: str, content: bytes) -> str:
        """Put `content` at `key` and return its public address, after an unsigned request brought the same bytes.

        Idempotent; a key that holds other bytes is a `Conflict`, never overwritten. An object that the public cannot
        read is an `Unauthorised` error whose message says what to do with the bucket (fault 43).
        """


# ------------------------------------------------------------------------------------------------ Slack


@dataclass(frozen=True)
class Message:
    """A message as it should stand.

    `key` names it for ever: it travels in the metadata and is looked for before posting again. A message that stands
    for several has all their keys, separated by spaces. `text` is the notification and what screen readers read;
    `blocks` what is drawn.
    """

    key: str
    text: str
    blocks: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True)
class Person:
    """Somebody in the workspace. `email`, and `tz` (`Europe/Berlin`), are empty when Slack does not tell."""

    id: str
    name: str
    email: str
    tz: str = ""


class Chat(Protocol):
    """Slack, as far as runs need it. Every method may raise `Unavailable` with `retry_after` (429)."""

    def post(self, channel: str, message: Message, *, thread: str | None = None, in_channel: bool = False) -> str:
        """Post, and return the message's ts. Not idempotent: `find` first when an earlier try may have worked.

        `in_channel`: a message of a thread shows in the channel as well.
        """

    def update(self, channel: str, ts: str, message: Message) -> None:
        """Edit in place. `NotFound` when a person deleted it."""

    def find(self, channel: str, key: str, *, thread: str | None = None, since: float = 0.0) -> str | None:
        """The ts of the message with that `key` in its metadata, in the thread or among the channel's roots."""

    def upload(self, channel: str, thread: str, *, name: str, title: str, content: bytes, caption: str = "") -> None:
        """Share a file in a thread; `caption` (mrkdwn) stands above it, and says what is to be seen on a picture.

        Not idempotent: `has_file` first when an earlier try may have worked.
        """

    def has_file(self, channel: str, thread: str, name: str) -> bool:
        """Whether the thread has a file of that name already."""

    def whisper(self, channel: str, user: str, message: Message, *, thread: str | None = None) -> None:
        """Show a message to one person only, in the channel or a thread of it (else in their direct messages)."""

    def address(self, channel: str, ts: str) -> str:
        """Where a browser shows that message; empty when the workspace's address is not known."""

    def person(self, user: str) -> Person:
        """Who that is."""

    def person_of(self, email: str) -> Person | None:
        """Who has that address in the workspace, or None."""


View = Mapping[str, Any]
"""A modal or a home tab, as Slack's Block Kit writes it (`{"type": "modal", "blocks": [...], ...}`)."""


class Screens(Protocol):
    """Modals and home tabs: what one person sees, and what nobody misses after a restart. No call is idempotent."""

    def open(self, trigger: str, view: View) -> str:
        """Show a modal to whoever pressed or typed, and return its id. `Conflict` when they did so 3 s ago or more."""

    def push(self, trigger: str, view: View) -> str:
        """Show a modal above the one that is open (three at most), and return its id."""

    def update(self, view_id: str, view: View) -> None:
        """Change an open modal. `NotFound` when it was closed meanwhile."""

    def home(self, user: str, view: View) -> None:
        """Set a person's home tab."""

    def replace(self, address: str, message: Message) -> None:
        """Change the message whose button was pressed, by the address that came with the press; also a whisper's."""


# ------------------------------------------------------------------------------------------------ location (a machine)


class PowerState(StrEnum):
    """What a machine's power says. `UNKNOWN` is said as unknown and decides nothing."""

    STOPPED = "stopped"
    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    GONE = "gone"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class PowerSeen:
    """One look at a machine's power. `since` is by the cloud's clock (seconds since the epoch), where it says so.

    It is when the machine was launched, for one that starts or runs; when its stop began, for one that stops or is off.
    """

    state: PowerState
    since: float | None = None


class JobState(StrEnum):
    """What became of a job. `LOST`: it was started and is gone without an exit code (power cut, kill -9)."""

    ABSENT = "absent"
    RUNNING = "running"
    EXITED = "exited"
    LOST = "lost"


@dataclass(frozen=True)
class JobStatus:
    """`exit_code` only when exited. The sizes are bytes of the run's events.jsonl and log: how far a read may go."""

    state: JobState
    exit_code: int | None = None
    oom: bool = False
    events_size: int = 0
    log_size: int = 0


@dataclass(frozen=True)
class JobSeen:
    """A job of ours that lives at a machine, and is `seconds` old. `uid` and `fence` are its run's."""

    name: str
    uid: str
    fence: int
    step: str
    seconds: float = 0.0


@dataclass(frozen=True)
class Job:
    """One step of one run. `name` is the mutex: two launches of the same name start one job.

    Beside the three steps of a training there is `build`, which makes a branch's image: `spec["build"]` has its `name`,
    the digest of its `inputs`, the `registry` that it is pushed to (a host, or empty), whether to `pull` it first, and
    the build's `arguments`.

    `run_dir` and `workdir` are absolute paths at the location; `spec` is what `python -m trainer <step>` reads (see
    trainer/spec.py) without secrets; `secrets` go through standard input into a file that only this step can read.
    """

    name: str
    step: str
    fence: int
    run_dir: str
    workdir: str
    spec: Mapping[str, Any]
    secrets: Mapping[str, Any] = field(repr=False)


class Location(Protocol):
    """Where training happens: a machine with power, a shell and a runtime, or something that behaves like one."""

    @property
    def name(self) -> str:
        """The name people say (`alice`, `rack-1`)."""

    @property
    def workdir(self) -> str:
        """Absolute path of the folder at the location that lives between runs."""

    @property
    def stoppable(self) -> bool:
        """Whether Stationmaster may turn the power off. False for a box that belongs to others too."""

    def power(self) -> PowerState:
        """Describe the machine, now. Never raises for a machine that is off."""

    def look(self) -> PowerSeen:
        """The same with what the cloud says of when it changed, for no more calls: what a bill is made from."""

    def start(self) -> None:
        """Ask for power. Idempotent; returns at once. `NoCapacity` when the cloud has none, with the cause in words."""

    def stop(self) -> None:
        """Ask for power off. Idempotent; returns at once. Only ever called by whoever won the compare-and-set."""

    def answers(self) -> bool:
        """Whether the shell answers (a running machine may need a minute)."""

    def launch(self, job: Job) -> None:
        """Start the job detached. Idempotent by `job.name`. `Conflict` when a newer fence owns the workspace."""

    def status(self, job_name: str, run_dir: str) -> JobStatus:
        """What became of the job; `ABSENT` for one that was never launched."""

    def kill(self, job_name: str, run_dir: str) -> bool:
        """End the job and everything it started; True when nothing of it is left (or never was)."""

    def decide(self, run_dir: str, choice: str) -> str:
        """Take the run's one decision, `push` or `cancel`: the first to ask wins, and every call returns the winner."""

    def image(self, job: Job) -> str | None:
        """The image that the `build` job would make, as a step can name it, when it is here already; None otherwise.

        Looks at the machine and nowhere else, and starts nothing: `launch` does, where this says None.
        """

    def read(self, path: str, offset: int, limit: int) -> bytes:
        """At most `limit` bytes of a file from `offset`; empty at its end or when it does not exist (yet)."""

    def living(self) -> Sequence[JobSeen]:
        """What of ours lives at the machine now, also of another ledger. An answer that is not certain is an error."""

    def guard(self, *, lease_seconds: float, hard_seconds: float) -> None:
        """Renew the machine's own timer, and start it where it does not run yet.

        After `lease_seconds` without another call, and with no job of ours, the machine powers itself off; after
        `hard_seconds` whatever runs. Does nothing where nobody could turn the machine on again, or it is the bot's own.
        `Conflict` when powering off would destroy the machine, or is not permitted; the message says what to set.
        """
