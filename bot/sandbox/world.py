"""The whole world of a demo: Slack, GitLab and AWS on this machine, two people with a machine each, and one project."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from bot.sandbox import addresses
from bot.sandbox.aws import AwsSandbox
from bot.sandbox.gitlab.access import DEVELOPER, MAINTAINER, Token, User
from bot.sandbox.gitlab.server import GitLabSandbox
from bot.sandbox.prefix import recall, typed
from bot.sandbox.project import PATH, DemoProject, Storage
from bot.sandbox.slack.people import ALICE, BOB
from bot.sandbox.slack.sandbox import SlackSandbox

REGION = "eu-central-1"
DATA_BUCKET = "stationmaster-dvc"
PUBLIC_BUCKET = "stationmaster-public"
INSTANCES = {"alice@example.com": "i-0a11ce0000000000a", "bob@example.com": "i-0b0b0000000000b0b"}
IDLE_MINUTES = 1
"""Short, so that one can watch a machine being switched off."""

API_TOKEN = "sandbox-api-token"  # noqa: S105 - opens nothing but this stand-in
READ_TOKEN = "sandbox-read-token"  # noqa: S105 - as above
WRITE_TOKEN = "sandbox-write-token"  # noqa: S105 - as above

_BOT = User("stationmaster", "Stationmaster", "stationmaster@localhost", MAINTAINER, bot=True)
_PEOPLE = (
    User("alice", "Alice Archer", "alice@example.com", DEVELOPER),
    User("bob", "Bob Baker", "bob@example.com", DEVELOPER),
)
_TOKENS = (
    Token(API_TOKEN, _BOT, frozenset({"api"}), "api"),
    Token(READ_TOKEN, _BOT, frozenset({"read_repository"}), "read"),
    Token(WRITE_TOKEN, _BOT, frozenset({"write_repository"}), "write"),
)


class World:
    """Everything under `home` goes on where it was when the world is made again there.

    `port` is the page's; `data` a folder of images for the project (see `DemoProject.ensure`). `say` is told in
    sentences what happens. One process at a time: see `Claim`.
    """

    def __init__(
        self,
        home: Path,
        *,
        port: int | None = None,
        data: Path | None = None,
        say: Callable[[str], None] = lambda _sentence: None,
    ) -> None:
        self.home = home.resolve()
        self.home.mkdir(parents=True, exist_ok=True)
        self._data = data
        self._say = say
        self.addresses = self._choose_addresses(port)
        self._life = ExitStack()
        with ExitStack() as so_far:
            self.aws = self._aws()
            so_far.callback(self.aws.stop)
            self.gitlab = GitLabSandbox(self.home / "gitlab", port=self.addresses.gitlab, tokens=_TOKENS, users=_PEOPLE)
            so_far.callback(self.gitlab.stop)
            self.slack = SlackSandbox(self.home / "slack", port=self.addresses.slack, commands=typed(self.home))
            so_far.callback(self.slack.stop)
            self._life = so_far.pop_all()

    def start(self) -> Self:
        """Open for business; the first time this makes the project, which takes some seconds."""
        try:
            self.aws.start()
            self.gitlab.start()
            self._instances()
            self._project()
            self.slack.start()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Close everything; doing it again changes nothing."""
        self._life.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_error: object) -> None:
        self.stop()

    @property
    def page_url(self) -> str:
        """What a person opens."""
        return self.addresses.page_url

    def environment(self) -> dict[str, str]:
        """See `environment`."""
        return environment(self.home, self.addresses)

    def _choose_addresses(self, port: int | None) -> addresses.Addresses:
        file = self.home / "addresses.json"
        chosen, sentences = addresses.choose(remembered=addresses.recall(file), asked=port, free=addresses.is_free)
        for sentence in sentences:
            self._say(sentence)
        addresses.remember(file, chosen)
        return chosen

    def _aws(self) -> AwsSandbox:
        return AwsSandbox(
            self.home / "aws",
            port=self.addresses.aws,
            region=REGION,
            data_bucket=DATA_BUCKET,
            public_bucket=PUBLIC_BUCKET,
        )

    def _instances(self) -> None:
        for owner, instance in INSTANCES.items():
            self.aws.ensure_instance(instance, owner=owner)

    def _project(self) -> None:
        project = self.gitlab.create_project(PATH)
        storage = Storage(DATA_BUCKET, self.addresses.aws_url, REGION, _cloud(self.addresses))
        DemoProject(
            git_url=project.git_url,
            token=WRITE_TOKEN,
            storage=storage,
            scratch=self.home / "project",
            say=self._say,
        ).ensure(self._data)
        self.slack.links.extend(
            [
                (f"The project {PATH}", project.url),
                ("Its releases", project.page("releases")),
            ]
        )


def environment(home: Path, where: addresses.Addresses) -> dict[str, str]:
    """All that `stationmaster serve` needs to take the world in `home` for the real one."""
    return {
        "SLACK_BOT_TOKEN": SlackSandbox.bot_token,
        "SLACK_APP_TOKEN": SlackSandbox.app_token,
        "SLACK_API_URL": f"{where.page_url}/api/",
        "GITLAB_URL": where.gitlab_url,
        "GITLAB_PROJECT": PATH,
        "GITLAB_TOKEN": API_TOKEN,
        "GITLAB_READ_TOKEN": READ_TOKEN,
        "GITLAB_WRITE_TOKEN": WRITE_TOKEN,
        **_cloud(where),
        "PUBLIC_BUCKET": PUBLIC_BUCKET,
        "TRAIN_INSTANCE_FOR_USER": json.dumps(INSTANCES),
        "IDLE_MINUTES": str(IDLE_MINUTES),
        "RELEASE_APPROVERS": " ".join(person.id for person in (ALICE, BOB)),
        "COMMAND_PREFIX": recall(home),
        "STATIONMASTER_HOME": str(home.resolve() / "bot"),
        "STATIONMASTER_SHELL": "local",
        "STATIONMASTER_RUNTIME": "process",
    }


def _cloud(where: addresses.Addresses) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": where.aws_url,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "sandbox",
        "AWS_SECRET_ACCESS_KEY": "sandbox",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
