"""What an hour of each machine costs: as the settings say, else as AWS's price list says, where the bot may ask it.

The list is asked in the background, once a machine and day; nobody ever waits for it. What it does not say is unknown,
and never 0.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from bot import aws
from bot.clock import Clock
from bot.errors import DoorError, Unavailable

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ec2.type_defs import InstanceTypeDef

log = logging.getLogger(__name__)

REMEMBERED_SECONDS = 86_400.0
_ENDPOINTS = (("eu-", "eu-central-1"), ("ap-", "ap-south-1"))
"""The price list is served in three regions only, each for all of them; us-east-1 is the third."""


class PriceList(Protocol):
    """Where prices are looked up. May block for seconds and raises only `DoorError`s."""

    def price_per_hour(self, instance_id: str) -> float | None:
        """Dollars an hour while the instance is on; None when the list does not say, or not only one price."""


class Prices:
    """Location -> dollars an hour. `of` answers at once with what is known; `refresh` is for the background."""

    def __init__(
        self, told: Mapping[str, float], instances: Mapping[str, str], price_list: PriceList, clock: Clock
    ) -> None:
        self._told = told
        self._instances = {name: instance for name, instance in instances.items() if name not in told}
        self._list, self._clock = price_list, clock
        self._found: dict[str, float] = {}
        self._asked: dict[str, float] = {}

    def of(self, name: str) -> float | None:
        """See the class; None while unknown."""
        return self._told.get(name, self._found.get(name))

    def refresh(self) -> None:
        """Look up what was not asked for within a day. A refusal is remembered as long; no answer is asked again."""
        for name, instance in self._instances.items():
            now = self._clock.monotonic()
            if name in self._asked and now - self._asked[name] < REMEMBERED_SECONDS:
                continue
            try:
                self._remember(name, self._list.price_per_hour(instance))
            except Unavailable as error:
                log.warning("the price of %s: %s", name, error)
                continue
            except DoorError as error:
                log.warning("the price of %s stays unknown, unless price_per_hour is set: %s", name, error)
            self._asked[name] = now

    def _remember(self, name: str, price: float | None) -> None:
        if price is None:
            self._found.pop(name, None)
            log.info("the price list does not say what %s costs; price_per_hour in its table would", name)
        else:
            self._found[name] = price


class AwsPriceList:
    """The on-demand price of Linux on an instance of its own type and region (`pricing:GetProducts`)."""

    def __init__(self, ec2: Callable[[], EC2Client], *, region: str, endpoint_url: str | None = None) -> None:
        self._ec2, self._region, self._endpoint_url = ec2, region, endpoint_url
        self._pricing: Any = None

    def price_per_hour(self, instance_id: str) -> float | None:
        """See `PriceList`. Spot, dedicated hosts and other systems than Linux have prices of their own: unknown."""
        with aws.asking(f"look at {instance_id}"):
            answer = self._ec2().describe_instances(InstanceIds=[instance_id])
        found = [instance for each in answer["Reservations"] for instance in each["Instances"]]
        if not found or not _is_plain(found[0]):
            return None
        wanted = {
            "instanceType": found[0]["InstanceType"],
            "regionCode": self._region,
            "operatingSystem": "Linux",
            "tenancy": "Shared",
            "preInstalledSw": "NA",
            "capacitystatus": "Used",
        }
        filters = [{"Type": "TERM_MATCH", "Field": field, "Value": value} for field, value in wanted.items()]
        with aws.asking(f"look up the price of {wanted['instanceType']}"):
            products = self._prices().get_products(ServiceCode="AmazonEC2", Filters=filters, FormatVersion="aws_v1")
        prices = {price for product in products["PriceList"] for price in _hourly(product)}
        return prices.pop() if len(prices) == 1 else None

    def _prices(self) -> Any:
        if self._pricing is None:
            served = next((where for start, where in _ENDPOINTS if self._region.startswith(start)), "us-east-1")
            self._pricing = aws.client("pricing", region=served, endpoint_url=self._endpoint_url)
        return self._pricing


def _is_plain(instance: InstanceTypeDef) -> bool:
    return (
        instance.get("PlatformDetails", "Linux/UNIX") == "Linux/UNIX"
        and instance.get("Placement", {}).get("Tenancy", "default") == "default"
        and "InstanceLifecycle" not in instance
    )


def _hourly(product: str) -> list[float]:
    """The on-demand prices an hour in one entry of the list, which is a JSON document by itself."""
    terms = json.loads(product).get("terms", {}).get("OnDemand", {})
    each = [dimension for term in terms.values() for dimension in term.get("priceDimensions", {}).values()]
    return [
        float(one["pricePerUnit"]["USD"]) for one in each if one.get("unit") == "Hrs" and "USD" in one["pricePerUnit"]
    ]
