"""The three steps with data on S3 (moto's server) and git behind HTTP with a token."""

from __future__ import annotations

import json
import logging

import pytest
from moto.server import ThreadedMotoServer

from tests.integration.git_server import GitServer
from tests.integration.trainer_world import World, ask, dvc, md5


@pytest.fixture(scope="module")
def endpoint():
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="module")
def made(tmp_path_factory, endpoint):
    """A published run, from an empty location, over HTTP."""
    root = tmp_path_factory.mktemp("s3")
    world = World(root, "s3://tiny/store", endpoint)
    world.s3().create_bucket(Bucket="tiny")
    world.make()
    server = GitServer(world.root)
    world.git_url = server.address("origin.git")
    run = world.new_run()
    run.all_steps()
    yield world, run, server
    server.stop()


def test_the_three_steps_work_with_s3_and_a_token(made):
    world, run, server = made
    assert run.published()["commit"] == world.head()
    assert server.refused == 0
    keys = [entry["Key"] for entry in world.s3().list_objects_v2(Bucket="tiny")["Contents"]]
    assert len([key for key in keys if key.startswith("store/runs/")]) == 3
    assert not [key for key in keys if not key.startswith(("store/runs/", "store/files/md5/"))]


def test_a_run_without_changes_does_not_talk_to_s3_before_it_publishes(made):
    world, _, _ = made
    run = world.new_run()
    endpoint, world.endpoint = world.endpoint, "http://127.0.0.1:9"
    assert run.step("prepare") == 0
    assert run.step("repro") == 0
    world.endpoint = endpoint
    assert run.step("publish") == 0
    assert run.published()["changed"] is False
    assert run.events("transfer") == []


def test_an_object_that_s3_lost_is_proven_missing_and_uploaded_again(made):
    world, _, _ = made
    oid = md5((world.repo / "model.txt").read_bytes())
    world.drop_object(oid)
    run = world.new_run()
    run.all_steps()
    assert world.has_object(oid)
    assert run.events("transfer")[-1]["files_total"] == 1


def test_an_object_whose_bytes_changed_on_s3_is_replaced(made):
    world, _, _ = made
    oid = md5((world.repo / "model.txt").read_bytes())
    world.spoil_object(oid)
    run = world.new_run()
    run.all_steps()
    key = f"store/files/md5/{oid[:2]}/{oid[2:]}"
    assert md5(world.s3().get_object(Bucket="tiny", Key=key)["Body"].read()) == oid


def test_the_pointer_pulls_from_s3_in_an_empty_new_repository(made, tmp_path):
    world, run, _ = made
    dvc(tmp_path, "init", "--no-scm", "--quiet")
    dvc(tmp_path, "remote", "add", "--quiet", "--default", "store", world.remote)
    (tmp_path / "train.dvc").write_text((run.run_dir / "train.dvc").read_text())
    dvc(tmp_path, "pull", "train.dvc", env=world.aws)
    assert (tmp_path / "out/model.bin").read_bytes() == (world.repo / "model.txt").read_bytes()


def test_refused_credentials_are_said_and_not_retried(made, monkeypatch):
    world, _, server = made
    run = world.new_run()
    run.commit = world.change(README_md="# Tiny\n")
    order = run.order("prepare")
    order["secrets"]["git"]["token"] = "sandbox-expired"
    assert ask("launch", stdin=json.dumps(order))["ok"]
    assert run.wait(order["name"]) == 1
    assert run.failure()["cause"] == "credentials"
    assert server.refused <= 2
    assert "sandbox-expired" not in run.log() + str(run.failure())


def test_a_remote_that_does_not_answer_is_a_network_failure(made):
    world, _, _ = made
    run = world.new_run()
    run.step("prepare")
    run.step("repro")
    endpoint, world.endpoint = world.endpoint, "http://127.0.0.1:9"
    assert run.step("publish") == 1
    world.endpoint = endpoint
    assert run.failure()["cause"] == "network"
    assert run.tag not in world.tags()
