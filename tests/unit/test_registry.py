"""Which registry gets which login, and Amazon's made anew each time."""

from __future__ import annotations

import base64

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from pydantic import SecretStr

from bot.errors import Unauthorised, Unavailable
from bot.locations.catalog import registry_logins
from bot.locations.ecr import ecr_client, ecr_login, is_ecr
from bot.runs.names import image_repository, image_tag, registry_host
from bot.settings import Settings

ECR = "123456789012.dkr.ecr.eu-central-1.amazonaws.com"
OTHER = {
    "image_registry": "registry.example.com/ml",
    "registry_user": "bot",
    "registry_password": SecretStr("sandbox-registry-password"),
}


class Ecr:
    """Amazon's half: counts its tokens, or says no."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.tokens = 0

    def get_authorization_token(self):
        if self.error:
            raise self.error
        self.tokens += 1
        token = base64.b64encode(f"AWS:sandbox-{self.tokens}".encode()).decode()
        return {"authorizationData": [{"authorizationToken": token, "proxyEndpoint": f"https://{ECR}"}]}


def settings(**values):
    defaults = {"image_registry": None, "registry_user": None, "registry_password": None, "aws_endpoint_url": None}
    return Settings.model_construct(**{**defaults, **values})


@pytest.mark.parametrize(
    ("image", "host"),
    [
        ("registry.example.com/team/fruits:x", "registry.example.com"),
        ("localhost:5000/team/fruits@sha256:1", "localhost:5000"),
        ("localhost/fruits", "localhost"),
        (f"{ECR}/fruits", ECR),
        ("team/fruits", ""),
        ("python", ""),
        ("sha256:abcdef", ""),
    ],
)
def test_the_host_of_an_image_is_what_docker_takes_for_it(image, host):
    assert registry_host(image) == host


def test_nobody_but_the_registry_itself_is_shown_its_password():
    logins = registry_logins(settings(**OTHER))
    assert logins("registry.example.com/ml/team/fruits:train_main").line == (
        "registry.example.com bot sandbox-registry-password"
    )
    assert logins("registry.example.com.evil.test/ml/fruits") is None
    assert logins("python:3.11") is None


@pytest.mark.parametrize("values", [{}, {**OTHER, "image_registry": None}, {"image_registry": "registry.example.com"}])
def test_without_registry_or_account_there_is_no_login(values):
    logins = registry_logins(settings(**values))
    assert [logins(image) for image in ("registry.example.com/x", "python", "sha256:1")] == [None] * 3


@pytest.mark.parametrize(
    ("host", "its"),
    [
        (ECR, True),
        ("123456789012.dkr.ecr-fips.us-east-1.amazonaws.com", True),
        ("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", True),
        ("123456789012.dkr.ecr.eu-central-1.amazonaws.com.evil.test", False),
        ("registry.example.com", False),
    ],
)
def test_amazon_s_registry_is_known_by_its_host(host, its):
    assert is_ecr(host) is its


def test_amazon_is_asked_for_a_login_in_the_region_of_the_name(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "sandbox")
    assert ecr_client(ECR).meta.region_name == "eu-central-1"


def test_each_login_of_amazon_s_is_a_fresh_one():
    ecr = Ecr()
    assert [ecr_login(ECR, ecr).line for _ in range(2)] == [f"{ECR} AWS sandbox-1", f"{ECR} AWS sandbox-2"]


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        (
            ClientError({"Error": {"Code": "AccessDeniedException"}, "ResponseMetadata": {"HTTPStatusCode": 400}}, "x"),
            Unauthorised,
            "Check the bot's AWS credentials and its IAM policy",
        ),
        (EndpointConnectionError(endpoint_url="http://127.0.0.1:9"), Unavailable, "AWS did not answer"),
    ],
)
def test_amazon_that_gives_none_is_said_in_words(error, kind, said):
    with pytest.raises(kind, match=rf"Could not log in to the registry {ECR}.*{said}"):
        ecr_login(ECR, Ecr(error))


@pytest.mark.parametrize(
    ("branch", "tag"),
    [
        ("main", "train_main-0d6e4079"),
        ("feature/Mobile_Net", "train_feature-mobile-net-"),
        ("ümläut", "train_ml-ut-"),
        ("é", "train_branch-"),
        ("x" * 200, f"train_{'x' * 63}-"),
    ],
)
def test_a_branch_s_image_is_called_by_its_slug_and_a_hash(branch, tag):
    made = image_tag(branch)
    assert made.startswith(tag)
    assert made.isascii()
    assert len(made) <= 128
    assert len(made.rpartition("-")[2]) == 8


def test_branches_that_look_alike_have_images_of_their_own():
    assert len({image_tag(branch) for branch in ("a/b", "a-b", "a.b", "A/B")}) == 4


@pytest.mark.parametrize(
    ("project", "repository"),
    [
        ("team/fruits", "team/fruits"),
        ("Team/My Fruits", "team/my-fruits"),
        ("a/b--c_d.e", "a/b--c_d.e"),
        ("a/b._c/-d-", "a/b-c/d"),
        ("é", "project"),
    ],
)
def test_a_project_is_called_as_docker_allows(project, repository):
    assert image_repository(project) == repository
