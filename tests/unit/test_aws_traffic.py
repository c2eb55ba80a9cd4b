"""What the stand-in for AWS counts of S3: the contents of objects by bucket, and apart from them everything else."""

from bot.sandbox.aws.http import Answer, Request
from bot.sandbox.aws.traffic import Moved, Traffic

PUT = Request("PUT", "/data/a/b", body=b"12345")
GET = Request("GET", "/data/a/b")


def counted(*exchanges, service="s3"):
    traffic = Traffic()
    for request, answer in exchanges:
        traffic.count(service, request, answer)
    return traffic


def test_contents_are_counted_by_direction():
    traffic = counted((PUT, Answer(200)), (GET, Answer(200, body=b"123")), (GET, Answer(206, body=b"1")))
    assert traffic.moved("data") == Moved(fetched=4, stored=5)
    assert traffic.moved("public") == Moved()


def test_lists_refusals_and_looks_are_no_contents():
    refused = (PUT, Answer(403, body=b"no"))
    listed = (Request("GET", "/data?list-type=2&prefix=a/b"), Answer(200, body=b"<list/>"))
    absent = (GET, Answer(404, body=b"none"))
    looked = (Request("HEAD", "/data/a/b"), Answer(200))
    assert counted(refused, listed, absent, looked).moved("data") == Moved(other=2 + 7 + 4)


def test_what_was_moved_since_then_is_a_difference():
    assert Moved(9, 8, 7) - Moved(1, 2, 3) == Moved(8, 6, 4)


def test_requests_are_counted_by_service():
    traffic = counted((Request("POST", "/"), Answer(200)), service="ec2")
    assert (traffic.asked("ec2"), traffic.asked("s3")) == (1, 0)
