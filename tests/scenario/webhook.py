"""GitLab's webhook as the bot hears it, and where the bot saw a branch last."""

import re
import sqlite3

import httpx

from bot.web.site import PUSHES
from tests.scenario.waiting import until

SECRET = "canary-webhook-secret"
SETTINGS = {"HTTP_PORT": "0", "GITLAB_WEBHOOK_SECRET": SECRET}


def rings(bot, secret=SECRET):
    """GitLab tells of a push; the status of the bot's answer."""
    found = until(lambda: re.search(r"listening on port (\d+) of 127\.0\.0\.1", bot.said), "it says where it listens")
    address = f"http://127.0.0.1:{found[1]}{PUSHES}"
    with httpx.Client(trust_env=False, timeout=30) as http:
        return http.post(address, headers={"X-Gitlab-Token": secret}, json={"object_kind": "push"}).status_code


def seen(world, branch="main"):
    """The commit of the last look: in the ledger, since a look that finds nothing cannot be seen."""
    connection = sqlite3.connect(f"file:{world.bot_home / 'ledger.sqlite'}?mode=ro", uri=True)
    try:
        row = connection.execute('SELECT "commit" FROM heads WHERE branch = ?', (branch,)).fetchone()
    finally:
        connection.close()
    return row[0] if row else None
