"""The image that a branch trains in: found where it is current, else pulled or built first. Idempotent.

`prepare` says which inputs the branch's image has (trainer/project/image.py); the location says whether it has an image
with just these. Nothing else decides, so nobody has to remember to build.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bot.engine import orders, policy, steps
from bot.engine.policy import Outcome, milestone
from bot.engine.world import World
from bot.ports import JobState, JobStatus
from bot.runs.model import Kind, Note, Phase, Reason, Run
from bot.runs.names import image_repository, image_tag, registry_host

STEP = "build"
OURS = "stationmaster"
"""What stands before the project in the name of an image that is in no registry."""
LINES = 15
"""How many last lines of a failed build the thread shows."""

_CAUSES = {20: "image", 21: "credentials", 22: "image", 23: "network", 24: "internal"}
"""The exit statuses of image.sh."""


def wanted(run: Run, world: World) -> bool:
    """Whether a prepared run needs an image of its own branch: built there, and the branch says how."""
    return world.terms[run.location].builds and bool(_image(run).get("inputs"))


def after_preparing(run: Run, world: World, notes: tuple[Note, ...]) -> Outcome:
    """Where a prepared run goes on: to its image, or straight to the training, in the location's own image."""
    if wanted(run, world):
        return policy.advance(run, Phase.BUILDING, *notes)
    if run.kind is not Kind.BUILD:
        return policy.advance(run, Phase.TRAINING, *notes)
    if not world.terms[run.location].builds:
        return policy.fail(run, Reason.IMAGE, *notes, message=f"Jobs at {run.location} do not run in containers.")
    return policy.fail(
        run, Reason.IMAGE, *notes, message=f"The branch {run.branch} has no Dockerfile.train at its top. Add one."
    )


def build(run: Run, world: World) -> Outcome:
    """Go on at once where the image is there; else have it made, hear that, and go on when it ended well."""
    location = world.locations[run.location]
    if run.progress.get("launched") == run.job(STEP):
        return steps.hear(run, world, STEP, _finished, _failed)
    job = orders.job(run, world, location, STEP, spec(run, world))
    if "why" in _image(run):
        return steps.launch(run, world, location, job)
    found = location.image(job)
    if found is not None:
        return _go_on(run, found, job.spec)
    # The intent is recorded before the deed: a bot that dies in between says the same of it afterwards.
    return policy.wait(_with(run, why=_why(run, world)), 0.0)


def spec(run: Run, world: World) -> dict[str, Any]:
    """What the job is told beside all that every step is (see `bot.ports.Job`)."""
    inputs = _image(run).get("inputs")
    before = world.store.last_image(run.project, run.branch, before=run.id)
    # An old release's image stays at the machine: in the registry that name is of what the branch trains in now.
    apart = run.kind is Kind.REPRODUCE and before.get("inputs") != inputs
    registry = None if apart else world.project.registry
    name = f"{registry or OURS}/{image_repository(run.project)}:{image_tag(run.branch)}"
    return {
        "build": {
            "name": name,
            "inputs": str(inputs),
            "pull": before.get("inputs") in (None, inputs),  # gigabytes for nothing, when it is known to be another
            "registry": registry_host(name) if registry else "",
            "arguments": list(world.project.build_arguments),
        }
    }


def _finished(run: Run, world: World, notes: tuple[Note, ...]) -> Outcome:
    location = world.locations[run.location]
    order = spec(run, world)
    found = location.image(orders.job(run, world, location, STEP, order))
    if found is None:
        said = "The image was made, and then it was not there any more."
        return steps.again(run, STEP, "internal", notes) or policy.fail(run, Reason.IMAGE, *notes, message=said)
    seconds = world.clock.now() - run.phase_at
    facts = {"state": _image(run).get("state"), "name": order["build"]["name"]}
    return _go_on(run, found, order, *notes, milestone("image-ready", seconds=seconds, **facts))


def _go_on(run: Run, found: str, order: Mapping[str, Any], *notes: Note) -> Outcome:
    run = _with(run, name=found)
    if run.kind is not Kind.BUILD:
        return policy.advance(run, Phase.TRAINING, *notes)
    return policy.advance(
        run, Phase.BUILT, *notes, result={**run.result, "image": found, "image_name": order["build"]["name"]}
    )


def _failed(run: Run, world: World, step: str, status: JobStatus, notes: tuple[Note, ...]) -> Outcome:
    code = status.exit_code if status.state is JobState.EXITED else None
    cause = _CAUSES.get(code or 0) or steps.cause_without_word(world.locations[run.location], status)
    lines = world.logs.tail(run.uid, LINES)
    if cause == "image" and any("no space left on device" in line.lower() for line in lines):
        cause = "disk-full"
    facts = {"message": _message(code, run, world), "lines": lines}
    return steps.again(run, step, cause, notes) or policy.fail(run, steps.reason(cause), *notes, step=step, **facts)


def _message(code: int | None, run: Run, world: World) -> str:
    registry = world.project.registry or ""
    repository = spec(run, world)["build"]["name"].rpartition(":")[0]
    return {
        20: "Dockerfile.train could not be built.",
        21: f"The registry {registry} refused the login. Check REGISTRY_USER and REGISTRY_PASSWORD, or, for Amazon's, "
        "the bot's rights in deploy/iam-bot.json.",
        22: f"The registry has no repository {repository}. Make it there once, at Amazon's with "
        "`aws ecr create-repository`.",
        23: f"The registry {registry} did not take the image, or did not give it.",
        24: f"Docker at {run.location} does not answer, or its disk takes no more.",
    }.get(code or 0, "")


def _why(run: Run, world: World) -> list[str]:
    """Which inputs changed since the branch's last image; empty when it had none, or nothing changed."""
    parts = _parts(_image(run))
    before = _parts(world.store.last_image(run.project, run.branch, before=run.id))
    if not before:
        return []
    return sorted(name for name in parts.keys() | before.keys() if parts.get(name) != before.get(name))


def _parts(image: Mapping[str, Any]) -> Mapping[str, Any]:
    found = image.get("parts")
    return found if isinstance(found, Mapping) else {}


def _image(run: Run) -> Mapping[str, Any]:
    found = run.progress.get("image")
    return found if isinstance(found, Mapping) else {}


def _with(run: Run, **facts: Any) -> Run:
    return replace(run, progress={**run.progress, "image": {**_image(run), **facts}})
