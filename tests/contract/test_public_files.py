"""The public bucket over real HTTP: put once, never overwritten, and seen as the public sees it."""

from __future__ import annotations

import itertools
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest

from bot import aws
from bot.errors import Conflict, NotFound, SettingsError, Unauthorised, Unavailable
from bot.public_files import S3PublicFiles
from bot.sandbox.aws import AwsSandbox
from tests.doubles.clock import TestClock

NUMBERS = itertools.count(1)
CONTENT = b"outs:\n- md5: 0123\n  path: model\n"


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    with (
        pytest.MonkeyPatch.context() as patch,
        AwsSandbox(tmp_path_factory.mktemp("aws"), clock=TestClock()) as running,
    ):
        for name, value in running.environment.items():
            patch.setenv(name, value)
        yield running


@pytest.fixture(scope="module")
def client(sandbox):
    return aws.client("s3", region=sandbox.region, endpoint_url=sandbox.url)


@pytest.fixture
def bucket(sandbox, client):
    """A public bucket that no other test has."""
    name = f"public-{next(NUMBERS)}"
    client.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": sandbox.region})
    policy = client.get_bucket_policy(Bucket=sandbox.public_bucket)["Policy"]
    client.put_bucket_policy(Bucket=name, Policy=policy.replace(sandbox.public_bucket, name))
    yield name
    sandbox.forget_faults()


@pytest.fixture
def files(bucket, sandbox, client):
    return S3PublicFiles(bucket, region=sandbox.region, endpoint_url=sandbox.url, prefix="team/fruits", client=client)


def test_what_was_published_is_read_by_anybody_at_the_address(bucket, sandbox):
    files = S3PublicFiles(bucket, region=sandbox.region, endpoint_url=sandbox.url, prefix="/team/fruits/")
    url = files.publish("v1.0.0/train.dvc", CONTENT)
    assert url == f"{sandbox.url}/{bucket}/team/fruits/v1.0.0/train.dvc"
    with urllib.request.urlopen(url, timeout=5) as answer:
        assert answer.read() == CONTENT
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"


def test_publishing_again_is_success_and_gives_the_same_address(files):
    assert files.publish("v1/train.dvc", CONTENT) == files.publish("v1/train.dvc", CONTENT)


@pytest.mark.parametrize("other", [b"", CONTENT[:-1], CONTENT + b"more", CONTENT.upper()])
def test_another_file_of_that_name_is_a_conflict_and_stays_as_it_was(files, other):
    url = files.publish("v1/train.dvc", CONTENT)
    with pytest.raises(Conflict, match="Nothing was overwritten"):
        files.publish("v1/train.dvc", other)
    with urllib.request.urlopen(url, timeout=5) as answer:
        assert answer.read() == CONTENT


def test_a_lost_answer_is_no_conflict_with_oneself(files, sandbox):
    sandbox.fault("PutObject", "reset_after")
    assert files.publish("v1/train.dvc", CONTENT).endswith("/v1/train.dvc")


def test_two_at_once_both_succeed_with_the_same_content(files):
    with ThreadPoolExecutor(4) as pool:
        urls = set(pool.map(lambda _: files.publish("v1/train.dvc", CONTENT), range(8)))
    assert len(urls) == 1


def test_a_colliding_write_is_tried_again_and_a_stubborn_one_is_for_later(files, sandbox):
    sandbox.fault("PutObject", "ConditionalRequestConflict", times=2)
    files.publish("v1/train.dvc", CONTENT)
    sandbox.fault("PutObject", "ConditionalRequestConflict", times=3)
    with pytest.raises(Unavailable, match="Somebody else is writing"):
        files.publish("v2/train.dvc", CONTENT)


def test_a_file_that_the_public_cannot_read_is_a_failure_that_says_what_to_do(files, bucket, client):
    client.delete_bucket_policy(Bucket=bucket)
    with pytest.raises(Unauthorised, match=r"the public may not read it.*403.*Block public access.*s3:GetObject"):
        files.publish("v1/train.dvc", CONTENT)


