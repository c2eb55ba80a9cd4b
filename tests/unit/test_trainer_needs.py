"""Which data a run needs: never too little."""

from __future__ import annotations

import hashlib

import pytest

from trainer.definition import needs
from trainer.definition.graph import Data, Graph, Out, Stage

RAW, READY, MODEL = ("1" * 32 + ".dir", "2" * 32, "3" * 32)
SCRIPT = b"print('hello')\n"
PARAMS = b"train:\n  epochs: 3\n  rate: 0.5\n"


def md5(content):
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def stage(name, dep, out, oid, *, cmd="run", was=None, params=False, **flags):
    locked = {
        "cmd": "run",
        "deps": [{"path": dep, "md5": was}, {"path": "run.py", "md5": md5(SCRIPT)}],
        "outs": [{"path": out, "md5": oid}],
    }
    if params:
        locked["params"] = {"params.yaml": {"train.epochs": 3}}
    return Stage(
        name,
        "dvc.yaml",
        cmd,
        (dep, "run.py"),
        {"params.yaml": ("train.epochs",)} if params else {},
        (Out(out, oid, 4),),
        locked=locked,
        **flags,
    )


def pipeline(**changes):
    stages = {
        "ready": {"dep": "raw", "out": "ready", "oid": READY, "was": RAW},
        "train": {"dep": "ready", "out": "model", "oid": MODEL, "was": READY, "params": True},
    }
    for name, change in changes.items():
        stages[name] |= change
    return Graph(tuple(stage(name, **body) for name, body in stages.items()), (Data("raw.dvc", (Out("raw", RAW, 9),)),))


def read(path):
    return {"run.py": SCRIPT, "params.yaml": PARAMS}.get(path)


def paths(outs):
    return {out.path for out in outs}


def test_where_every_stage_is_to_run_all_that_no_stage_makes_is_needed():
    found = needs.judge(pipeline(), read, every=True)
    assert found.running == {"ready", "train"}
    assert paths(found.outs) == {"raw"}


def test_with_nothing_changed_nothing_is_needed():
    found = needs.judge(pipeline(), read)
    assert found.running == frozenset()
    assert found.outs == ()
    assert paths(found.idle) == {"raw", "ready", "model"}


def test_a_changed_command_needs_the_stage_s_own_data_only():
    found = needs.judge(pipeline(train={"cmd": "run --fast"}), read)
    assert found.running == {"train"}
    assert paths(found.outs) == {"ready"}
    assert paths(found.idle) == {"raw"}


def test_what_comes_after_a_changed_stage_may_run_too():
    found = needs.judge(pipeline(ready={"was": "9" * 32 + ".dir"}), read)
    assert found.running == {"ready", "train"}
    assert paths(found.outs) == {"raw"}


@pytest.mark.parametrize("content", [b"train:\n  epochs: 4\n", b"train: {}\n", b"[", None])
def test_another_parameter_or_one_that_cannot_be_read_makes_the_stage_run(content):
    found = needs.judge(pipeline(), lambda path: content if path == "params.yaml" else read(path))
    assert found.running == {"train"}


def test_another_script_makes_its_stages_run():
    found = needs.judge(pipeline(), lambda path: b"other" if path == "run.py" else read(path))
    assert found.running == {"ready", "train"}


def test_a_folder_in_git_is_not_certain_and_so_runs():
    found = needs.judge(pipeline(), lambda path: None if path == "run.py" else read(path))
    assert found.running == {"ready", "train"}


def test_what_is_not_known_is_said_and_what_is_known_to_differ_is_not_called_unsure():
    found = needs.judge(pipeline(), lambda path: None if path == "run.py" else read(path))
    assert found.unsure == {"ready", "train"}
    found = needs.judge(pipeline(ready={"was": "9" * 32}), read)
    assert (found.running, found.unsure) == ({"ready", "train"}, set())


def test_a_folder_is_certain_for_whoever_sees_all_that_is_in_it():
    files = {"src/run.py": SCRIPT, "src/more/words.txt": b"more\n", "srcs/other.py": b"other\n"}
    checksum = needs.folder_of(files, files.get)
    # What DVC 3 writes into dvc.lock for these two files.
    listed = f'[{{"md5": "{md5(b"more" + bytes([10]))}", "relpath": "more/words.txt"}}, '
    listed += f'{{"md5": "{md5(SCRIPT)}", "relpath": "run.py"}}]'
    assert checksum("src") == f"{md5(listed.encode())}.dir"
    assert checksum("nothing") is None


@pytest.mark.parametrize(("rules", "certain"), [(b"# none\n\n", True), (b"*.log\n", False)])
def test_a_folder_is_not_certain_where_a_dvcignore_has_rules(rules, certain):
    files = {"src/run.py": SCRIPT, ".dvcignore": rules}
    assert (needs.folder_of(files, files.get)("src") is not None) == certain


def test_a_file_in_a_folder_that_cannot_be_read_makes_it_uncertain():
    assert needs.folder_of(["src/a.py", "src/b.py"], {"src/a.py": b"a"}.get)("src") is None


@pytest.mark.parametrize(("content", "running"), [(b"scores", set()), (b"better scores", {"train"})])
def test_a_file_of_metrics_in_git_that_somebody_changed_makes_its_stage_run(content, running):
    graph = pipeline()
    scores = Out("scores.json", md5(b"scores"), 6, cached=False)
    locked = {**graph.stages[1].locked, "outs": [*graph.stages[1].locked["outs"], {"path": "scores.json"}]}
    scored = Stage(**{**vars(graph.stages[1]), "outs": (*graph.stages[1].outs, scores), "locked": locked})
    graph = Graph((graph.stages[0], scored), graph.data)
    found = needs.judge(graph, lambda path: content if path == "scores.json" else read(path))
    assert (found.running, found.unsure) == (running, set())
    assert needs.judge(graph, read).unsure == {"train"}


@pytest.mark.parametrize("path", ["params.toml", "sub/params.yaml"])
def test_parameters_that_are_not_read_here_are_not_certain(path):
    graph = pipeline(train={"params": True})
    odd = Stage(**{**vars(graph.stages[1]), "params": {path: ("train.epochs",)}})
    found = needs.judge(Graph((graph.stages[0], odd), graph.data), lambda at: PARAMS if at == path else read(at))
    assert found.unsure == {"train"}


def test_a_frozen_stage_never_runs():
    assert needs.judge(pipeline(train={"cmd": "new", "frozen": True}), read).running == frozenset()


def test_the_old_output_of_a_stage_that_goes_on_with_it_is_needed():
    graph = pipeline(train={"cmd": "new"})
    persistent = Stage(**{**vars(graph.stages[1]), "outs": (Out("model", MODEL, 4, persist=True),)})
    found = needs.judge(Graph((graph.stages[0], persistent), graph.data), read)
    assert paths(found.outs) == {"ready", "model"}


def test_a_stage_that_was_never_run_needs_its_dependencies():
    fresh = Stage("train", "dvc.yaml", "run", ("raw/sub",), {}, (Out("model"),))
    found = needs.judge(Graph((fresh,), (Data("raw.dvc", (Out("raw", RAW, 9),)),)), read)
    assert paths(found.outs) == {"raw"}
