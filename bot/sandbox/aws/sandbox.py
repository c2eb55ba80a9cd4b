"""The stand-in for AWS: what a demo or a test starts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from bot.clock import Clock, SystemClock
from bot.sandbox.aws.faults import Fault, Faults
from bot.sandbox.aws.http import Answer, HttpServer, Request
from bot.sandbox.aws.machines import Machines
from bot.sandbox.aws.moto import Moto
from bot.sandbox.aws.objects import Buckets
from bot.sandbox.aws.prices import PriceList
from bot.sandbox.aws.ssm import Ssm
from bot.sandbox.aws.ssm_command import Host
from bot.sandbox.aws.store import Store
from bot.sandbox.aws.traffic import Moved, Traffic

_SERVICE = re.compile(r"Credential=[^,]*/([a-z0-9-]+)/aws4_request")
_MOTO_PAGES = ("/moto-api", "/latest/", "/favicon.ico")


class AwsSandbox:
    """S3, EC2 with its prices, and Run Command on `http://127.0.0.1:port`, kept in the folder `home`.

    The rest of moto is there too.

    Everything acknowledged survives `kill -9` of the process: objects, buckets, machines and the changes they are in
    the middle of. `port=0` takes a free one. Any access key is good; requests without one see only what the public
    may see. Several can run in one process.
    """

    def __init__(
        self,
        home: Path,
        *,
        port: int = 0,
        clock: Clock | None = None,
        region: str = "eu-central-1",
        data_bucket: str = "sandbox-data",
        public_bucket: str = "sandbox-public",
        start_seconds: float = 2.0,
        stop_seconds: float = 2.0,
    ) -> None:
        self.region = region
        self.data_bucket = data_bucket
        self.public_bucket = public_bucket
        clock = clock or SystemClock()
        home.mkdir(parents=True, exist_ok=True)
        self._port = port
        self._store = Store(home)
        self._faults = Faults(clock)
        self._traffic = Traffic()
        self._moto = Moto(region)
        self._buckets = Buckets(self._moto, self._store, self._faults)
        self._machines = Machines(
            self._moto, self._store, self._faults, clock, start_seconds=start_seconds, stop_seconds=stop_seconds
        )
        self.ssm = Ssm(self._moto, self._faults, clock, self._machines.running_since)
        self._prices = PriceList(self._faults)
        self._server: HttpServer | None = None

    def start(self) -> None:
        """Load what is on disk and serve. A port that is taken raises `OSError`."""
        self._server = HttpServer(self._port, self._answer)
        self._moto.port = self._server.port
        self._buckets.load()
        self._buckets.ensure(self.data_bucket, public=False)
        self._buckets.ensure(self.public_bucket, public=True)
        self._machines.load()
        self._server.start()

    def stop(self) -> None:
        """Stop serving; everything stays on disk. It cannot be started again: make another one."""
        if self._server is None:
            return
        self._faults.close()
        self.ssm.stop()
        self._server.stop()
        self._server = None
        self._buckets.unload()
        self._moto.forget()
        self._store.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The address for `AWS_ENDPOINT_URL`."""
        if self._server is None:
            raise RuntimeError("The AWS sandbox has no address before start().")
        return f"http://127.0.0.1:{self._server.port}"

    @property
    def environment(self) -> dict[str, str]:
        """What a program needs in its environment to take this for AWS."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_ACCESS_KEY_ID": "sandbox",
            "AWS_SECRET_ACCESS_KEY": "sandbox",
        }

    def ensure_instance(self, instance_id: str, *, owner: str, instance_type: str = "g5.xlarge") -> None:
        """An EC2 instance with that id, stopped, tagged with its owner's e-mail; as it was when it is there already."""
        self._machines.ensure(instance_id, owner, instance_type)

    def ensure_agent(
        self, instance_id: str, *, via: Sequence[str] = (), environment: Mapping[str, str] | None = None
    ) -> None:
        """Give an instance an SSM agent: its commands run here, with `via` (`podman exec -i name`) before them."""
        self.ssm.attach(instance_id, Host(tuple(via), dict(environment or {})))

    def state(self, instance_id: str) -> str:
        """What DescribeInstances would say now: `stopped`, `pending`, `running`, `stopping`, ..."""
        return self._machines.state(instance_id)

    def history(self, instance_id: str) -> list[tuple[float, str]]:
        """When (by the clock) the instance came into which state, oldest first, over restarts."""
        return self._machines.history(instance_id)

    def power_off(self, instance_id: str) -> None:
        """The instance shuts itself down, as its dead-man's timer would."""
        self._machines.power_off(instance_id)

    def moved(self, bucket: str) -> Moved:
        """The bytes that went to a bucket and came from it since the start."""
        return self._traffic.moved(bucket)

    def asked(self, service: str) -> int:
        """How many requests `s3`, `ec2`, `ssm`, ... got since the start."""
        return self._traffic.asked(service)

    def fault(self, operation: str, kind: str, times: int = 1, *, seconds: float = 0.0) -> None:
        """Let the next `times` calls of `operation` (`StartInstances`, `PutObject`, ...) fail.

        `kind` is an error code of AWS (see `faults.STATUS`), `delay` (by `seconds`), `reset_before` or `reset_after`
        the effect, or `stale` (DescribeInstances: the state before the last change). boto3 tries some of them again
        by itself: order as many as it shall meet. For the operation `Agent`, which nobody calls, it is what SSM does to
        the next commands (see `ssm_command.LIES`).
        """
        if operation == "Agent":
            self.ssm.lie(kind, times)
            return
        self._faults.order(Fault(operation, kind, times, seconds))

    def forget_faults(self) -> None:
        """Take back the faults that were ordered and not met yet."""
        self._faults.forget()

    def _answer(self, request: Request) -> Answer:
        service = _service(request)
        answer = self._answer_of(service, request)
        self._traffic.count(service, request, answer)
        return answer

    def _answer_of(self, service: str, request: Request) -> Answer:
        if service == "s3":
            return self._buckets.answer(request)
        if service == "ec2":
            return self._machines.answer(request)
        if service == "ssm":
            return self.ssm.answer(request)
        if service == "pricing":
            return self._prices.answer(request)
        return self._moto.answer(request)


def _service(request: Request) -> str:
    """Whom a request is for. Signed ones say it; of the others only S3's make sense."""
    signed = _SERVICE.search(request.headers.get("authorization", ""))
    if signed:
        return signed[1]
    return "" if request.path.startswith(_MOTO_PAGES) else "s3"
