"""What a Dockerfile takes from its context: never less than Docker, and where that is not clear, everything."""

from __future__ import annotations

import pytest

from trainer.definition import dockerfile


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        ("COPY a.txt /", ("a.txt",)),
        ("COPY a.txt b/ /to/", ("a.txt", "b")),
        ("copy ./a.txt /", ("a.txt",)),
        ("COPY /a.txt ../b.txt /", ("a.txt", "b.txt")),
        ("ADD --chown=1:1 --link data.tar /", ("data.tar",)),
        ('COPY ["with space.txt", "/"]', ("with space.txt",)),
        ("COPY a.txt \\\n  # why b is here\n  b.txt \\\n\n  /to/", ("a.txt", "b.txt")),
        ("COPY requirements*.txt src/[a-z]/?.py /", ("requirements*.txt", "src/[a-z]/?.py")),
        ("COPY --from=build /opt/venv /opt/venv", ()),
        ("ADD https://example.com/x.tar git@example.com:a/b.git /", ()),
        ("COPY <<EOF /hello\nhello\nEOF", ()),
        ("ONBUILD COPY a.txt /", ("a.txt",)),
        ("RUN --mount=type=bind,source=req.txt,target=/r pip install -r /r", ("req.txt",)),
        ("RUN --mount=type=cache,target=/c --mount=target=/b,from=base make", ()),
        ("# escape=`\nCOPY a.txt `\n b.txt /", ("a.txt", "b.txt")),
        ("# syntax=docker/dockerfile:1.7\nCOPY a.txt /", ("a.txt",)),
        ("FROM scratch\nRUN echo COPY b.txt /\nENV COPY=1", ()),
    ],
)
def test_what_is_copied_is_found(lines, found):
    assert dockerfile.sources(lines) == found


@pytest.mark.parametrize(
    "line",
    [
        "COPY . /",
        "COPY / /",
        "COPY a/.. /",
        "COPY ${WHAT} /",
        'COPY "a b" /',
        "COPY a\\ b /",
        "COPY src/[a /",
        'COPY ["a.txt" /',
        "COPY a.txt",
        "RUN --mount=target=/src make",
        "# syntax=example.com/own/frontend\nCOPY a.txt /",
    ],
)
def test_what_is_all_of_it_or_not_understood_is_everything(line):
    assert dockerfile.sources(line) is None


@pytest.mark.parametrize(
    ("source", "path", "taken"),
    [
        ("src", "src/a/b.py", True),
        ("src", "src", True),
        ("src", "src2/a.py", False),
        ("*.txt", "a.txt", True),
        ("*.txt", "sub/a.txt", False),
        ("*", "sub/deep/a.txt", True),
        ("a?.txt", "ab.txt", True),
        ("a?.txt", "a/.txt", False),
        ("[ab].txt", "a.txt", True),
        ("**/a.txt", "a.txt", True),
        ("**/a.txt", "x/y/a.txt", True),
        ("a.txt", "aXtxt", False),
    ],
)
def test_a_source_takes_what_it_matches_and_all_below(source, path, taken):
    assert dockerfile.taking(source)(path) is taken


@pytest.mark.parametrize(
    ("rules", "path", "left_out"),
    [
        ("", "a.txt", False),
        ("docs", "docs/a.md", True),
        ("/docs/", "docs/a.md", True),
        ("docs", "src/docs/a.md", False),
        ("**/docs", "src/docs/a.md", True),
        ("*\n!src", "src/deep/a.py", False),
        ("*\n!src\n**/__pycache__", "src/__pycache__/a.pyc", True),
        ("*.md\n!README.md", "README.md", False),
        ("# docs", "docs/a.md", False),
        ("  docs  ", "docs/a.md", True),
        ("data/[a-c]*", "data/a1", False),  # too fine a rule: what it leaves out counts as an input
        ("*\n!data/[a-c]*", "data/a1", False),
        ("*\n!data/[a-c]*", "other", False),
    ],
)
def test_what_is_left_out_for_sure_is_no_input(rules, path, left_out):
    assert dockerfile.ignoring(rules)(path) is left_out
