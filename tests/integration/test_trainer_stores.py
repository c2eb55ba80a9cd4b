"""One suite for every kind of remote: what `trainer.data.store.Store` promises."""

from __future__ import annotations

import hashlib
import logging

import boto3
import pytest
from moto.server import ThreadedMotoServer

from tests.integration.trainer_world import S3_ENVIRONMENT
from trainer.data import s3 as s3_store
from trainer.data.by_dvc import DvcStore
from trainer.data.folder import FolderStore
from trainer.data.objects import Object
from trainer.data.remote import Remote, find, local_config
from trainer.data.s3 import S3Store
from trainer.data.store import MissingError
from trainer.data.stores import open_store
from trainer.failure import StepError


def an_object(content, algorithm="md5"):
    return Object(hashlib.md5(content, usedforsecurity=False).hexdigest(), algorithm, "data/x", len(content))


@pytest.fixture(scope="module")
def s3():
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**S3_ENVIRONMENT, "AWS_ENDPOINT_URL": f"http://{host}:{port}"}.items():
            patch.setenv(name, value)
        yield boto3.client("s3")
    server.stop()


@pytest.fixture(params=["folder", "s3", "dvc"])
def store(request, tmp_path):
    if request.param == "folder":
        return FolderStore(tmp_path / "remote")
    if request.param == "dvc":
        return DvcStore(Remote("store", str(tmp_path / "remote")))
    client = request.getfixturevalue("s3")
    bucket = f"b{abs(hash(str(tmp_path)))}"
    client.create_bucket(Bucket=bucket)
    return S3Store(Remote("store", f"s3://{bucket}/prefix"))


def put(store, tmp_path, item, content):
    source = tmp_path / "source"
    source.write_bytes(content)
    moved = []
    store.put(item, source, moved.append)
    assert sum(moved) == len(content)


@pytest.mark.parametrize("algorithm", ["md5", "md5-dos2unix"])
def test_what_was_put_is_there_with_its_size_and_comes_back(store, tmp_path, algorithm):
    item = an_object(b"hello", algorithm)
    assert store.sizes([item]) == {}
    put(store, tmp_path, item, b"hello")
    assert store.sizes([item, an_object(b"other")]) == {item.key: 5}
    moved = []
    store.get(item, tmp_path / "target", moved.append)
    assert (tmp_path / "target").read_bytes() == b"hello"
    assert sum(moved) == 5


def test_what_is_not_there_cannot_be_got(store, tmp_path):
    with pytest.raises(MissingError):
        store.get(an_object(b"nowhere"), tmp_path / "target", lambda _: None)


def test_a_named_file_is_left_as_it_is(store, tmp_path):
    for content in (b"first", b"second"):
        (tmp_path / "entry").write_bytes(content)
        store.put_named("runs/ab/abc/d", tmp_path / "entry")
    entry = Object("ab" + "c" * 30, "md5-dos2unix", "x")
    assert store.sizes([entry]) == {}


def test_s3_is_asked_for_each_object_where_listing_would_take_too_long(s3, tmp_path):
    s3.create_bucket(Bucket="many")
    store = S3Store(Remote("store", "s3://many"))
    items = [an_object(str(number).encode()) for number in range(5)]
    for number, item in enumerate(items):
        put(store, tmp_path, item, str(number).encode())
    absent = an_object(b"absent")
    found, finished = store._listed({item.key: item for item in items}, pages=0)
    assert (found, finished) == ({}, False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(s3_store, "FEW", 0)
        patch.setattr(store, "_listed", lambda *_, **__: ({}, False))
        assert store.sizes([*items, absent]) == {item.key: 1 for item in items}


@pytest.mark.parametrize("few", [0, 128], ids=["listed", "asked for"])
def test_an_object_of_s3_with_other_bytes_than_its_name_is_not_there(s3, few, monkeypatch):
    monkeypatch.setattr(s3_store, "FEW", few)
    s3.create_bucket(Bucket="spoilt")
    store = S3Store(Remote("store", "s3://spoilt/p"))
    item = an_object(b"hello")
    s3.put_object(Bucket="spoilt", Key=f"p/{item.key}", Body=b"jello")
    good = an_object(b"good")
    s3.put_object(Bucket="spoilt", Key=f"p/{good.key}", Body=b"good")
    assert store.sizes([item, good]) == {good.key: 4}


def test_s3_is_given_the_checksum_that_it_must_refuse_other_bytes_by(s3, tmp_path):
    s3.create_bucket(Bucket="strict")
    store = S3Store(Remote("store", "s3://strict"))
    sent = []
    store._s3.meta.events.register("before-call.s3.PutObject", lambda params, **_: sent.append(params["headers"]))
    put(store, tmp_path, an_object(b"hello"), b"hello")
    assert sent[0]["Content-MD5"] == "XUFAKrxLKna5cZ2REBfFkg=="


def test_a_large_object_goes_to_s3_in_parts(s3, tmp_path, monkeypatch):
    monkeypatch.setattr(s3_store, "WHOLE", 4)
    s3.create_bucket(Bucket="large")
    store = S3Store(Remote("store", "s3://large"))
    item = an_object(b"hello")
    put(store, tmp_path, item, b"hello")
    assert store.sizes([item]) == {item.key: 5}


@pytest.mark.parametrize("few", [0, 128], ids=["listed", "asked for"])
def test_a_bucket_that_does_not_exist_is_no_missing_object(s3, few, monkeypatch):
    monkeypatch.setattr(s3_store, "FEW", few)
    store = S3Store(Remote("store", "s3://not-made"))
    with pytest.raises(StepError) as caught:
        store.sizes([an_object(b"x")])
    assert "not-made" in str(caught.value)


CONFIG = b"""
[core]
    remote = store
['remote "store"']
    url = s3://bucket/prefix
    endpointurl = http://127.0.0.1:9
['remote "near"']
    url = ../../data
"""


def test_the_default_remote_is_found_with_its_options(tmp_path):
    found = find(CONFIG, None, tmp_path)
    assert (found.name, found.url, found.scheme) == ("store", "s3://bucket/prefix", "s3")
    assert found.options == {"endpointurl": "http://127.0.0.1:9"}


def test_a_relative_folder_counts_from_the_dvc_folder(tmp_path):
    found = find(CONFIG, "near", tmp_path / "repo/.dvc")
    assert found.url == str(tmp_path / "data")
    assert isinstance(open_store(found), FolderStore)


@pytest.mark.parametrize(
    ("config", "wanted", "words"),
    [
        (CONFIG, "far", "far"),
        (b"", None, "dvc remote default"),
        (b"[core\n", None, "cannot be read"),
        (CONFIG.replace(b"url = s3", b"version_aware = true\n    url = s3"), None, "version_aware"),
        (CONFIG.replace(b"url = s3", b"configpath = ./aws\n    url = s3"), None, "configpath"),
    ],
)
def test_a_remote_that_cannot_be_used_is_said_with_what_to_do(tmp_path, config, wanted, words):
    with pytest.raises(StepError, match=words) as caught:
        find(config, wanted, tmp_path)
    assert caught.value.cause == "pipeline"


def test_the_local_configuration_verifies_and_holds_no_secret(tmp_path):
    remote = find(CONFIG, None, tmp_path)
    text = local_config(remote, None, cache=tmp_path / "cache", site=tmp_path / "site")
    assert "verify = true" in text
    assert "analytics = false" in text
    assert "key" not in text
