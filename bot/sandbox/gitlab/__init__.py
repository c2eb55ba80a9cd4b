"""A local GitLab over real git: REST, smart HTTP and pages, with faults on demand. For the demo and the tests."""

from bot.sandbox.gitlab.access import DEVELOPER, MAINTAINER, REPORTER, Token, User
from bot.sandbox.gitlab.instance import Project
from bot.sandbox.gitlab.server import GitLabSandbox

__all__ = ["DEVELOPER", "MAINTAINER", "REPORTER", "GitLabSandbox", "Project", "Token", "User"]
