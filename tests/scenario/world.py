"""The whole service on this machine: stand-ins for Slack, GitLab and AWS, a tiny project, and the real bot.

What the tests look at is what people see: the channel, the project in GitLab, the public bucket, the machines.
"""

import json
import sqlite3
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass

import boto3

from bot.sandbox.aws import AwsSandbox
from bot.sandbox.gitlab.access import DEVELOPER, MAINTAINER, Token, User
from bot.sandbox.gitlab.server import GitLabSandbox
from bot.sandbox.slack.interactions import SlashCommand
from bot.sandbox.slack.people import ALICE, BOB
from bot.sandbox.slack.sandbox import SlackSandbox
from bot.slack.spelling import PLAIN
from commands import COMMANDS
from tests.scenario.served_bot import ServedBot
from tests.scenario.tiny_project import TinyProject
from tests.scenario.waiting import PATIENCE, until

PROJECT = "team/tiny"
REGION = "eu-central-1"
MACHINES = {"alice": "i-0a11ce0000000000a", "bob": "i-0b0b0000000000b0b"}
CANARIES = {
    "GITLAB_TOKEN": "canary-api-token",
    "GITLAB_READ_TOKEN": "canary-read-token",
    "GITLAB_WRITE_TOKEN": "canary-write-token",
    "AWS_SECRET_ACCESS_KEY": "canary-aws-secret",
    "AWS_READ_SECRET_ACCESS_KEY": "canary-aws-read-secret",
    "AWS_WRITE_SECRET_ACCESS_KEY": "canary-aws-write-secret",
    "SLACK_BOT_TOKEN": SlackSandbox.bot_token,
    "SLACK_APP_TOKEN": SlackSandbox.app_token,
}
"""Every secret that the bot is given."""
_BOT_USER = User("stationmaster", "Stationmaster", "stationmaster@localhost", MAINTAINER, bot=True)
_ALICE_USER = User("alice", "Alice Archer", "alice@example.com", DEVELOPER)
_TOKENS = (
    Token(CANARIES["GITLAB_TOKEN"], _BOT_USER, frozenset({"api"}), "api"),
    Token(CANARIES["GITLAB_READ_TOKEN"], _BOT_USER, frozenset({"read_repository"}), "read"),
    Token(CANARIES["GITLAB_WRITE_TOKEN"], _BOT_USER, frozenset({"write_repository"}), "write"),
    Token("sandbox-alices-token", _ALICE_USER, frozenset({"api"}), "alice"),
)
_PEOPLE = {ALICE.id: ALICE, BOB.id: BOB}


def words_of(message):
    """All that a person reads in a message: its blocks, or its text where it has none."""
    if not message.blocks:
        return message.text
    return "\n".join(text for block in message.blocks for text in texts_of(block))


def texts_of(part):
    """Each text in blocks, or in a part of them."""
    if isinstance(part, dict):
        if isinstance(part.get("text"), str):
            yield part["text"]
        for value in part.values():
            yield from texts_of(value)
    elif isinstance(part, list):
        for each in part:
            yield from texts_of(each)


@dataclass(frozen=True)
class Thread:
    """A run as the channel shows it at one moment."""

    card: object
    replies: tuple

    @property
    def headline(self):
        """What the card says."""
        return words_of(self.card)

    @property
    def lines(self):
        """What each message of the thread says."""
        return [words_of(reply) for reply in self.replies]

    @property
    def text(self):
        return "\n".join(self.lines)

    @property
    def terminal(self):
        """The messages that mention a person: there has to be exactly one, and only at the end."""
        return [reply for reply in self.replies if any(ping in _PEOPLE for ping in reply.pings)]

    @property
    def last_word(self):
        """What the one terminal message says."""
        assert len(self.terminal) == 1, self.lines
        return words_of(self.terminal[0])

    @property
    def files(self):
        return [file for reply in self.replies for file in reply.files]

    @property
    def number(self):
        """The run's number, as people say it."""
        return int(self.headline.split("Run ")[1].split(" ")[0])

    def has_button(self, action="cancel"):
        return any(each.get("action_id") == action for block in self.card.blocks for each in block.get("elements", []))


