"""The AWS stand-in: what boto3, and anybody without credentials, may rely on."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import pytest
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError

from bot.sandbox.aws import AwsSandbox
from tests.doubles.clock import TestClock

ALICE = "i-0a9ec87b6ae9cf87b"
PART = 5 * 2**20
SESSION = boto3.session.Session()


def client(sandbox: AwsSandbox, service: str) -> Any:
    return client_at(sandbox.url, service)


def client_at(url: str, service: str) -> Any:
    return SESSION.client(
        service,
        region_name="eu-central-1",
        endpoint_url=url,
        aws_access_key_id="sandbox",
        aws_secret_access_key="sandbox",
        config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
    )


def code_of(raised: pytest.ExceptionInfo[ClientError]) -> str:
    return raised.value.response["Error"]["Code"]


def unsigned(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def keys(s3: Any, bucket: str) -> set[str]:
    return {found["Key"] for found in s3.list_objects_v2(Bucket=bucket).get("Contents", [])}


@pytest.fixture
def clock():
    return TestClock()


@pytest.fixture
def sandbox(tmp_path, clock):
    with AwsSandbox(tmp_path / "aws", clock=clock) as running:
        yield running


@pytest.fixture
def s3(sandbox):
    return client(sandbox, "s3")


@pytest.fixture
def ec2(sandbox):
    sandbox.ensure_instance(ALICE, owner="alice@example.com")
    return client(sandbox, "ec2")


def described(ec2: Any) -> dict[str, Any]:
    (reservation,) = ec2.describe_instances(InstanceIds=[ALICE])["Reservations"]
    (instance,) = reservation["Instances"]
    return instance


# ------------------------------------------------------------------------------------------------ S3


@pytest.mark.parametrize("key", ["plain", "files/md5/00/ab", "a b/ü+%2F?&=#~.txt", "v1.0.0/train.dvc", "x" * 900])
def test_an_object_of_any_name_comes_back_as_it_was_and_is_listed(sandbox, s3, key):
    s3.put_object(Bucket=sandbox.data_bucket, Key=key, Body=b"weights", Metadata={"made_by": "alice"})
    found = s3.get_object(Bucket=sandbox.data_bucket, Key=key)
    assert found["Body"].read() == b"weights"
    assert found["Metadata"] == {"made_by": "alice"}
    assert keys(s3, sandbox.data_bucket) == {key}


def test_everything_that_was_acknowledged_is_there_after_a_restart(tmp_path, clock):
    content = os.urandom(2 * PART + 3)
    with AwsSandbox(tmp_path, clock=clock) as sandbox:
        s3, bucket = client(sandbox, "s3"), sandbox.data_bucket
        s3.put_object(Bucket=bucket, Key="ü/plain", Body=b"one", ContentType="text/plain", Metadata={"run": "42"})
        in_parts = TransferConfig(multipart_threshold=PART, multipart_chunksize=PART)
        s3.upload_fileobj(io.BytesIO(content), bucket, "parts", Config=in_parts)
        s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "parts"})
        for key in ("gone", "gone/too", "gone/as&well"):
            s3.put_object(Bucket=bucket, Key=key, Body=b"")
        s3.put_object(Bucket=bucket, Key="overwritten", Body=b"before")
        s3.put_object(Bucket=bucket, Key="overwritten", Body=b"after")
        s3.delete_object(Bucket=bucket, Key="gone")
        s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "gone/too"}, {"Key": "gone/as&well"}]})
        s3.create_bucket(Bucket="another", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        before = s3.head_object(Bucket=bucket, Key="parts")
    with AwsSandbox(tmp_path, clock=clock) as sandbox:
        s3 = client(sandbox, "s3")
        assert keys(s3, bucket) == {"ü/plain", "parts", "copy", "overwritten"}
        plain = s3.get_object(Bucket=bucket, Key="ü/plain", ChecksumMode="ENABLED")
        assert (plain["Body"].read(), plain["ContentType"], plain["Metadata"]) == (b"one", "text/plain", {"run": "42"})
        assert s3.get_object(Bucket=bucket, Key="parts")["Body"].read() == content
        assert s3.get_object(Bucket=bucket, Key="copy")["Body"].read() == content
        assert s3.get_object(Bucket=bucket, Key="parts", Range="bytes=1-3")["Body"].read() == content[1:4]
        assert s3.get_object(Bucket=bucket, Key="overwritten")["Body"].read() == b"after"
        after = s3.head_object(Bucket=bucket, Key="parts")
        assert {name: after[name] for name in ("ETag", "LastModified", "ContentLength")} == {
            name: before[name] for name in ("ETag", "LastModified", "ContentLength")
        }
        assert {found["Name"] for found in s3.list_buckets()["Buckets"]} == {bucket, "sandbox-public", "another"}


def test_kill_minus_nine_in_the_middle_of_writing_loses_nothing_that_was_acknowledged(tmp_path):
    program = (
        "import sys, threading; from pathlib import Path; from bot.sandbox.aws import AwsSandbox\n"
        "sandbox = AwsSandbox(Path(sys.argv[1])); sandbox.start()\n"
        "sandbox.ensure_instance(sys.argv[2], owner='alice@example.com')\n"
        "print(sandbox.url, flush=True); threading.Event().wait()"
    )
    argv = [sys.executable, "-c", program, str(tmp_path), ALICE]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        url = process.stdout.readline().strip()
        s3 = client_at(url, "s3")
        written = []

        def write() -> None:
            for number in range(10_000):
                try:
                    s3.put_object(Bucket="sandbox-data", Key=str(number), Body=str(number).encode() * 100)
                except Exception:  # noqa: BLE001 - the server dies under us, in any way it likes
                    return
                written.append(number)
                if number == 20:
                    enough.set()

        enough = threading.Event()
        writer = threading.Thread(target=write)
        writer.start()
        assert enough.wait(30)
        process.send_signal(signal.SIGKILL)
        writer.join()
    with AwsSandbox(tmp_path) as sandbox:
        s3 = client(sandbox, "s3")
        for number in written:
            found = s3.get_object(Bucket="sandbox-data", Key=str(number))["Body"].read()
            assert found == str(number).encode() * 100
        assert sandbox.state(ALICE) == "stopped"


def test_files_of_deleted_and_overwritten_objects_are_swept_at_the_next_start(tmp_path, clock):
    with AwsSandbox(tmp_path, clock=clock) as sandbox:
        s3 = client(sandbox, "s3")
        for body in (b"first", b"second"):
            s3.put_object(Bucket=sandbox.data_bucket, Key="a", Body=body)
            s3.put_object(Bucket=sandbox.data_bucket, Key="b", Body=body)
        s3.delete_object(Bucket=sandbox.data_bucket, Key="b")
    with AwsSandbox(tmp_path, clock=clock):
        assert [path.read_bytes() for path in (tmp_path / "objects").iterdir()] == [b"second"]


def test_of_many_who_write_only_if_there_is_none_exactly_one_succeeds(sandbox, s3):
    def write(number: int) -> str:
        try:
            s3.put_object(Bucket=sandbox.data_bucket, Key="lock", Body=str(number).encode(), IfNoneMatch="*")
        except ClientError as error:
            return error.response["Error"]["Code"]
        return "written"

    with ThreadPoolExecutor(8) as pool:
        said = list(pool.map(write, range(16)))
    assert sorted(said) == ["PreconditionFailed"] * 15 + ["written"]
    there = s3.get_object(Bucket=sandbox.data_bucket, Key="lock")["Body"].read()
    assert there == str(said.index("written")).encode()


def test_the_public_reads_the_public_bucket_and_nothing_else(sandbox, s3):
    for bucket in (sandbox.data_bucket, sandbox.public_bucket):
        s3.put_object(Bucket=bucket, Key="file", Body=b"x")
    assert unsigned(f"{sandbox.url}/{sandbox.public_bucket}/file") == 200
    assert unsigned(f"{sandbox.url}/{sandbox.data_bucket}/file") == 403
    assert unsigned(f"{sandbox.url}/{sandbox.public_bucket}/") == 403
    assert unsigned(f"{sandbox.url}/{sandbox.public_bucket}/file?tagging") == 403
    assert unsigned(f"{sandbox.url}/") == 403
    put = urllib.request.Request(f"{sandbox.url}/{sandbox.public_bucket}/mine", data=b"x", method="PUT")
    with pytest.raises(urllib.error.HTTPError, match="403") as raised:
        urllib.request.urlopen(put, timeout=5)
    raised.value.close()
    assert unsigned(s3.generate_presigned_url("get_object", {"Bucket": sandbox.data_bucket, "Key": "file"})) == 200


def test_a_bucket_stops_being_public_when_its_policy_goes_or_a_block_comes(sandbox, s3):
    url = f"{sandbox.url}/{sandbox.public_bucket}/file"
    s3.put_object(Bucket=sandbox.public_bucket, Key="file", Body=b"x")
    block = {"BlockPublicPolicy": True, "RestrictPublicBuckets": True}
    s3.put_public_access_block(Bucket=sandbox.public_bucket, PublicAccessBlockConfiguration=block)
    assert unsigned(url) == 403
    s3.delete_public_access_block(Bucket=sandbox.public_bucket)
    assert unsigned(url) == 200
    s3.delete_bucket_policy(Bucket=sandbox.public_bucket)
    assert unsigned(url) == 403


def test_many_requests_travel_over_one_connection(sandbox, s3):
    for number in range(20):
        s3.put_object(Bucket=sandbox.data_bucket, Key=str(number), Body=b"x" * number)
        s3.head_object(Bucket=sandbox.data_bucket, Key=str(number))
    assert len(sandbox._server._open) == 1


def test_a_body_of_unknown_length_is_taken_in_pieces(sandbox, s3):
    url = s3.generate_presigned_url("put_object", {"Bucket": sandbox.data_bucket, "Key": "pieces"})
    request = urllib.request.Request(url, data=iter([b"one ", b"two ", b"three"]), method="PUT")
    with urllib.request.urlopen(request, timeout=5) as answer:
        assert answer.status == 200
    assert s3.get_object(Bucket=sandbox.data_bucket, Key="pieces")["Body"].read() == b"one two three"


def test_two_sandboxes_of_one_process_do_not_see_each_other(tmp_path, sandbox, s3):
    with AwsSandbox(tmp_path / "other") as other:
        client(other, "s3").put_object(Bucket=other.data_bucket, Key="theirs", Body=b"x")
        s3.put_object(Bucket=sandbox.data_bucket, Key="ours", Body=b"x")
        assert keys(client(other, "s3"), other.data_bucket) == {"theirs"}
        other.ensure_instance(ALICE, owner="bob@example.com")
    assert keys(s3, sandbox.data_bucket) == {"ours"}


# ------------------------------------------------------------------------------------------------ EC2


def test_a_machine_takes_its_time_to_start_and_to_stop(sandbox, ec2, clock):
    assert described(ec2)["State"]["Name"] == "stopped"
    (change,) = ec2.start_instances(InstanceIds=[ALICE])["StartingInstances"]
    assert (change["PreviousState"]["Name"], change["CurrentState"]["Name"]) == ("stopped", "pending")
    assert described(ec2)["State"] == {"Code": 0, "Name": "pending"}
    clock.advance(2)
    running = described(ec2)
    assert running["State"] == {"Code": 16, "Name": "running"}
    assert running["PublicIpAddress"]
    ec2.stop_instances(InstanceIds=[ALICE])
    assert described(ec2)["State"] == {"Code": 64, "Name": "stopping"}
    clock.advance(2)
    stopped = described(ec2)
    assert stopped["State"] == {"Code": 80, "Name": "stopped"}
    assert stopped["StateReason"]["Code"] == "Client.UserInitiatedShutdown"
    assert stopped["StateTransitionReason"].startswith("User initiated (")
    assert [state for _, state in sandbox.history(ALICE)] == ["stopped", "pending", "running", "stopping", "stopped"]


def test_a_change_is_dated_when_it_happened_not_when_somebody_looked(sandbox, ec2, clock):
    started = clock.now()
    ec2.start_instances(InstanceIds=[ALICE])
    clock.advance(3600)
    assert sandbox.history(ALICE)[-2:] == [(started, "pending"), (started + 2, "running")]


@pytest.mark.parametrize(
    ("before", "action"),
    [
        ("stopping", "start_instances"),
        ("pending", "stop_instances"),
        ("stopped", "reboot_instances"),
        ("terminated", "start_instances"),
        ("terminated", "stop_instances"),
    ],
)
def test_what_aws_refuses_in_a_state_is_refused(sandbox, ec2, clock, before, action):
    if before != "stopped":
        ec2.start_instances(InstanceIds=[ALICE])
    if before in ("stopping", "terminated"):
        clock.advance(2)
        deed = ec2.stop_instances if before == "stopping" else ec2.terminate_instances
        deed(InstanceIds=[ALICE])
    if before == "terminated":
        clock.advance(2)
    assert sandbox.state(ALICE) == before
    with pytest.raises(ClientError) as raised:
        getattr(ec2, action)(InstanceIds=[ALICE])
    assert code_of(raised) == "IncorrectInstanceState"
    assert sandbox.state(ALICE) == before


def test_an_unknown_instance_is_not_found(ec2):
    for action in (ec2.describe_instances, ec2.start_instances):
        with pytest.raises(ClientError) as raised:
            action(InstanceIds=["i-00000000000000000"])
        assert code_of(raised) == "InvalidInstanceID.NotFound"


def test_machines_are_tagged_with_their_owner_and_found_by_tag_and_state(ec2):
    by_owner = [{"Name": "tag:Owner", "Values": ["alice@example.com"]}]
    (found,) = ec2.describe_instances(Filters=by_owner)["Reservations"]
    assert found["Instances"][0]["InstanceId"] == ALICE
    running = [{"Name": "instance-state-name", "Values": ["running"]}]
    assert ec2.describe_instances(Filters=running)["Reservations"] == []


def test_a_machine_is_found_after_a_restart_in_the_middle_of_its_change(tmp_path, clock):
    with AwsSandbox(tmp_path, clock=clock) as sandbox:
        sandbox.ensure_instance(ALICE, owner="alice@example.com")
        client(sandbox, "ec2").start_instances(InstanceIds=[ALICE])
    with AwsSandbox(tmp_path, clock=clock) as sandbox:
        sandbox.ensure_instance(ALICE, owner="alice@example.com")
        assert described(client(sandbox, "ec2"))["State"]["Name"] == "pending"
        clock.advance(2)
        assert described(client(sandbox, "ec2"))["State"]["Name"] == "running"
        assert [state for _, state in sandbox.history(ALICE)] == ["stopped", "pending", "running"]


def test_a_machine_that_switches_itself_off_says_so(sandbox, ec2, clock):
    ec2.start_instances(InstanceIds=[ALICE])
    clock.advance(2)
    sandbox.power_off(ALICE)
    clock.advance(2)
    instance = described(ec2)
    assert instance["State"]["Name"] == "stopped"
    assert instance["StateReason"]["Code"] == "Client.InstanceInitiatedShutdown"


def test_stale_news_are_those_before_the_last_change(sandbox, ec2):
    ec2.start_instances(InstanceIds=[ALICE])
    sandbox.fault("DescribeInstances", "stale")
    assert [described(ec2)["State"]["Name"] for _ in range(2)] == ["stopped", "pending"]


# ------------------------------------------------------------------------------------------------ faults


@pytest.mark.parametrize(
    "code", ["InsufficientInstanceCapacity", "InstanceLimitExceeded", "UnauthorizedOperation", "RequestLimitExceeded"]
)
def test_an_ordered_refusal_is_met_as_often_as_ordered_and_does_nothing(sandbox, ec2, code):
    sandbox.fault("StartInstances", code, times=2)
    for _ in range(2):
        with pytest.raises(ClientError) as raised:
            ec2.start_instances(InstanceIds=[ALICE])
        assert code_of(raised) == code
    assert sandbox.state(ALICE) == "stopped"
    ec2.start_instances(InstanceIds=[ALICE])
    assert sandbox.state(ALICE) == "pending"


@pytest.mark.parametrize(("kind", "state"), [("reset_before", "stopped"), ("reset_after", "pending")])
def test_a_lost_answer_may_have_had_its_effect(sandbox, ec2, kind, state):
    sandbox.fault("StartInstances", kind)
    with pytest.raises(ConnectionClosedError):
        ec2.start_instances(InstanceIds=[ALICE])
    assert sandbox.state(ALICE) == state


def test_a_delay_is_measured_by_the_clock(sandbox, ec2, clock):
    before = clock.now()
    sandbox.fault("DescribeInstances", "delay", seconds=30)
    described(ec2)
    assert clock.now() - before == 30


def test_a_fault_that_does_not_exist_cannot_be_ordered(sandbox):
    with pytest.raises(ValueError, match="No such fault: gremlins"):
        sandbox.fault("StartInstances", "gremlins")
