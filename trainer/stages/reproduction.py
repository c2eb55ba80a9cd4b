"""`dvc repro` in this process, with DVC's own messages turned into events."""

from __future__ import annotations

import logging
import os
import re
import time
from pathlib import Path
from typing import Any

from dvc.dependency.param import ParamsDependency
from dvc.exceptions import DvcException
from dvc.repo import Repo
from dvc.repo.reproduce import _reproduce_stage, collect_stages, get_active_graph, plan_repro
from dvc.stage.cache import RunCacheNotFoundError, StageCache

from trainer.events import EventLog
from trainer.failure import StepError
from trainer.job import memory
from trainer.stages import causes
from trainer.stages.checkpoints import Checkpoints
from trainer.stages.metrics import Watch
from trainer.stages.output import Capture, Tail

_EXITED = re.compile(r"exited with (-?\d+)")


class Reporter(logging.Handler):
    """Hears DVC's messages, keeps them in the log, and says what becomes of each stage."""

    def __init__(self, events: EventLog, capture: Capture, names: list[str]) -> None:
        super().__init__(logging.INFO)
        self._events = events
        self._capture = capture
        self._names = names
        self._started = 0.0
        self._state = ""
        self.stage: str | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """One message of DVC."""
        template = str(record.msg)
        if self.stage and template.startswith("Running stage"):
            self._say("started")
        elif template.startswith("Stage '%s' is cached"):
            self._state = "cached"
        self._capture.say(record.getMessage())

    def begin(self, name: str) -> None:
        """DVC turns to a stage; it is not said yet whether it runs."""
        self.stage = name
        self._started = time.monotonic()
        self._state = "finished"

    def end(self, *, changed: bool) -> None:
        """The stage is done, or was not needed."""
        if not changed:
            self._say("skipped")
        elif self._state == "cached":
            self._say("cached")
        else:
            self._say("finished", seconds=round(time.monotonic() - self._started, 3))
        self.stage = None

    def _say(self, state: str, **more: Any) -> None:
        name = str(self.stage)
        index = self._names.index(name) + 1 if name in self._names else len(self._names)
        self._events.emit("stage", name=name, index=index, of=len(self._names), state=state, **more)


class NoRunCache(StageCache):  # type: ignore[misc] # DVC has no types
    """For a run that stands alone: nothing is taken from earlier ones, and no later one takes anything from it.

    A parameter that makes a smoke test small but is not listed in dvc.yaml would give it the real training's very key.
    """

    def save(self, stage: Any) -> None:
        """Keep nothing."""

    def restore(self, stage: Any, **_options: Any) -> None:
        """Have nothing."""
        raise RunCacheNotFoundError(stage)


