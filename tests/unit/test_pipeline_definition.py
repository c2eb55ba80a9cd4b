"""dvc.yaml says exactly what the stages' code does: what it reads, which parameters, what it writes."""

import ast
from dataclasses import fields
from fnmatch import fnmatch
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from trainer.pipeline.params import Export, Prepare, Section, Train

ROOT = Path(__file__).parents[2]
STAGES = YAML(typ="safe").load(ROOT / "dvc.yaml")["stages"]
PARAMS = {"prepare": Prepare, "train": Train, "evaluate": None, "export": Export}


def modules_read_by(module: Path) -> set[Path]:
    """The module and all of the project's own that it imports, directly or not."""
    found: set[Path] = set()
    waiting = [module]
    while waiting:
        current = waiting.pop()
        if current in found:
            continue
        found.add(current)
        for node in ast.walk(ast.parse(current.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("trainer"):
                folder = ROOT / node.module.replace(".", "/")
                names = [folder.with_suffix(".py")] + [folder / f"{name.name}.py" for name in node.names]
                waiting += [path for path in names if path.is_file()]
    return found


def outputs_of(stage: dict) -> set[str]:
    entries = stage.get("outs", []) + stage.get("metrics", []) + stage.get("plots", [])
    return {entry if isinstance(entry, str) else next(iter(entry)) for entry in entries}


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_depends_on_exactly_the_modules_it_imports(name):
    module = ROOT / (STAGES[name]["cmd"].removeprefix("python -m ").replace(".", "/") + ".py")
    declared = {dep for dep in STAGES[name]["deps"] if dep.endswith(".py")}
    assert declared == {str(path.relative_to(ROOT)) for path in modules_read_by(module)}


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_depends_on_exactly_the_parameters_it_reads(name):
    section = PARAMS[name]
    keys = {f"{section.name}.{field.name}" for field in fields(section)} if section else set()
    assert set(STAGES[name].get("params", [])) == keys


@pytest.mark.parametrize("section", [Prepare, Train, Export])
def test_the_parameters_of_the_repository_are_accepted(section: type[Section]):
    assert section.read(ROOT / "params.yaml")


def test_every_output_is_cached_so_that_the_run_cache_works():
    for stage in STAGES.values():
        for entry in stage.get("outs", []) + stage.get("metrics", []) + stage.get("plots", []):
            options = {} if isinstance(entry, str) else next(iter(entry.values()))
            assert options.get("cache", True)


def test_git_ignores_every_output_and_the_images():
    ignored = (ROOT / "trainer/pipeline/gitignore").read_text("utf-8").splitlines()
    outputs = {f"/{path}" for stage in STAGES.values() for path in outputs_of(stage)}
    assert outputs | {"/data/fruits-360"} == {line for line in ignored if line.startswith("/")}


def test_the_artifacts_and_the_plots_are_outputs_of_a_stage():
    document = YAML(typ="safe").load(ROOT / "dvc.yaml")
    outputs = set().union(*(outputs_of(stage) for stage in STAGES.values()))
    named = {artifact["path"] for artifact in document["artifacts"].values()}
    drawn = {path for plot in document["plots"] for options in plot.values() for path in options["y"]}
    assert named == {"model.onnx", "model.config"}
    assert named <= outputs
    assert drawn
    assert all(any(fnmatch(path, f"{out}/*") for out in outputs) for path in drawn)


def test_the_pipeline_is_self_contained():
    for module in (ROOT / "trainer/pipeline").glob("*.py"):
        for node in ast.walk(ast.parse(module.read_text("utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                assert name.split(".")[0] not in ("bot", "commands")
                assert not name.startswith("trainer") or name.startswith("trainer.pipeline")
