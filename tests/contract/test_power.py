"""What must hold for every power; then what EC2 alone can do to us."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from bot.errors import Conflict, NoCapacity, NotFound, QuotaReached, Unauthorised, Unavailable
from bot.locations.ec2 import Ec2Power, ec2_client
from bot.locations.power import AlwaysOn, Power
from bot.ports import PowerSeen, PowerState
from bot.sandbox.aws import AwsSandbox
from tests.doubles.clock import TestClock

NUMBERS = itertools.count(1)
LONG_ENOUGH = 60.0
"""Seconds after which any machine here has done what it was asked for."""


@dataclass
class Bench:
    """A power, and how to let time pass for it."""

    power: Power
    pass_time: Callable[[float], None]
    can_be_off: bool = True


@pytest.fixture(scope="module")
def clock():
    return TestClock()


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory, clock):
    with pytest.MonkeyPatch.context() as patch, AwsSandbox(tmp_path_factory.mktemp("aws"), clock=clock) as running:
        for name, value in running.environment.items():
            patch.setenv(name, value)
        yield running


@pytest.fixture(scope="module")
def client(sandbox):
    return ec2_client(region=sandbox.region, endpoint_url=sandbox.url)


@pytest.fixture
def machine(sandbox):
    """The id of a machine that is off, and that no other test has."""
    instance_id = f"i-{next(NUMBERS):017x}"
    sandbox.ensure_instance(instance_id, owner="alice@example.com")
    yield instance_id
    sandbox.forget_faults()


@pytest.fixture
def ec2(machine, client):
    return Ec2Power(machine, client)


@pytest.fixture(params=["ec2", "always-on"])
def bench(request):
    if request.param == "always-on":
        return Bench(AlwaysOn(), lambda _seconds: None, can_be_off=False)
    return Bench(request.getfixturevalue("ec2"), request.getfixturevalue("clock").advance)


# ------------------------------------------------------------------------------------------------ every power


def test_a_machine_that_was_asked_to_start_runs_after_a_while(bench):
    bench.power.start()
    bench.pass_time(LONG_ENOUGH)
    assert bench.power.state() is PowerState.RUNNING


def test_asking_twice_to_start_is_asking_once(bench):
    bench.power.start()
    bench.power.start()
    bench.pass_time(LONG_ENOUGH)
    bench.power.start()
    assert bench.power.state() is PowerState.RUNNING


def test_asking_twice_to_stop_is_asking_once(bench):
    bench.power.start()
    bench.pass_time(LONG_ENOUGH)
    bench.power.stop()
    bench.power.stop()
    bench.pass_time(LONG_ENOUGH)
    bench.power.stop()
    assert bench.power.state() is (PowerState.STOPPED if bench.can_be_off else PowerState.RUNNING)


def test_a_machine_that_was_stopped_starts_again(bench):
    bench.power.start()
    bench.pass_time(LONG_ENOUGH)
    bench.power.stop()
    bench.pass_time(LONG_ENOUGH)
    bench.power.start()
    bench.pass_time(LONG_ENOUGH)
    assert bench.power.state() is PowerState.RUNNING


def test_a_look_says_the_same_state(bench):
    assert bench.power.look().state is bench.power.state()
    bench.power.start()
    bench.pass_time(LONG_ENOUGH)
    assert bench.power.look().state is PowerState.RUNNING


# ------------------------------------------------------------------------------------------------ EC2


def test_aws_says_since_when_a_machine_is_launched_and_when_its_stop_began(ec2, clock):
    launched = int(clock.now())  # AWS tells whole seconds
    ec2.start()
    assert ec2.look() == PowerSeen(PowerState.STARTING, launched)
    clock.advance(LONG_ENOUGH)
    assert ec2.look() == PowerSeen(PowerState.RUNNING, launched)
    clock.advance(3_600)
    stopped = int(clock.now())
    ec2.stop()
    assert ec2.look() == PowerSeen(PowerState.STOPPING, stopped)
    clock.advance(3_600)
    assert ec2.look() == PowerSeen(PowerState.STOPPED, stopped)


def test_of_a_machine_that_shut_itself_down_aws_does_not_say_when(ec2, machine, sandbox, clock):
    ec2.start()
    clock.advance(LONG_ENOUGH)
    sandbox.power_off(machine)
    clock.advance(LONG_ENOUGH)
    assert ec2.look() == PowerSeen(PowerState.STOPPED)


def test_every_state_on_the_way_is_told(ec2, clock):
    seen = [ec2.state()]
    for ask in (ec2.start, ec2.stop):
        ask()
        seen.append(ec2.state())
        clock.advance(LONG_ENOUGH)
        seen.append(ec2.state())
    assert seen == [
        PowerState.STOPPED,
        PowerState.STARTING,
        PowerState.RUNNING,
        PowerState.STOPPING,
        PowerState.STOPPED,
    ]


def test_a_start_while_it_still_stops_is_for_later(ec2, clock):
    ec2.start()
    clock.advance(LONG_ENOUGH)
    ec2.stop()
    with pytest.raises(Unavailable, match="still stopping"):
        ec2.start()
    clock.advance(LONG_ENOUGH)
    ec2.start()
    assert ec2.state() is PowerState.STARTING


def test_a_stop_while_it_still_starts_is_for_later(ec2, clock):
    ec2.start()
    with pytest.raises(Unavailable, match="still starting"):
        ec2.stop()
    clock.advance(LONG_ENOUGH)
    ec2.stop()
    assert ec2.state() is PowerState.STOPPING


def test_a_terminated_machine_is_gone_and_never_starts(ec2, machine, client, clock):
    client.terminate_instances(InstanceIds=[machine])
    assert ec2.state() is PowerState.GONE
    clock.advance(LONG_ENOUGH)
    assert ec2.state() is PowerState.GONE
    ec2.stop()
    with pytest.raises(NotFound, match="was terminated and can never start again"):
        ec2.start()
    assert ec2.state() is PowerState.GONE


@pytest.mark.parametrize("times", [1, 3])
def test_a_machine_that_aws_does_not_know_at_this_moment_is_unknown_not_gone(ec2, sandbox, times):
    sandbox.fault("DescribeInstances", "InvalidInstanceID.NotFound", times=times)
    assert [ec2.state() for _ in range(times + 1)] == [PowerState.UNKNOWN] * times + [PowerState.STOPPED]


def test_stale_news_never_say_gone(ec2, sandbox):
    ec2.start()
    sandbox.fault("DescribeInstances", "stale")
    assert [ec2.state(), ec2.state()] == [PowerState.STOPPED, PowerState.STARTING]


def test_an_instance_that_was_never_there_cannot_start_and_the_message_says_where_to_look(client):
    nobody = Ec2Power("i-00000000000000000", client)
    assert nobody.state() is PowerState.UNKNOWN
    with pytest.raises(NotFound, match="Check the name and the region in the settings"):
        nobody.start()


@pytest.mark.parametrize(
    ("code", "error", "advice"),
    [
        ("InsufficientInstanceCapacity", NoCapacity, "no free machine of this kind"),
        ("InstanceLimitExceeded", QuotaReached, "ask AWS to raise the quota"),
        ("VcpuLimitExceeded", QuotaReached, "ask AWS to raise the quota"),
        ("UnauthorizedOperation", Unauthorised, "IAM policy"),
        ("RequestLimitExceeded", Unavailable, "passes by itself"),
        ("InternalError", Unavailable, "If it does not pass"),
    ],
)
def test_a_refused_start_says_which_kind_it_is_and_starts_nothing(ec2, machine, sandbox, *, code, error, advice):
    sandbox.fault("StartInstances", code, times=2)  # boto3 asks twice where it believes that helps
    with pytest.raises(error, match=f"Could not start {machine}: AWS answered {code} .*{advice}") as raised:
        ec2.start()
    assert type(raised.value) is error
    assert sandbox.state(machine) == "stopped"


def test_no_capacity_is_worth_waiting_for_and_a_refused_credential_is_not():
    assert issubclass(QuotaReached, NoCapacity)
    assert issubclass(NoCapacity, Unavailable)
    assert not issubclass(Unauthorised, Unavailable)


def test_a_machine_may_halt_only_where_aws_says_that_it_stops_then(ec2, machine, client, sandbox):
    attribute = {"InstanceId": machine, "Attribute": "instanceInitiatedShutdownBehavior"}
    client.modify_instance_attribute(**attribute, Value="terminate")
    with pytest.raises(Conflict, match=r"modify-instance-attribute .*shutdown-behavior stop"):
        ec2.may_halt()
    client.modify_instance_attribute(**attribute, Value="stop")
    sandbox.fault("DescribeInstanceAttribute", "UnauthorizedOperation")
    with pytest.raises(Unauthorised, match="what a shutdown inside"):
        ec2.may_halt()
    assert ec2.may_halt()
    assert not AlwaysOn().may_halt()


def test_an_instance_that_gives_its_credentials_without_a_token_is_named(ec2, machine, client):
    ec2.check_metadata()
    client.modify_instance_metadata_options(InstanceId=machine, HttpTokens="optional")
    with pytest.raises(Conflict, match="--http-tokens required"):
        ec2.check_metadata()


def test_a_lost_answer_starts_the_machine_once(ec2, machine, sandbox, clock):
    sandbox.fault("StartInstances", "reset_after")
    ec2.start()
    clock.advance(LONG_ENOUGH)
    assert [state for _, state in sandbox.history(machine)] == ["stopped", "pending", "running"]


def test_aws_that_does_not_answer_is_for_later(ec2, sandbox):
    for operation, call in (
        ("DescribeInstances", ec2.state),
        ("StartInstances", ec2.start),
        ("StopInstances", ec2.stop),
    ):
        sandbox.fault(operation, "reset_before", times=2)
        with pytest.raises(Unavailable, match="AWS did not answer"):
            call()


def test_an_address_where_nobody_listens_is_for_later(sandbox):  # whose keys are in the environment
    power = Ec2Power("i-00000000000000000", ec2_client(region="eu-central-1", endpoint_url="http://127.0.0.1:9"))
    with pytest.raises(Unavailable, match="AWS did not answer"):
        power.state()


def test_a_bot_without_credentials_is_told_how_to_get_some(machine, sandbox, monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    power = Ec2Power(machine, ec2_client(region=sandbox.region, endpoint_url=sandbox.url))
    with pytest.raises(Unauthorised, match="Give the bot's machine a role"):
        power.start()
