"""The `ec2` power: one EC2 instance, by its id."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from bot import aws
from bot.errors import Conflict, NotFound, Unavailable
from bot.ports import PowerSeen, PowerState

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ec2.type_defs import InstanceTypeDef

_STATES = {
    "pending": PowerState.STARTING,
    "running": PowerState.RUNNING,
    "stopping": PowerState.STOPPING,
    "stopped": PowerState.STOPPED,
    "shutting-down": PowerState.GONE,
    "terminated": PowerState.GONE,
}
_WHEN = re.compile(r"\((\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) GMT\)")
"""The time in a StateTransitionReason: `User initiated (2026-01-02 03:04:05 GMT)`. A shutdown from inside has none."""


def ec2_client(*, region: str, endpoint_url: str | None = None) -> EC2Client:
    """A client for `Ec2Power`; one serves any number of instances and threads."""
    made: EC2Client = aws.client("ec2", region=region, endpoint_url=endpoint_url)
    return made


class Ec2Power:
    """Power of the instance `instance_id` (see `Power` for what each call promises).

    Start and stop have no client token at AWS; both are safe to repeat because asking for the state an instance
    already has (or is on its way to) changes nothing there.
    """

    can_stop = True

    def __init__(self, instance_id: str, client: EC2Client) -> None:
        self._id = instance_id
        self._client = client
        self._halts = False

    def state(self) -> PowerState:
        """What DescribeInstances says.

        An instance that AWS does not know is `UNKNOWN`, not `GONE`: Describe lags behind, and one missing answer must
        never free a machine that may be running (facts/platform-limits.md, EC2).
        """
        return self.look().state

    def look(self) -> PowerSeen:
        """The same answer with its LaunchTime, or the time in its StateTransitionReason."""
        try:
            with aws.asking(f"look at {self._id}"):
                answer = self._client.describe_instances(InstanceIds=[self._id])
        except NotFound:
            return PowerSeen(PowerState.UNKNOWN)
        found = [instance for each in answer["Reservations"] for instance in each["Instances"]]
        return _seen(found[0]) if found else PowerSeen(PowerState.UNKNOWN)

    def start(self) -> None:
        """StartInstances. AWS refuses it while the instance stops, and when it is terminated."""
        try:
            self._client.start_instances(InstanceIds=[self._id])
        except (BotoCoreError, ClientError) as error:
            if not _wrong_state(error):
                raise aws.translate(error, f"start {self._id}") from error
            if self.state() is PowerState.GONE:
                raise NotFound(
                    f"{self._id} was terminated and can never start again. "
                    "Give its owner another instance in TRAIN_INSTANCE_FOR_USER or in the settings."
                ) from error
            raise Unavailable(f"{self._id} is still stopping; it can be started once it is off.") from error

    def stop(self) -> None:
        """StopInstances. AWS refuses it while the instance starts, and when it is terminated (which is fine)."""
        try:
            self._client.stop_instances(InstanceIds=[self._id])
        except (BotoCoreError, ClientError) as error:
            if not _wrong_state(error):
                raise aws.translate(error, f"stop {self._id}") from error
            if self.state() not in (PowerState.STOPPED, PowerState.STOPPING, PowerState.GONE):
                raise Unavailable(f"{self._id} is still starting and cannot be stopped yet.") from error

    def may_halt(self) -> bool:
        """What the instance's attribute says; a yes is believed as long as this process lives.

        A role that may not ask gets `Unauthorised`: a shutdown that could be the instance's end is not risked.
        """
        if not self._halts:
            with aws.asking(f"ask what a shutdown inside {self._id} does to it"):
                answer = self._client.describe_instance_attribute(
                    InstanceId=self._id, Attribute="instanceInitiatedShutdownBehavior"
                )
            if answer["InstanceInitiatedShutdownBehavior"].get("Value") != "stop":
                raise Conflict(
                    f"A shutdown inside {self._id} would terminate it, so it has no timer of its own. Set it with "
                    f"`aws ec2 modify-instance-attribute --instance-id {self._id} "
                    "--instance-initiated-shutdown-behavior stop`."
                )
            self._halts = True
        return True

    def check_metadata(self) -> None:
        """`Conflict` when the instance's credentials can be had without a token (IMDSv1; security check 17)."""
        with aws.asking(f"look at {self._id}"):
            answer = self._client.describe_instances(InstanceIds=[self._id])
        for instance in (i for r in answer["Reservations"] for i in r["Instances"]):
            if instance.get("MetadataOptions", {}).get("HttpTokens") != "required":
                raise Conflict(
                    f"{self._id} gives its credentials to whoever can reach its metadata service. Require tokens with "
                    f"`aws ec2 modify-instance-metadata-options --instance-id {self._id} --http-tokens required "
                    "--http-put-response-hop-limit 1`."
                )


def _seen(instance: InstanceTypeDef) -> PowerSeen:
    state = _STATES.get(instance["State"]["Name"], PowerState.UNKNOWN)
    if state in (PowerState.STARTING, PowerState.RUNNING):
        launched = instance.get("LaunchTime")
        return PowerSeen(state, launched.timestamp() if launched else None)
    when = _WHEN.search(instance.get("StateTransitionReason") or "")
    if when is None or state is PowerState.UNKNOWN:
        return PowerSeen(state)
    stopped = datetime.strptime(when[1], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    return PowerSeen(state, stopped.timestamp())


def _wrong_state(error: Exception) -> bool:
    return isinstance(error, ClientError) and aws.code_of(error) == "IncorrectInstanceState"
