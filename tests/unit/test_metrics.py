"""`/metrics`: the right numbers, in Prometheus's format, and nobody's name."""

import re
from dataclasses import dataclass

import pytest
from botocore.exceptions import EndpointConnectionError

from bot.aws import asking
from bot.errors import Conflict, DoorError, NoCapacity, NotFound, Unauthorised, Unavailable
from bot.gitlab import GitLabProject
from bot.runs.model import Phase
from bot.runs.store import Store
from bot.slack.chat import SlackChat, web_client
from bot.tally import DOORS, Tally
from bot.web.metrics import metrics
from bot.web.prometheus import Family, exposition, single
from tests.doubles.clock import TestClock

LINE = re.compile(r'[a-z_]+(\{[a-z]+="(?:[^"\\\n]|\\["\\n])*"(,[a-z]+="(?:[^"\\\n]|\\["\\n])*")*\})? -?[0-9.e+]+')


@dataclass
class Line:
    connected: bool = True
    heard_at: float | None = 1_700_000_000.5
    refused: int = 0


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "ledger.sqlite", TestClock())
    yield store
    store.close()


def train(store, tag, location="alices-box"):
    store.requests.add(delivery=tag, user="UALICE", channel="C1", branch="main", tag=tag)
    request = store.requests.claim()
    return store.requests.accept(
        request, project="team/fruits", commit="c" * 40, email="alice@example.com", location=location
    )


def numbers(store, **line):
    text = metrics(store.counts, Line(**line))
    return {
        name: float(value) for name, _, value in (each.rpartition(" ") for each in text.splitlines()) if name[0] != "#"
    }


def test_an_empty_ledger_has_all_phases_at_nothing(store):
    seen = numbers(store)
    assert {seen[f'stationmaster_runs{{phase="{phase}"}}'] for phase in Phase} == {0}
    assert seen["stationmaster_requests_waiting"] == 0
    assert seen["stationmaster_outbox_messages"] == 0
    assert seen["stationmaster_outbox_oldest_seconds"] == 0


def test_runs_machines_and_commands_are_counted(store):
    for tag in ("v1", "v2"):
        train(store, tag)
    store.requests.add(delivery="d", user="UALICE", channel="C1", branch="main", tag="v3")
    store.machines.saw("alices-box", "running")
    store.machines.saw("rack-1", "stopped")
    store.machines.saw("rack-2", "stopped")
    run, lease = store.claim()
    store.reserve(run, lease)
    seen = numbers(store)
    assert seen['stationmaster_runs{phase="queued"}'] == 1
    assert seen['stationmaster_runs{phase="starting"}'] == 1
    assert seen["stationmaster_requests_waiting"] == 1
    assert seen['stationmaster_machines{state="stopped"}'] == 2
    assert seen['stationmaster_machines{state="running"}'] == 1
    assert seen["stationmaster_machines_busy"] == 1


def test_the_backlog_is_as_old_as_its_oldest_message(store):
    train(store, "v1")
    store._database._clock.advance(40)
    train(store, "v2")
    seen = numbers(store)
    assert seen["stationmaster_outbox_messages"] == 2
    assert seen["stationmaster_outbox_oldest_seconds"] == 40
    first, second = store.outbox.due()
    store.outbox.sending(first)
    store.outbox.unsent(first, seconds=1, surely=True)
    assert numbers(store)["stationmaster_outbox_tries"] == 1
    store.outbox.sent(first, "1.0")
    store.outbox.give_up(second)
    seen = numbers(store)
    assert seen["stationmaster_outbox_messages"] == seen["stationmaster_outbox_oldest_seconds"] == 0
    assert seen["stationmaster_outbox_given_up_total"] == 1


def test_slack_is_there_or_not_and_was_heard_at_a_time(store):
    seen = numbers(store, connected=False, refused=3)
    assert seen["stationmaster_slack_connected"] == 0
    assert seen["stationmaster_slack_last_contact_timestamp_seconds"] == 1_700_000_000.5
    assert seen["stationmaster_slack_requests_refused_total"] == 3
    assert "stationmaster_slack_last_contact_timestamp_seconds" not in numbers(store, heard_at=None)


def test_nobodys_name_is_in_it_and_prometheus_can_read_it(store):
    train(store, "v1-secret-name")
    store.machines.saw("alices-box", "running")
    with pytest.raises(Unavailable), DOORS.of("gitlab"):
        raise Unavailable("alice's token")
    text = metrics(store.counts, Line())
    assert not re.search("alice|UALICE|secret|main|fruits", text)
    assert 'stationmaster_door_errors_total{door="gitlab",kind="unavailable"}' in text
    for line in text.splitlines():
        assert line.startswith(("# HELP ", "# TYPE ")) or LINE.fullmatch(line), line


def test_what_the_doors_refused_is_counted_by_kind():
    tally = Tally()
    for error in (NoCapacity("a"), Unavailable("b"), Unauthorised("c"), NotFound("d"), Conflict("e"), DoorError("f")):
        with pytest.raises(DoorError), tally.of("aws"):
            raise error
    with pytest.raises(KeyError), tally.of("aws"):
        raise KeyError
    kinds = {"unavailable": 2, "unauthorised": 1, "not_found": 1, "conflict": 1, "refused": 1}
    assert tally.counts() == {("aws", kind): number for kind, number in kinds.items()}


def test_labels_and_help_are_escaped():
    family = Family("a_b", "counter", "two\nlines \\", {(("l", 'a "b"\n\\'),): 2})
    assert exposition([family, Family("empty", "gauge", "x", {})]) == (
        '# HELP a_b two\\nlines \\\\\n# TYPE a_b counter\na_b{l="a \\"b\\"\\n\\\\"} 2\n'
    )


def test_a_time_keeps_its_seconds():
    assert "x 1700000000.5\n" in exposition([single("x", "when", 1_700_000_000.5)])


def test_each_door_counts_what_it_translates():
    def counted(door, kind):
        return DOORS.counts().get((door, kind), 0)

    before = {door: counted(door, "unavailable") for door in ("slack", "gitlab", "aws")}
    with pytest.raises(Unavailable):
        SlackChat(web_client("xoxb-none", "http://127.0.0.1:9/api/")).who_am_i()
    with pytest.raises(Unavailable):
        GitLabProject("http://127.0.0.1:9", "team/fruits", "none").branches()
    with pytest.raises(Unavailable), asking("look"):
        raise EndpointConnectionError(endpoint_url="http://127.0.0.1:9")
    assert {door: counted(door, "unavailable") for door in before} == {door: n + 1 for door, n in before.items()}
