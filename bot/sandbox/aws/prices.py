"""AWS's price list, as far as the bot asks it: GetProducts for EC2, over a table of a few machines."""

from __future__ import annotations

import json
from typing import Any

from bot.sandbox.aws.faults import Faults
from bot.sandbox.aws.http import Answer, Request

PRICES = {("g5.xlarge", "eu-central-1"): 1.258, ("t3.medium", "eu-central-1"): 0.048}
"""Type and region -> dollars an hour on demand."""
_FIXED = {"operatingSystem": "Linux", "tenancy": "Shared", "preInstalledSw": "NA", "capacitystatus": "Used"}


class PriceList:
    """Answers like the real one: each entry of `PriceList` is a JSON document in a string."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults

    def answer(self, request: Request) -> Answer:
        """One request of the JSON 1.1 protocol; GetProducts is the only operation here."""
        action = request.headers.get("x-amz-target", "").rpartition(".")[2]
        fault = self._faults.take(action)
        return self._faults.meet(fault, lambda: _answer(action, request), _refuse)


def _answer(action: str, request: Request) -> Answer:
    if action != "GetProducts":
        return _refuse("UnknownOperationException", 400)
    asked = json.loads(request.body)
    wanted = {each["Field"]: each["Value"] for each in asked.get("Filters", [])}
    found = [
        _product({"instanceType": kind, "regionCode": region, **_FIXED}, price)
        for (kind, region), price in PRICES.items()
        if asked.get("ServiceCode") == "AmazonEC2"
        and wanted.items() <= {"instanceType": kind, "regionCode": region, **_FIXED}.items()
    ]
    return _json(200, {"FormatVersion": "aws_v1", "PriceList": [json.dumps(product) for product in found]})


def _product(attributes: dict[str, str], price: float) -> dict[str, Any]:
    sku = f"{attributes['instanceType']}-{attributes['regionCode']}".upper()
    dimension = {"unit": "Hrs", "beginRange": "0", "endRange": "Inf", "pricePerUnit": {"USD": f"{price:.10f}"}}
    term = {"sku": sku, "priceDimensions": {f"{sku}.HOUR": dimension}, "termAttributes": {}}
    return {
        "product": {"productFamily": "Compute Instance", "sku": sku, "attributes": attributes},
        "serviceCode": "AmazonEC2",
        "terms": {"OnDemand": {f"{sku}.TERM": term}},
    }


def _refuse(code: str, status: int) -> Answer:
    return _json(status, {"__type": code, "message": "A fault of the sandbox, on order."})


def _json(status: int, body: dict[str, Any]) -> Answer:
    return Answer(status, (("content-type", "application/x-amz-json-1.1"),), json.dumps(body).encode())
