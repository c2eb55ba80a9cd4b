"""What a step is to do, read from its job's folder and checked before anything happens."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from trainer import durable
from trainer.failure import StepError
from trainer.places import Places

_COMMIT = re.compile(r"[0-9a-f]{40}")
_TAG = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
"""A release's, or an image's, which may be longer."""
_REFUSED_IN_A_REF = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//")
_IDENTITY = re.compile(r"[^<>\n]+ <[^<>\s]+>")
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\.dvc")


@dataclass(frozen=True)
class Spec:
    """One run, as its steps see it. `rest` keeps what this version does not know.

    `commit` was resolved once, when the run was asked for. `git_url` carries no credentials. `release_outs` are paths
    in the repository; None leaves the choice to trainer/project/pointer.py. `remote` None is DVC's own default remote.
    `started_at` is in seconds since the epoch. `kind` is `train`, `build` for a run that only makes an image, `smoke`
    for one that only tries the pipeline out, or `reproduce` for one that makes a release again and compares the two.
    `set` has parameters with the text that somebody typed for them; `force` runs stages that did not change, too.
    `retries`: uids of the runs that this one tries again.
    `build_arguments` are of the branch's own image; None where its location builds none.
    """

    run: int
    uid: str
    fence: int
    project: str
    branch: str
    commit: str
    tag: str
    workdir: Path
    run_dir: Path
    git_url: str
    triggered_by: str
    remote: str | None = None
    release_outs: tuple[str, ...] | None = None
    pointer_name: str = "train.dvc"
    author: str = "Stationmaster <stationmaster@localhost>"
    skip_ci: bool = False
    message_extras: tuple[str, ...] = ()
    started_at: float = 0.0
    kind: str = "train"
    set: Mapping[str, str] = field(default_factory=dict)
    force: bool = False
    retries: tuple[str, ...] = ()
    build_arguments: tuple[str, ...] | None = None
    rest: Mapping[str, Any] = field(default_factory=dict)

    @property
    def places(self) -> Places:
        """Where things lie."""
        return Places(self.workdir, self.project, self.kind)

    @property
    def smoke(self) -> bool:
        """Whether it runs on the little values of a smoke test."""
        return self.kind == "smoke"

    @property
    def reproduces(self) -> bool:
        """Whether it makes a release again, from nothing but its code and its data."""
        return self.kind == "reproduce"

    @property
    def remembered(self) -> bool:
        """Whether earlier runs may help it, and it later ones; nothing of any other is committed or pushed."""
        return not (self.smoke or self.reproduces)


def read(run_dir: Path, job: str) -> Spec:
    """The specification in `run_dir/jobs/<job>/job.json`.

    Raises:
        StepError: there is none, or a field is not what it should be; the message names it.
    """
    record = durable.read_json(run_dir / "jobs" / job / "job.json")
    if record is None:
        raise StepError("internal", f"There is no readable job.json for {job}.")
    inner: dict[str, Any] = record.get("spec") or {}
    return parse({**inner, **{key: record[key] for key in ("fence", "workdir", "run_dir") if key in record}})


def parse(record: Mapping[str, Any]) -> Spec:
    """The specification in a JSON object.

    Raises:
        StepError: a field is missing or is not what it should be; the message names it.
    """
    known = {name for name in Spec.__dataclass_fields__ if name != "rest"}
    release_outs, arguments = record.get("release_outs"), record.get("build_arguments")
    try:
        spec = Spec(
            run=int(record["run"]),
            uid=str(record.get("uid") or record["run"]),
            fence=int(record["fence"]),
            project=str(record["project"]),
            branch=str(record["branch"]),
            commit=str(record["commit"]),
            tag=str(record["tag"]),
            workdir=Path(record["workdir"]),
            run_dir=Path(record["run_dir"]),
            git_url=str(record["git_url"]),
            triggered_by=str(record["triggered_by"]),
            remote=record.get("remote") or None,
            release_outs=None if release_outs is None else tuple(map(str, release_outs)),
            pointer_name=str(record.get("pointer_name") or Spec.pointer_name),
            author=str(record.get("author") or Spec.author),
            skip_ci=record.get("skip_ci") is True,
            message_extras=tuple(map(str, record.get("message_extras") or ())),
            started_at=float(record.get("started_at") or 0.0),
            kind=str(record.get("kind") or Spec.kind),
            set={str(name): str(value) for name, value in (record.get("set") or {}).items()},
            force=record.get("force") is True,
            retries=tuple(map(str, record.get("retries") or ())),
            build_arguments=None if arguments is None else tuple(map(str, arguments)),
            rest={key: value for key, value in record.items() if key not in known},
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise StepError("internal", f"The run's specification is not complete: {error!r}.") from error
    for name, right in _checks(spec):
        if not right:
            raise StepError("internal", f"The run's specification has a {name} that cannot be used.")
    return spec


def _checks(spec: Spec) -> list[tuple[str, bool]]:
    one_line = [spec.triggered_by, spec.project, spec.uid, *spec.message_extras, *spec.retries]
    return [
        ("commit", bool(_COMMIT.fullmatch(spec.commit))),
        ("tag", bool(_TAG.fullmatch(spec.tag)) and is_ref_name(spec.tag)),
        ("uid", all(is_ref_name(uid) for uid in (spec.uid, *spec.retries))),
        ("branch", is_ref_name(spec.branch)),
        ("git_url", _is_plain_url(spec.git_url)),
        ("workdir", spec.workdir.is_absolute()),
        ("run_dir", spec.run_dir.is_absolute()),
        ("pointer_name", bool(_FILE_NAME.fullmatch(spec.pointer_name))),
        ("author", bool(_IDENTITY.fullmatch(spec.author))),
        ("line break", not any("\n" in text or "\r" in text for text in one_line)),
    ]


def is_ref_name(name: str) -> bool:
    """Whether git takes `refs/heads/<name>` (git-check-ref-format), and no command takes it for an option."""
    parts = name.split("/")
    wrong = any(part == "" or part.startswith(".") or part.endswith((".lock", ".")) for part in parts)
    return not (wrong or name.startswith("-") or name in ("HEAD", "@") or _REFUSED_IN_A_REF.search(name))


def _is_plain_url(url: str) -> bool:
    if url.startswith("-") or "::" in url or "\n" in url:
        return False
    return not urlsplit(url).password
