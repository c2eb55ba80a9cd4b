"""A run, its phases, the reasons it can end for, and which moves are legal. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Phase(StrEnum):
    """Where a run stands. Few phases, many reasons.

    queued -> starting -> preparing -> [building] -> training -> publishing -> releasing -> released
    releasing -> held-back -> releasing                                (worse than what is released: a person decides)
    queued -> starting -> preparing -> building -> built               (a run that makes an image only)
    queued -> starting -> preparing -> [building] -> training -> tested   (a smoke test)
    queued -> starting -> preparing -> [building] -> training -> comparing -> compared   (a release made again)
    any that has not ended -> failed | cancelled
    """

    QUEUED = "queued"
    STARTING = "starting"
    PREPARING = "preparing"
    BUILDING = "building"
    TRAINING = "training"
    PUBLISHING = "publishing"
    COMPARING = "comparing"
    RELEASING = "releasing"
    HELD_BACK = "held-back"
    RELEASED = "released"
    BUILT = "built"
    TESTED = "tested"
    COMPARED = "compared"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        """Whether the run will move no more."""
        return self in (*_SUCCESS, Phase.FAILED, Phase.CANCELLED)


_SUCCESS = (Phase.RELEASED, Phase.BUILT, Phase.TESTED, Phase.COMPARED)
WORKING = (Phase.PREPARING, Phase.BUILDING, Phase.TRAINING, Phase.PUBLISHING, Phase.COMPARING)
"""The phases in which a job of the run is at its machine."""


class Kind(StrEnum):
    """What a run is for: a release, only the image of its branch, a smoke test, or a release that is made again."""

    TRAIN = "train"
    BUILD = "build"
    SMOKE = "smoke"
    REPRODUCE = "reproduce"


_NEXT: Mapping[Phase, frozenset[Phase]] = {
    Phase.QUEUED: frozenset({Phase.STARTING}),
    Phase.STARTING: frozenset({Phase.PREPARING}),
    Phase.PREPARING: frozenset({Phase.BUILDING, Phase.TRAINING}),
    Phase.BUILDING: frozenset({Phase.TRAINING, Phase.BUILT}),
    Phase.TRAINING: frozenset({Phase.PUBLISHING, Phase.TESTED, Phase.COMPARING}),
    Phase.COMPARING: frozenset({Phase.COMPARED}),
    Phase.PUBLISHING: frozenset({Phase.RELEASING}),
    Phase.RELEASING: frozenset({Phase.RELEASED, Phase.HELD_BACK}),
    Phase.HELD_BACK: frozenset({Phase.RELEASING}),
}


def legal(old: Phase, new: Phase) -> bool:
    """Whether a run may move from `old` to `new`: one step forward, or to an end that is not success."""
    if old.ended:
        return False
    return new in (Phase.FAILED, Phase.CANCELLED) or new in _NEXT[old]


class Reason(StrEnum):
    """Why a run ended without a release. Each has its sentence in `SENTENCES`."""

    CANCELLED = "cancelled"
    DISCARDED = "discarded"
    NO_CAPACITY = "no-capacity"
    QUOTA = "quota"
    START_REFUSED = "start-refused"
    NO_MACHINE = "no-machine"
    START_FAILED = "start-failed"
    START_TIMEOUT = "start-timeout"
    MACHINE_LOST = "machine-lost"
    INTERRUPTED = "interrupted"
    LOCATION_REMOVED = "location-removed"
    PROJECT_REMOVED = "project-removed"
    TOO_LONG = "too-long"
    TOO_EXPENSIVE = "too-expensive"
    CODE = "code"
    OUT_OF_MEMORY = "out-of-memory"
    DISK_FULL = "disk-full"
    MISSING_DATA = "missing-data"
    CORRUPT_DATA = "corrupt-data"
    CREDENTIALS = "credentials"
    NETWORK = "network"
    LOCK = "lock"
    PIPELINE = "pipeline"
    IMAGE = "image"
    CONFLICT = "conflict"
    FENCED = "fenced"
    KILLED = "killed"
    RELEASE_CONFLICT = "release-conflict"
    PUBLIC_LINK = "public-link"
    INTERNAL = "internal"


SENTENCES: Mapping[Reason, str] = {
    Reason.CANCELLED: "It was cancelled. Nothing was released.",
    Reason.DISCARDED: "It was held back, and then discarded. Nothing was released; data, commit and tag are kept.",
    Reason.NO_CAPACITY: "The machine could not start: the cloud has no free capacity of its kind just now. "
    "Nothing was charged. Try again in a few minutes, or train on another location.",
    Reason.QUOTA: "The machine could not start: the cloud account may have no more machines of its kind at once. "
    "Nothing was charged. Try again when another one is off, or ask whoever runs Stationmaster to raise the quota.",
    Reason.START_REFUSED: "The machine was not allowed to start. "
    "Ask whoever runs Stationmaster to look at its permissions.",
    Reason.NO_MACHINE: "The cloud does not know this machine, or not any more. Nothing was started. "
    "Whoever runs Stationmaster has to look at its entry in the settings.",
    Reason.START_FAILED: "The machine went off again each time it was started. "
    "Ask whoever looks after it to start it by hand once, and to see why.",
    Reason.START_TIMEOUT: "The machine did not answer in time, so it was given back. "
    "Try again; if it happens twice, ask whoever looks after the machine.",
    Reason.MACHINE_LOST: "The machine went away in the middle of the run. Nothing was released.",
    Reason.INTERRUPTED: "The cloud took the machine back in the middle of the run. Nothing was released.",
    Reason.LOCATION_REMOVED: "Its machine was taken out of the settings while the run had it. Nothing was released, "
    "and what the run left there was not looked at. Whoever runs Stationmaster has to see that nothing of it still "
    "runs, and that the machine is off.",
    Reason.PROJECT_REMOVED: "Its project was taken out of the settings while the run went on. Nothing was released. "
    "Whoever runs Stationmaster can put it back; then train again.",
    Reason.TOO_LONG: "It ran longer than this location allows and was ended.",
    Reason.TOO_EXPENSIVE: "It has cost what one run may cost here, so it was ended.",
    Reason.CODE: "The project's own code failed.",
    Reason.OUT_OF_MEMORY: "It ran out of memory. A smaller batch size or a larger machine would help.",
    Reason.DISK_FULL: "The machine's disk is full. Free space there, then train again.",
    Reason.MISSING_DATA: "Data that the pipeline needs is not on the remote. "
    "Run `dvc push` where the data is, then train again.",
    Reason.CORRUPT_DATA: "Data on the remote is not what its checksum says. Run `dvc push` again from a good copy.",
    Reason.CREDENTIALS: "A login was refused. Whoever runs Stationmaster has to renew it; trying again will not help.",
    Reason.NETWORK: "The network failed again and again. Try again later.",
    Reason.LOCK: "Another DVC process holds the workspace.",
    Reason.PIPELINE: "The pipeline's description is not valid.",
    Reason.IMAGE: "There is no image that this branch could train in.",
    Reason.CONFLICT: "The result could not be put on the branch.",
    Reason.FENCED: "A newer reservation took over the machine.",
    Reason.KILLED: "The training process was killed from outside.",
    Reason.RELEASE_CONFLICT: "A different release of this tag is already there, and it was left as it is.",
    Reason.PUBLIC_LINK: "The published file cannot be read by the public.",
    Reason.INTERNAL: "Something inside Stationmaster failed. Whoever runs it finds the details in its log.",
}


FREED = "freed"
"""The name in `Run.times` of the moment when the location was given back."""


@dataclass(frozen=True)
class TrainOptions:
    """What was said beside branch and tag.

    `on`: a machine, or a pool; None for the person's own. `set`: parameter (`train.epochs`) -> the text that was typed
    for it, which params.yaml gives a type. `smoke`: only try the branch out. `force`: run every stage, changed or not.
    `notify`: Slack user ids who are mentioned at the end beside the person. `pushed`: the commit whose push a smoke
    test answers, and whose status on GitLab it keeps.
    """

    on: str | None = None
    set: Mapping[str, str] = field(default_factory=dict)
    smoke: bool = False
    force: bool = False
    notify: tuple[str, ...] = ()
    pushed: str = ""

    @property
    def record(self) -> dict[str, Any]:
        """What the ledger keeps: a JSON object of what differs from the default."""
        plain = {"on": self.on, "set": dict(self.set), "smoke": self.smoke, "force": self.force, "pushed": self.pushed}
        return {name: value for name, value in {**plain, "notify": list(self.notify)}.items() if value}

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> TrainOptions:
        """The options of a `record`."""
        return cls(**{**record, "notify": tuple(record.get("notify", ()))})


@dataclass(frozen=True)
class Run:
    """One `/train`, from the command to its end. Times are seconds since the epoch (UTC).

    `key` is random: it makes the run's folder and jobs unlike those of any other ledger that used the same machine.
    `fence` grows with each reservation of any location; 0 before the first. `holds`: the location is reserved for it.
    `queue` is the line it stands in: a location's name, or a pool's, whose first free machine takes it. `location` is
    the machine; before the reservation it is what `queue` is, or the one machine of the pool that the run may have.
    `retry_of`: the number of the run that this one tries again.
    """

    id: int
    key: str
    project: str
    branch: str
    commit: str
    tag: str
    user: str
    email: str
    channel: str
    location: str
    phase: Phase
    created_at: float
    phase_at: float
    kind: Kind = Kind.TRAIN
    queue: str = ""
    options: TrainOptions = field(default_factory=TrainOptions)
    retry_of: int | None = None
    thread: str | None = None
    reason: Reason | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)
    """What the reason's sentence is completed with: `stage`, `message`, `lines`, `step`."""
    fence: int = 0
    holds: bool = False
    attempt: int = 1
    """Which try of the current phase's deed this is, from 1."""
    cancelled_by: str | None = None
    events_read: int = 0
    log_read: int = 0
    times: Mapping[str, float] = field(default_factory=dict)
    """Phase name -> when it was entered; and `FREED` -> when the location was given back."""
    progress: Mapping[str, Any] = field(default_factory=dict)
    """The projection of the location's events that the card shows (see bot/runs/progress.py)."""
    result: Mapping[str, Any] = field(default_factory=dict)
    """The `published` event, the pointer file's text, then `public_url` and `release_url` as they become known."""
    ended_at: float | None = None

    @property
    def uid(self) -> str:
        """Unique for ever, also across lost ledgers: names the run's folder."""
        return f"{self.id}-{self.key}"

    def job(self, step: str) -> str:
        """The name of the job of one step; a retry is another job."""
        return f"run-{self.uid}-{step}-{self.attempt}"


@dataclass(frozen=True)
class Note:
    """One thing to say in a run's thread, exactly once. `kind`: milestone, terminal, picture or log-file."""

    kind: str
    text: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Elsewhere:
    """What a starting run comes to when another machine of its line takes it instead (`reservation.move_on`).

    `was_on`: the machine that it leaves may have come on for it, so it is stopped unless somebody waits for it.
    """

    progress: Mapping[str, Any]
    notes: tuple[Note, ...] = ()
    was_on: bool = False