def test_a_bot_that_may_not_write_is_told_to_look_at_its_policy(files, sandbox):
    sandbox.fault("PutObject", "AccessDenied")
    with pytest.raises(Unauthorised, match=r"Could not write team/fruits/v1/train.dvc.*IAM policy"):
        files.publish("v1/train.dvc", CONTENT)


def test_a_public_address_of_another_bucket_is_found_out(bucket, client, sandbox):
    client.put_object(Bucket=bucket, Key="other/v1/train.dvc", Body=b"something else")
    base = f"{sandbox.url}/{bucket}/other"
    files = S3PublicFiles(bucket, region=sandbox.region, public_base_url=base, client=client)
    with pytest.raises(Conflict, match="public address in the settings"):
        files.publish("v1/train.dvc", CONTENT)


@pytest.mark.parametrize("fault", ["SlowDown", "reset_before"])
def test_a_public_address_that_does_not_answer_is_for_later(files, sandbox, fault):
    sandbox.fault("GetObject", fault)
    with pytest.raises(Unavailable, match=r"/v1/train.dvc"):
        files.publish("v1/train.dvc", CONTENT)
    files.publish("v1/train.dvc", CONTENT)


@pytest.mark.parametrize("key", ["a b/ü.dvc", "%2e%2e/x", "v1/what?.dvc", "v1/#1+2&3.dvc"])
def test_any_printable_name_is_quoted_into_an_address_that_leads_to_it(files, key):
    with urllib.request.urlopen(files.publish(key, CONTENT), timeout=5) as answer:
        assert answer.read() == CONTENT


@pytest.mark.parametrize("key", ["", "/", "../x", "a/../b", "a//b", "/a", "a/", "./a", "a\\b", "a\nb", "a\0b"])
def test_no_name_leads_out_of_the_prefix(files, bucket, client, key):
    with pytest.raises(Conflict, match="no legal name for a public file"):
        files.publish(key, CONTENT)
    assert client.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_the_doctor_hears_that_the_bucket_is_there_and_public(files, bucket, sandbox):
    assert files.access() == f"{bucket} is there, and the public may read it"
    sandbox.fault("GetBucketPolicyStatus", "AccessDenied")
    assert "will show with the first release" in files.access()


def test_the_doctor_hears_that_the_bucket_is_not_public(files, bucket, client):
    client.delete_bucket_policy(Bucket=bucket)
    with pytest.raises(Unauthorised, match="add a policy"):
        files.access()


def test_the_doctor_hears_that_there_is_no_such_bucket_or_that_it_may_not_be_seen(files, client, sandbox):
    nowhere = S3PublicFiles("nowhere", region=sandbox.region, client=client)
    with pytest.raises(NotFound, match="Check the name and the region in the settings"):
        nowhere.access()
    sandbox.fault("HeadBucket", "AccessDenied")
    with pytest.raises(Unauthorised, match="IAM policy"):
        files.access()


@pytest.mark.parametrize("base", ["file:///etc", "ftp://example.com", "example.com"])
def test_only_http_addresses_are_public(base):
    with pytest.raises(SettingsError, match="must start with https://"):
        S3PublicFiles("bucket", region="eu-central-1", public_base_url=base)


@pytest.mark.parametrize(
    ("bucket", "region", "base"),
    [
        ("models", "eu-central-1", "https://models.s3.eu-central-1.amazonaws.com"),
        ("my.models", "us-east-1", "https://s3.us-east-1.amazonaws.com/my.models"),
        ("models", "cn-north-1", "https://models.s3.cn-north-1.amazonaws.com.cn"),
    ],
)
def test_the_address_on_aws_names_bucket_and_region(bucket, region, base):
    assert S3PublicFiles(bucket, region=region).url_of("v1/train.dvc") == f"{base}/v1/train.dvc"
