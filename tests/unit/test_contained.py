"""The first program of a container: takes its order once, and leaves no credentials behind."""

import json

import pytest

from trainer import contained
from trainer.job.order import OrderError

ORDER = {
    "name": "run-1-publish-0",
    "step": "publish",
    "fence": 1,
    "run_dir": "/w/runs/1",
    "workdir": "/w",
    "spec": {"project": "team/fruits"},
    "secrets": {"git": {"token": "sandbox-bot-token"}},
}


def test_the_order_is_divided_into_what_is_kept_and_what_is_secret(tmp_path):
    (tmp_path / "order.json").write_text(json.dumps(ORDER))
    taken = contained.take(tmp_path, 0.0)
    assert taken.step == "publish"
    assert "sandbox-bot-token" not in (tmp_path / "job.json").read_text()
    assert json.loads((tmp_path / "secrets.json").read_text()) == ORDER["secrets"]
    assert (tmp_path / "secrets.json").stat().st_mode & 0o777 == 0o600
    assert not (tmp_path / "order.json").exists()
    assert (tmp_path / "taken").exists()


def test_the_teams_code_finds_no_secrets_whatever_was_sent(tmp_path):
    (tmp_path / "order.json").write_text(json.dumps({**ORDER, "step": "repro"}))
    contained.take(tmp_path, 0.0)
    assert not any("sandbox-bot-token" in path.read_text() for path in tmp_path.iterdir())


def test_a_container_that_nobody_tells_what_to_do_gives_up(tmp_path):
    assert contained.take(tmp_path, 0.0) is None


def test_an_order_that_is_none_is_refused(tmp_path):
    (tmp_path / "order.json").write_text(json.dumps({**ORDER, "step": "rm"}))
    with pytest.raises(OrderError, match="step is 'rm'"):
        contained.take(tmp_path, 0.0)
