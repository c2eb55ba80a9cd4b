"""prepare, repro and publish on a real git, a real DVC and a remote that is a folder."""

from __future__ import annotations

import json
import textwrap

import pytest
from ruamel.yaml import YAML

from tests.integration.trainer_world import World, dvc, git, md5
from trainer import crashpoints


@pytest.fixture
def world(tmp_path):
    return World(tmp_path, str(tmp_path / "store")).make()


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A world in which run 1 was published and run 2 found nothing to do."""
    root = tmp_path_factory.mktemp("trained")
    world = World(root, str(root / "store")).make()
    runs = []
    for _ in range(2):
        runs.append(world.new_run())
        runs[-1].all_steps()
    return world, *runs


def lock_of(world, name="main"):
    return YAML(typ="safe").load(world.show(f"{name}:dvc.lock"))["stages"]


def test_prepare_and_publish_say_how_much_room_is_left(trained):
    _, first, _ = trained
    said = {event["name"]: event.get("disk_free") for event in first.events("step") if event["state"] == "finished"}
    assert said["prepare"] > 0
    assert said["publish"] > 0
    assert said["repro"] is None


def test_a_first_run_trains_publishes_and_tags(trained):
    world, first, _ = trained
    published = first.published()
    assert first.stages() == {"ready": "finished", "train": "finished", "export": "finished"}
    assert [event["index"] for event in first.events("stage")] == [1, 1, 2, 2, 3, 3]
    assert world.head() == published["commit"]
    assert git(world.origin, "rev-parse", "v1.0.1^{commit}") == published["commit"]
    assert git(world.origin, "cat-file", "-t", "v1.0.1") == "tag"
    assert published["changed"] is True
    assert published["diverged"] is False
    assert published["branch"] == "main"


def test_commit_and_tag_say_who_asked_and_which_run_it_was(trained):
    world, first, _ = trained
    message = git(world.origin, "log", "-1", "--format=%an <%ae>%n%B", first.published()["commit"])
    assert message.splitlines()[0] == "Stationmaster <stationmaster@localhost>"
    assert message.splitlines()[1] == "Train v1.0.1"
    assert "Run: 1" in message.splitlines()
    assert "Triggered-by: alice@example.com" in message.splitlines()
    assert "Run: 1" in world.show("v1.0.1")


def test_metrics_and_params_travel_in_the_published_event(trained):
    _, first, _ = trained
    published = first.published()
    assert published["metrics"] == {"loss": pytest.approx(1 / 3), "score": 0.5}
    assert published["params"] == {"train": {"epochs": 3}}


def test_epochs_and_metrics_are_told_while_it_trains(trained):
    _, first, _ = trained
    told = [event for event in first.events("metric") if "loss" in event["values"]]
    assert told[-1] == {"kind": "metric", "step": 3, "of": 3, "values": {"loss": pytest.approx(1 / 3)}}


def test_the_log_holds_what_the_stages_printed(trained):
    _, first, _ = trained
    assert "Epoch 2/3" in first.log()
    assert "Running stage 'train':" in first.log()


def test_a_second_run_of_the_same_commit_runs_nothing_and_commits_nothing(trained):
    world, first, second = trained
    assert second.stages() == {"ready": "skipped", "train": "skipped", "export": "skipped"}
    assert second.published()["changed"] is False
    assert second.published()["commit"] == first.published()["commit"] == world.head()
    assert git(world.origin, "rev-parse", "v1.0.2^{commit}") == world.head()
    assert second.events("transfer") == []


def test_every_object_of_the_lock_is_on_the_remote(trained):
    world, first, _ = trained
    oids = {out["md5"] for stage in lock_of(world).values() for out in stage["outs"] if out["path"] != "metrics.json"}
    assert all(world.has_object(oid) for oid in oids)
    assert (
        first.published()["objects"] == len(oids) + 4
    )  # data/raw and its three; the member of `out` is model.txt again


def test_only_results_are_committed(trained):
    world, first, _ = trained
    changed = git(world.origin, "diff", "--name-only", f"{first.commit}..{world.head()}").split()
    assert sorted(changed) == [".gitignore", "data/.gitignore", "dvc.lock", "live/.gitignore", "metrics.json"]


def test_the_tag_checked_out_by_hand_has_nothing_to_reproduce(trained, tmp_path):
    world, _, _ = trained
    git(tmp_path, "clone", "--quiet", "--branch", "v1.0.1", str(world.origin), "clone")
    clone = tmp_path / "clone"
    dvc(clone, "pull", "--quiet")
    said = dvc(clone, "repro")
    assert said.count("didn't change") == 4
    assert "Running stage" not in said
    assert git(clone, "status", "--porcelain") == ""


def test_the_pointer_pulls_in_an_empty_new_repository(trained, tmp_path):
    world, first, _ = trained
    empty = tmp_path / "empty"
    empty.mkdir()
    dvc(empty, "init", "--no-scm", "--quiet")
    dvc(empty, "remote", "add", "--quiet", "--default", "store", world.remote)
    (empty / "train.dvc").write_text((first.run_dir / "train.dvc").read_text())
    dvc(empty, "pull", "train.dvc")
    assert (empty / "out/model.bin").read_text().startswith("3 aaa")
    assert YAML(typ="safe").load((empty / "train.dvc").read_text())["meta"] == {
        "project": "team/tiny",
        "tag": "v1.0.1",
        "commit": first.published()["commit"],
        "run": 1,
    }


def test_a_changed_parameter_runs_only_what_depends_on_it(world):
    world.new_run().all_steps()
    world.change(params_yaml="train:\n  epochs: 2\n")
    run = world.new_run()
    run.all_steps()
    assert run.stages() == {"ready": "skipped", "train": "finished", "export": "finished"}
    assert run.published()["params"] == {"train": {"epochs": 2}}


def test_a_stage_that_ran_before_with_these_inputs_is_restored(world):
    world.new_run().all_steps()
    world.change(params_yaml="train:\n  epochs: 2\n")
    world.new_run().all_steps()
    world.change(params_yaml="train:\n  epochs: 3\n")
    run = world.new_run()
    run.all_steps()
    assert run.stages()["train"] == "cached"
    assert (world.repo / "model.txt").read_text().startswith("3 ")


def test_a_fresh_location_fetches_only_what_will_run(world, tmp_path):
    world.new_run().all_steps()
    other = World(tmp_path, world.remote, runs=10)
    world.change(params_yaml="train:\n  epochs: 2\n")
    workdir = tmp_path / "location"
    workdir.rename(tmp_path / "gone")
    run = other.new_run()
    run.all_steps()
    assert run.stages() == {"ready": "skipped", "train": "finished", "export": "finished"}
    raw = md5(b"aaa\n")
    assert not (other.places.cache / "files/md5" / raw[:2] / raw[2:]).exists()
    assert (other.repo / "data/ready.txt").exists()


def test_a_fresh_location_with_nothing_changed_fetches_nothing(world, tmp_path):
    world.new_run().all_steps()
    (tmp_path / "location").rename(tmp_path / "gone")
    run = world.new_run()
    run.all_steps()
    assert set(run.stages().values()) == {"skipped"}
    content = md5((tmp_path / "gone" / "dvc-cache/files/md5/c9/3f1f511ba9e85029ae72c560a6fbce").read_bytes())
    assert not (world.places.cache / "files/md5" / content[:2] / content[2:]).exists()
    assert run.published()["changed"] is False


def test_an_object_lost_from_the_remote_is_uploaded_again_though_nothing_changed(world):
    first = world.new_run()
    first.all_steps()
    member = md5((world.repo / "out/model.bin").read_bytes())
    world.drop_object(member)
    second = world.new_run()
    second.all_steps()
    assert world.has_object(member)
    assert second.events("transfer")[-1]["files_total"] == 1


def test_a_pipeline_that_always_runs_is_run_each_time(world):
    world.change(
        dvc_yaml="stages:\n  now:\n    cmd: date +%N > now.txt\n    outs: [now.txt]\n    always_changed: true\n"
    )
    for _ in range(2):
        run = world.new_run()
        run.all_steps()
        assert run.stages() == {"now": "finished"}
        assert run.published()["changed"] is True


def test_templates_and_matrices_are_resolved_by_dvc(world):
    pipeline = """\
        vars:
          - where: made
        stages:
          many:
            matrix:
              size: [1, 2]
            cmd: mkdir -p ${where} && echo ${item.size} > ${where}/${item.size}.txt
            params:
              - train.epochs
            outs:
              - ${where}/${item.size}.txt
        """
    world.change(dvc_yaml=textwrap.dedent(pipeline))
    first, second = world.new_run(), None
    first.all_steps()
    assert first.stages() == {"many@1": "finished", "many@2": "finished"}
    second = world.new_run()
    second.all_steps()
    assert set(second.stages().values()) == {"skipped"}
    assert second.published()["objects"] == 2


def test_a_run_after_a_killed_one_starts_from_a_clean_workspace(world):
    world.new_run().all_steps()
    (world.repo / "model.txt").unlink()
    (world.repo / "model.txt").write_text("half a mod")
    (world.repo / "out/model.bin").unlink()
    (world.repo / "src/train.py").write_text("vandalised")
    (world.repo / "live/metrics.json").unlink()
    (world.repo / "leftover.txt").write_text("who am I")
    (world.repo / ".dvc/tmp/rwlock").write_text('{"model.txt": {"write": {"pid": 1, "cmd": "dvc repro"}}}')
    run = world.new_run()
    run.all_steps()
    assert set(run.stages().values()) == {"skipped"}
    assert (world.repo / "model.txt").read_text().startswith("3 ")
    assert not (world.repo / "leftover.txt").exists()
    assert run.events("metric") == []
    assert run.published()["changed"] is False


def test_a_run_that_is_killed_at_every_turn_still_ends_well(world):
    run = world.new_run()
    for step in ("prepare", "repro"):
        for point in [name for name in crashpoints.POINTS if name.startswith(step)]:
            assert run.step(step, crash=point) == 137
        assert run.step(step) == 0
    assert run.step("publish") == 0
    assert run.stages() == {"ready": "skipped", "train": "skipped", "export": "skipped"}
    assert run.published()["metrics"]["score"] == 0.5
    assert world.tags() == [run.tag]


def test_files_that_did_not_change_keep_their_times(world):
    world.new_run().all_steps()
    before = (world.repo / "src/train.py").stat().st_mtime_ns
    world.change(README_md="# Tiny\n")
    world.new_run().all_steps()
    assert (world.repo / "src/train.py").stat().st_mtime_ns == before
    assert (world.repo / "README.md").exists()


def test_json_of_events_is_numbered_through_all_steps(trained):
    _, first, _ = trained
    numbers = [json.loads(line)["seq"] for line in (first.run_dir / "events.jsonl").read_text().splitlines()]
    assert numbers == list(range(1, len(numbers) + 1))


def test_data_imported_from_another_repository_is_fetched_from_there(world, tmp_path):
    (tmp_path / "far").mkdir()
    far = World(tmp_path / "far", str(tmp_path / "far" / "store")).make()
    size = sum(file.stat().st_size for file in (far.hand / "data/raw").iterdir())
    oid = YAML(typ="safe").load(far.show("main:data/raw.dvc"))["outs"][0]["md5"]
    text = f"""\
        frozen: true
        deps:
        - path: data/raw
          repo:
            url: {far.origin}
            rev_lock: {far.head()}
        outs:
        - md5: {oid}
          size: {size}
          nfiles: 3
          hash: md5
          path: raw
        """
    for name in ("a", "b", "c"):
        world.drop_object(md5(f"{name * 3}\n".encode()))
    world.write("data/raw.dvc", textwrap.dedent(text))
    world.commit("Imported data")
    run = world.new_run()
    run.all_steps()
    assert run.stages()["ready"] == "finished"
    assert (world.repo / "data/ready.txt").read_text() == "aaa\nbbb\nccc\n"
    assert not world.has_object(md5(b"aaa\n"))


def test_going_back_to_a_branch_brings_its_outputs_back_without_training(world):
    world.new_run().all_steps()
    world.change_on("other", params_yaml="train:\n  epochs: 9\n")
    world.new_run(branch="other").all_steps()
    run = world.new_run()
    run.all_steps()
    assert set(run.stages().values()) == {"skipped"}
    assert (world.repo / "model.txt").read_text().startswith("3 ")
