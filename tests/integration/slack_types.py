"""Slack's own TypeScript definitions, asked whether a payload is what they describe; a property too many is wrong."""

import json
import subprocess
import tempfile
from pathlib import Path

from tests.integration.emulated_slack import FOLDER

CALLS = {
    "auth.test": "AuthTestArguments",
    "chat.postEphemeral": "ChatPostEphemeralArguments",
    "chat.postMessage": "ChatPostMessageArguments",
    "chat.update": "ChatUpdateArguments",
    "conversations.history": "ConversationsHistoryArguments",
    "conversations.open": "ConversationsOpenArguments",
    "conversations.replies": "ConversationsRepliesArguments",
    "files.completeUploadExternal": "FilesCompleteUploadExternalArguments",
    "files.getUploadURLExternal": "FilesGetUploadURLExternalArguments",
    "users.info": "UsersInfoArguments",
    "views.open": "ViewsOpenArguments",
    "views.publish": "ViewsPublishArguments",
    "views.push": "ViewsPushArguments",
    "views.update": "ViewsUpdateArguments",
}
"""Method -> the type of its arguments."""
# The types of views take any object for a block, so that a slip would pass: here only the blocks that Slack describes.
HEAD = """\
import type { HomeView, KnownBlock, MessageAttachment, ModalView, OptionGroup, PlainTextOption } from '@slack/types'
import type * as web from '@slack/web-api'

type Message = { blocks?: KnownBlock[] | null, attachments?: MessageAttachment[] | null }
type Strict<V> = Omit<V, 'blocks'> & { blocks: KnownBlock[] }
type View = Strict<HomeView> | Strict<ModalView>
type Options = { options: PlainTextOption[] } | { option_groups: OptionGroup[] }
"""
FLAGS = ("--noEmit", "--strict", "--skipLibCheck", "--target", "es2022", "--module", "nodenext")


def wrong_with(things):
    """What is wrong with any of them, in the compiler's words; empty for nothing. One call of it for all.

    `things`: the type's name -> what should be of it. Of a call its blocks and its view are looked at as such, too.
    """
    lines = [_line(at, *thing) for at, thing in enumerate(each for thing in things for each in _parts(*thing))]
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "payloads.ts"
        source.write_text(HEAD + "\n".join(lines) + "\n")
        (Path(folder) / "node_modules").symlink_to(FOLDER / "node_modules")
        argv = [FOLDER / "node_modules" / ".bin" / "tsc", *FLAGS, source]
        return subprocess.run(argv, capture_output=True, text=True, check=False, cwd=folder).stdout


def _parts(kind, thing):
    yield kind, thing
    if kind in CALLS.values():
        if thing.get("blocks"):
            yield "Message", {"blocks": thing["blocks"]}
        if thing.get("view"):
            yield "View", thing["view"]


def _line(at, kind, thing):
    name = f"web.{kind}" if kind in CALLS.values() else kind
    return f"export const p{at}: {name} = {json.dumps(thing)}"
