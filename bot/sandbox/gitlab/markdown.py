"""GitLab-flavoured Markdown as far as release notes need it: tables, code, links. HTML in the text stays text."""

from __future__ import annotations

from functools import cache

from markdown_it import MarkdownIt


@cache
def _renderer() -> MarkdownIt:
    # html=False escapes tags, and markdown-it refuses links to javascript:, vbscript:, file: and data:.
    return MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])


def render(text: str) -> str:
    """Safe HTML for Markdown written by anybody."""
    return str(_renderer().render(text))