class Reproduction:
    """One `dvc repro` of the workspace in the current folder."""

    def __init__(self, events: EventLog, capture: Capture, tail: Tail, watch: Watch, checkpoints: Checkpoints) -> None:
        self._events = events
        self._capture = capture
        self._tail = tail
        self._watch = watch
        self._checkpoints = checkpoints
        self._kills = memory.oom_kills()
        self.repo = Repo(os.curdir)
        self.steps: list[Any] = []

    def run(self, *, force: bool = False, remembered: bool = True, anew: bool = False) -> None:
        """Put the outputs in place that the cache has, then reproduce what changed, or all of it with `force`.

        Only a run that is to be `remembered` reads and writes DVC's run cache. With `anew` the outputs of stages that
        run are not put in place first: one that a stage only adds to (`persist`) begins with nothing.

        Raises:
            StepError: a stage or DVC failed; carries the stage, the cause and the stage's last lines.
        """
        reporter: Reporter | None = None
        if not remembered:
            self.repo.stage_cache = NoRunCache(self.repo)
        try:
            targets = self._targets()
            self.steps = self._plan(targets)
            names = [step.addressing for step in self.steps if step.cmd]
            reporter = Reporter(self._events, self._capture, names)
            _listen(reporter)
            self._put_in_place(anew=anew)
            self._watch.start()  # only now: the metrics of an earlier result are no news
            self._reproduce(targets, reporter, force=force)
        except StepError:
            raise
        except Exception as error:
            raise self._failure(error, reporter.stage if reporter else None) from error

    def metric_files(self) -> list[Path]:
        """Where metrics may appear: metrics that a stage or dvc.yaml names, and a metrics.json beside any output."""
        outs = [out for step in self.steps for out in step.outs if out.protocol == "local"]
        found = {Path(out.fs_path) for out in outs if out.metric}
        for out in outs:
            path = Path(out.fs_path)
            found |= {path.parent / "metrics.json", path / "metrics.json"}
        found.add(Path(self.repo.root_dir) / "dvclive" / "metrics.json")
        return [path for path in found if path.suffix == ".json"]

    def _targets(self) -> list[str]:
        if Path("dvc.yaml").exists():
            return ["dvc.yaml"]
        return sorted({step.relpath for step in self.repo.index.stages if step.cmd})

    def _plan(self, targets: list[str]) -> list[Any]:
        stages = collect_stages(self.repo, targets)
        return list(plan_repro(get_active_graph(self.repo.index.graph), stages))

    def _put_in_place(self, *, anew: bool) -> None:
        """As `dvc pull` does at its end: what another branch or a killed run left in the workspace is replaced."""
        steps = [step for step in self.steps if not (anew and step.cmd and not step.frozen)]
        targets = [step.addressing for step in steps if any(out.use_cache and out.hash_info for out in step.outs)]
        if targets:
            self.repo.checkout(targets=targets, force=True, allow_missing=True)

    def _reproduce(self, targets: list[str], reporter: Reporter, *, force: bool) -> None:
        def one(step: Any, upstream: Any = None, *, force: bool = False, **options: Any) -> Any:
            if not step.cmd:
                return _one(step, upstream, force, options)
            reporter.begin(step.addressing)
            self._tail.clear()
            self._watch.begin_stage()
            done = _one(step, upstream, force, options, self._checkpoints)
            self._capture.flush()
            self._watch.look()
            reporter.end(changed=done is not None)
            return done

        self.repo.reproduce(targets=targets, repro_fn=one, force=force)

    def _failure(self, error: Exception, stage: str | None) -> StepError:
        self._capture.flush()
        chain = _chain(error)
        failed = next((item for item in chain if type(item).__name__ == "StageCmdFailedError"), None)
        if failed is not None and stage:
            match = _EXITED.search(str(failed))
            code = int(match.group(1)) if match else None
            cause = causes.of_command(stage, code, self._tail.lines, oom=memory.oom_kills() > self._kills)
        else:
            cause = causes.of_exception(chain)
        for item in chain:
            self._capture.say(f"ERROR: {type(item).__name__}: {item}" if isinstance(item, DvcException) else repr(item))
        return StepError(cause.name, cause.message, stage=stage, lines=self._tail.lines)


def _one(step: Any, upstream: Any, force: bool, options: dict[str, Any], checkpoints: Checkpoints | None = None) -> Any:
    """Missing data is no change (`--allow-missing`), but a stage that does run must write all its outputs.

    DVC's own option would forgive both.
    """
    if not force and not step.changed(True, upstream):
        logging.getLogger("dvc.stage").info("Stage '%s' didn't change, skipping", step.addressing)
        return None
    if checkpoints is None:
        return _reproduce_stage(step, upstream=upstream, force=force, **options)
    with checkpoints.of(step.addressing, str(step.cmd), _digests(step)):
        return _reproduce_stage(step, upstream=upstream, force=force, **options)


def _digests(step: Any) -> dict[str, str]:
    """What the stage reads, and what is there; parameters apart, which are part of the commit or of params.yaml."""
    files = [dep for dep in step.deps if dep.protocol == "local" and not isinstance(dep, ParamsDependency)]
    return {str(dep): str(dep.get_hash()) for dep in files if dep.exists}


def _listen(reporter: Reporter) -> None:
    logger = logging.getLogger("dvc")
    for handler in list(logger.handlers):
        logger.removeHandler(handler)
    logger.addHandler(reporter)
    logger.setLevel(logging.INFO)
    logger.propagate = False


def _chain(error: BaseException) -> list[BaseException]:
    chain: list[BaseException] = []
    at: BaseException | None = error
    while at is not None and at not in chain:
        chain.append(at)
        at = at.__cause__ or at.__context__
    return chain
