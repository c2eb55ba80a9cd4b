"""What a machine costs an hour: the price list over HTTP, and what is remembered of it."""

import itertools

import pytest

from bot.errors import Unauthorised, Unavailable
from bot.locations.ec2 import ec2_client
from bot.locations.prices import REMEMBERED_SECONDS, AwsPriceList, Prices
from bot.sandbox.aws import AwsSandbox
from tests.doubles.clock import TestClock

NUMBERS = itertools.count(1)


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    with (
        pytest.MonkeyPatch.context() as patch,
        AwsSandbox(tmp_path_factory.mktemp("aws"), clock=TestClock()) as running,
    ):
        for name, value in running.environment.items():
            patch.setenv(name, value)
        yield running


@pytest.fixture
def price_list(sandbox):
    ec2 = ec2_client(region=sandbox.region, endpoint_url=sandbox.url)
    yield AwsPriceList(lambda: ec2, region=sandbox.region, endpoint_url=sandbox.url)
    ec2.close()
    sandbox.forget_faults()


def a_machine(sandbox, kind):
    instance = f"i-{next(NUMBERS):017x}"
    sandbox.ensure_instance(instance, owner="alice@example.com", instance_type=kind)
    return instance


def test_a_machine_costs_what_the_list_says_of_its_type_and_region(sandbox, price_list):
    assert price_list.price_per_hour(a_machine(sandbox, "g5.xlarge")) == 1.258


def test_a_type_that_is_not_in_the_list_has_no_known_price(sandbox, price_list):
    assert price_list.price_per_hour(a_machine(sandbox, "t3.nano")) is None


def test_a_bot_that_may_not_ask_is_told_which_policy_to_check(sandbox, price_list):
    sandbox.fault("GetProducts", "AccessDeniedException", times=2)
    with pytest.raises(Unauthorised, match=r"Could not look up the price of g5\.xlarge: .*IAM policy"):
        price_list.price_per_hour(a_machine(sandbox, "g5.xlarge"))


def test_a_list_that_does_not_answer_is_for_later(sandbox, price_list):
    sandbox.fault("GetProducts", "reset_before", times=2)
    with pytest.raises(Unavailable, match="AWS did not answer"):
        price_list.price_per_hour(a_machine(sandbox, "g5.xlarge"))


# what is remembered


class FakePriceList:
    """Answers from `prices` (an error is raised), and counts."""

    def __init__(self, **prices):
        self.prices = prices
        self.asked = []

    def price_per_hour(self, instance_id):
        self.asked.append(instance_id)
        price = self.prices[instance_id]
        if isinstance(price, Exception):
            raise price
        return price


@pytest.fixture
def clock():
    return TestClock()


def test_the_settings_price_comes_first_and_the_list_is_not_asked(clock):
    source = FakePriceList(one=9.0)
    prices = Prices({"alice": 0.5}, {"alice": "one"}, source, clock)
    prices.refresh()
    assert prices.of("alice") == 0.5
    assert source.asked == []


def test_a_price_is_unknown_until_it_was_looked_up_and_asked_for_once_a_day(clock):
    source = FakePriceList(one=1.25)
    prices = Prices({}, {"alice": "one"}, source, clock)
    assert prices.of("alice") is None
    prices.refresh()
    prices.refresh()
    assert prices.of("alice") == 1.25
    assert source.asked == ["one"]
    source.prices["one"] = 1.5
    clock.advance(REMEMBERED_SECONDS)
    prices.refresh()
    assert prices.of("alice") == 1.5


def test_a_refusal_is_not_asked_for_again_the_same_day_and_the_other_machines_are(clock):
    source = FakePriceList(one=Unauthorised("no"), two=2.0)
    prices = Prices({}, {"alice": "one", "bob": "two"}, source, clock)
    prices.refresh()
    prices.refresh()
    assert (prices.of("alice"), prices.of("bob")) == (None, 2.0)
    assert source.asked == ["one", "two"]


def test_no_answer_is_asked_for_again_and_the_old_price_holds_meanwhile(clock):
    source = FakePriceList(one=1.0)
    prices = Prices({}, {"alice": "one"}, source, clock)
    prices.refresh()
    source.prices["one"] = Unavailable("away")
    clock.advance(REMEMBERED_SECONDS)
    prices.refresh()
    assert prices.of("alice") == 1.0
    source.prices["one"] = 2.0
    prices.refresh()
    assert prices.of("alice") == 2.0