class TinyWorld:
    """The stand-ins, started by `with`; `bot` makes a bot that takes them for the real ones.

    `inside`: for trainings that see nothing of this machine but their workspace (see `TinyProject`).
    """

    def __init__(self, home, *, inside=False, spelling=PLAIN):
        self.home = home
        self._inside = inside
        home.mkdir(parents=True, exist_ok=True)
        self.slack = SlackSandbox(
            home / "slack",
            commands=[SlashCommand(spelling.name(each.name), each.usage, each.description) for each in COMMANDS],
        )
        self.gitlab = GitLabSandbox(home / "gitlab", tokens=_TOKENS, users=[_ALICE_USER])
        self.aws = AwsSandbox(home / "aws", region=REGION, start_seconds=0.3, stop_seconds=0.3)

    def __enter__(self):
        self.aws.start()
        self.gitlab.start()
        self.slack.start()
        for name, instance in MACHINES.items():
            self.aws.ensure_instance(instance, owner=f"{name}@example.com")
        made = self.gitlab.create_project(PROJECT)
        self._git = made.git
        self.page = made.url
        self.bare = made.repository_path
        self.project = TinyProject(
            self.home / "project",
            git_url=made.git_url,
            token="sandbox-alices-token",
            s3=self._s3(),
            bucket=self.aws.data_bucket,
            inside=self._inside,
        ).make()
        return self

    def __exit__(self, *_):
        self.project.open_every_gate()
        self.slack.stop()
        self.gitlab.stop()
        self.aws.stop()

    # The bot

    def environment(self, **settings):
        """What `serve` is given: each bot has a folder of its own."""
        return {
            **CANARIES,
            "SLACK_API_URL": self.slack.api_url,
            "GITLAB_URL": self.gitlab.url,
            "GITLAB_PROJECT": PROJECT,
            "AWS_ENDPOINT_URL": self.aws.url,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "sandbox",
            "AWS_READ_ACCESS_KEY_ID": "sandbox-read",
            "AWS_WRITE_ACCESS_KEY_ID": "sandbox-write",
            "AWS_EC2_METADATA_DISABLED": "true",
            "PUBLIC_BUCKET": self.aws.public_bucket,
            "TRAIN_INSTANCE_FOR_USER": json.dumps({f"{who}@example.com": machine for who, machine in MACHINES.items()}),
            "HELP_CONTACT": "#ml-platform",
            "STATIONMASTER_HOME": str(self.home / "bot"),
            **settings,
        }

    def bot(self, **settings):
        """A bot that was not started yet."""
        environment = self.environment(**settings)
        return ServedBot(environment, self.home / "lives")

    @contextmanager
    def serving(self, **settings):
        """A bot that runs within the block."""
        bot = self.bot(**settings)
        try:
            yield bot.start()
        finally:
            bot.stop()

    @property
    def bot_home(self):
        return self.home / "bot"

    # People

    def types(self, user, text):
        """Type a command; what only this person is told at once."""
        before = len(self.slack.ephemerals(user))
        said = self.slack.type(user, text)
        answers = [each for each in self.slack.ephemerals(user)[before:] if each.text == said]
        return words_of(answers[0]) if answers else said

    def told(self, user, part, seconds=PATIENCE):
        """What only this person sees, once it holds `part`."""

        def found():
            return next((said for each in self.slack.ephemerals(user) if part in (said := words_of(each))), None)

        return until(found, f"{user} is told of {part!r}", seconds, context=lambda: self.private(user))

    def private(self, user):
        """All that only this person sees."""
        return [words_of(each) for each in self.slack.ephemerals(user)]

    def direct(self, user):
        """What the bot says in its direct messages with that person."""
        (person,) = [each for each in _PEOPLE.values() if each.name == user]
        channel = f"D{person.id[1:]}"
        roots = self.slack.messages(channel)
        return [words_of(each) for root in roots for each in self.slack.thread(channel, root.ts)]

    def threads(self):
        """Every run in the channel, oldest first."""
        roots = [message for message in self.slack.messages() if message.by_bot and message.thread_ts is None]
        return [self._thread(root) for root in roots]

    def thread(self, tag):
        """The run that was to make `tag`; None before its card is there."""
        return next((each for each in reversed(self.threads()) if f" → {tag}" in each.headline), None)

    def until_card(self, tag, *parts, seconds=PATIENCE):
        """The run, once its card says all of that."""

        def shows():
            found = self.thread(tag)
            return found if found and all(part in found.headline for part in parts) else None

        return until(shows, f"the card of {tag} says {parts}", seconds, context=self._context)

    def until_said(self, tag, part, seconds=PATIENCE):
        """The run, once its thread says that."""

        def said():
            found = self.thread(tag)
            return found if found and part in found.text else None

        return until(said, f"the thread of {tag} says {part!r}", seconds, context=self._context)

    def until_over(self, tag, seconds=2 * PATIENCE):
        """The run, once its last word was said and its card shows it."""

        def over():
            found = self.thread(tag)
            ended = ("*Released*", "*Failed", "*Cancelled")
            return found if found and found.terminal and any(word in found.headline for word in ended) else None

        return until(over, f"the run of {tag} is over", seconds, context=self._context)

    def until_log(self, tag, seconds=PATIENCE):
        """The content of the full log in the run's thread; it follows the last word."""
        found = until(lambda: self.thread(tag).files, f"{tag} has its log", seconds, context=self._context)
        assert [file.name for file in found] == [f"run-{self.thread(tag).number}.log"]
        return self.file(found[0])

    def until_all_is_said(self, seconds=PATIENCE):
        """Until the bot has nothing left to say; the only look into its ledger, since silence cannot be seen."""

        def silent():
            connection = sqlite3.connect(f"file:{self.bot_home / 'ledger.sqlite'}?mode=ro", uri=True)
            try:
                rows = connection.execute("SELECT 1 FROM outbox WHERE state IN ('pending', 'sending')").fetchall()
            finally:
                connection.close()
            return not rows

        until(silent, "everything was said", seconds, context=self._context)

    def until_training(self, branch, seconds=PATIENCE):
        """Until the project's own code runs."""
        return until(lambda: self.project.trainings(branch), f"{branch} trains", seconds, context=self._context)

    def file(self, shared):
        """The content of a file in a thread."""
        with urllib.request.urlopen(self.slack.url + shared.path) as answer:
            return answer.read()

    # GitLab

    def tags(self):
        return {tag.name for tag in self._git.tags()}

    def commit_of(self, revision):
        return self._git.commit(revision)

    def log(self, branch, limit=20):
        """The titles of its commits, newest first."""
        return [commit.title for commit in self._git.log(branch, limit)]

    def show(self, revision, path):
        """A file in a commit, as text; None where it is not."""
        sha = self._git.resolve(revision)
        content = self._git.file(sha, path) if sha else None
        return None if content is None else content.decode()

    def branches(self):
        return {branch.name for branch in self._git.branches()}

    def api(self, path):
        """GitLab's REST answer about the project."""
        address = f"{self.gitlab.url}/api/v4/projects/{PROJECT.replace('/', '%2F')}/{path}"
        request = urllib.request.Request(address, headers={"PRIVATE-TOKEN": "sandbox-alices-token"})
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    def releases(self):
        """Tag -> release."""
        return {each["tag_name"]: each for each in self.api("releases?per_page=100")}

    def asked(self, method, part):
        """How GitLab answered the requests of that kind, in order."""
        return [each.status for each in self.gitlab.requests if each.method == method and part in each.path]

    # AWS

    def public(self, address):
        """What anybody gets from an address: status and text."""
        try:
            with urllib.request.urlopen(address) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, ""

    @contextmanager
    def closed_to_the_public(self):
        """Within the block nobody may read the public bucket without credentials."""
        s3, bucket = self._s3(), self.aws.public_bucket
        policy = s3.get_bucket_policy(Bucket=bucket)["Policy"]
        s3.delete_bucket_policy(Bucket=bucket)
        try:
            yield
        finally:
            s3.put_bucket_policy(Bucket=bucket, Policy=policy)

    def public_link(self, tag):
        """The address of `train.dvc` in the release."""
        return self.releases()[tag]["assets"]["links"][0]["url"]

    def object(self, oid):
        """The content of an object on the DVC remote."""
        key = f"files/md5/{oid[:2]}/{oid[2:]}"
        return self._s3().get_object(Bucket=self.aws.data_bucket, Key=key)["Body"].read()

    def object_sizes(self):
        """Object -> bytes, of all objects on the DVC remote."""
        pages = self._s3().get_paginator("list_objects_v2").paginate(Bucket=self.aws.data_bucket, Prefix="files/md5/")
        return {
            entry["Key"].removeprefix("files/md5/").replace("/", ""): entry["Size"]
            for page in pages
            for entry in page["Contents"]
        }

    def starts(self, who="alice"):
        """How often the machine was started."""
        return [state for _, state in self.aws.history(MACHINES[who])].count("pending")

    def power(self, who="alice"):
        return self.aws.state(MACHINES[who])

    def run_folder(self, number, who="alice"):
        """Where a run lies on the machine."""
        (found,) = (self.bot_home / "locations" / who / "runs").glob(f"{number}-*")
        return found

    # Within

    def _thread(self, root):
        return Thread(root, tuple(self.slack.thread("#training", root.ts)[1:]))

    def _context(self):
        said = [f"{each.headline}\n  " + "\n  ".join(each.lines) for each in self.threads()[-3:]]
        logs = sorted((self.home / "lives").glob("*.log"))
        tail = logs[-1].read_text(errors="replace")[-3000:] if logs else ""
        return "\n".join([*said, *self.private("alice")[-3:], "--- the bot's log", tail])

    def _s3(self):
        return boto3.client(
            "s3",
            endpoint_url=self.aws.url,
            region_name=REGION,
            aws_access_key_id="sandbox",
            aws_secret_access_key="sandbox",
        )
