"""The pages of the local GitLab, as a browser asks for them: no log-in, nothing from elsewhere, nothing unsafe."""

from __future__ import annotations

import re
import zipfile
from io import BytesIO
from typing import TYPE_CHECKING

import httpx
import pytest

from bot.sandbox.gitlab import diff
from bot.sandbox.gitlab.markdown import render
from tests.contract.gitlab_world import fresh_world, running_gitlab

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bot.sandbox.gitlab import GitLabSandbox
    from tests.contract.gitlab_world import World

DESCRIPTION = """## Metrics

| metric | value |
|---|---:|
| accuracy | **0.97** |

```sh
dvc pull train.dvc
```

[logs](https://example.com/log) <script>alert(1)</script> [bad](javascript:alert(1))
"""


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitLabSandbox]:
    with running_gitlab(tmp_path_factory.mktemp("gitlab")) as running:
        yield running


@pytest.fixture(scope="module")
def world(sandbox: GitLabSandbox, tmp_path_factory: pytest.TempPathFactory) -> World:
    world = fresh_world(sandbox, tmp_path_factory.mktemp("work"))
    copy = world.first_commit()
    copy.git("checkout", "--quiet", "-b", "feature/x")
    (copy.path / "src folder").mkdir()
    (copy.path / "src folder" / "a&b.py").write_text("print('<b>')\n", encoding="utf-8")
    copy.commit("Add <i>code</i>", README__md="# Fruits\n\nMore\n")
    copy.push("feature/x")
    links = [{"name": "train.dvc", "url": "https://example.com/train.dvc", "direct_asset_path": "/train.dvc"}]
    release = {"tag_name": "v1.0.0", "ref": "feature/x", "description": DESCRIPTION, "assets": {"links": links}}
    assert world.api("POST", "releases", release).status_code == 201
    request = {"source_branch": "feature/x", "target_branch": "main", "title": "New net", "description": "**why**"}
    assert world.api("POST", "merge_requests", request).status_code == 201
    assert world.api("POST", "merge_requests/1/notes", {"body": "`fine`"}).status_code == 201
    return world


def page(world: World, path: str = "") -> httpx.Response:
    return httpx.get(f"{world.project.url}{path}", verify=False)


def test_a_release_page_shows_its_description_assets_and_commit(world: World):
    html = page(world, "/-/releases/v1.0.0").text
    assert '<td style="text-align:right"><strong>0.97</strong></td>' in html
    assert '<code class="language-sh">dvc pull train.dvc' in html
    assert '<a href="https://example.com/log">logs</a>' in html
    assert "/-/releases/v1.0.0/downloads/train.dvc" in html
    assert world.project.git.resolve("feature/x")[:8] in html


def test_nothing_that_people_write_becomes_a_script(world: World):
    html = page(world, "/-/releases/v1.0.0").text
    assert "<script" not in html
    assert 'href="javascript:' not in html
    commit = page(world, f"/-/commit/{world.project.git.resolve('feature/x')}").text
    assert "&lt;i&gt;code&lt;/i&gt;" in commit
    assert "print(&#39;&lt;b&gt;&#39;)" in commit


def test_a_download_is_a_redirect_and_the_latest_release_has_a_lasting_address(world: World):
    assert page(world, "/-/releases/v1.0.0/downloads/train.dvc").headers["location"] == "https://example.com/train.dvc"
    latest = page(world, "/-/releases/permalink/latest/downloads/train.dvc")
    assert latest.status_code == 302
    assert latest.headers["location"] == f"{world.project.url}/-/releases/v1.0.0/downloads/train.dvc"
    assert page(world, "/-/releases/v1.0.0/downloads/nope").status_code == 404


def test_every_link_on_every_page_leads_somewhere(world: World):
    todo, seen = ["/"], set()
    while todo:
        path = todo.pop()
        if path in seen:
            continue
        seen.add(path)
        answer = httpx.get(f"{world.sandbox.url}{path}", verify=False)
        assert answer.status_code in (200, 302), path
        if answer.headers.get("content-type", "").startswith("text/html"):
            todo += [link.replace("&amp;", "&") for link in re.findall(r'href="(/[^"]*)"', answer.text)]
    assert len(seen) > 25


def test_no_page_asks_for_anything_from_elsewhere(world: World):
    for path in ("", "/-/releases/v1.0.0", "/-/merge_requests/1"):
        answer = page(world, path)
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert re.findall(r'(?:src|<link[^>]*href)="(https?:[^"]*)"', answer.text) == []


@pytest.mark.parametrize("path", ["/-/raw/feature/x/src%20folder/a%26b.py", "/-/raw/v1.0.0/src%20folder/a%26b.py"])
def test_a_raw_file_is_plain_text_whatever_it_holds(world: World, path: str):
    answer = page(world, path)
    assert answer.text == "print('<b>')\n"
    assert answer.headers["content-type"].startswith("text/plain")


def test_the_source_of_a_release_can_be_downloaded(world: World):
    archive = zipfile.ZipFile(BytesIO(page(world, "/-/archive/v1.0.0/fruits-v1.0.0.zip").content))
    assert "fruits-v1.0.0/README.md" in archive.namelist()


def test_a_merge_request_page_shows_its_notes_and_changes(world: World):
    html = page(world, "/-/merge_requests/1").text
    assert "<strong>why</strong>" in html
    assert "<code>fine</code>" in html
    assert "+More" in html


@pytest.mark.parametrize(
    "path",
    ["/-/releases/v9", "/-/commit/0000000", "/-/tree/nope", "/-/blob/main/nope", "/-/raw/main/../../config", "/-/what"],
)
def test_a_page_that_is_not_there_says_so(world: World, path: str):
    answer = page(world, path)
    assert answer.status_code == 404
    assert "There is no such" in answer.text or "There is no release" in answer.text


def test_an_empty_project_has_a_page_too(sandbox: GitLabSandbox, tmp_path: Path):
    assert "None yet" in page(fresh_world(sandbox, tmp_path)).text


def test_markdown_keeps_html_as_text():
    assert render("<b>x</b>") == "<p>&lt;b&gt;x&lt;/b&gt;</p>\n"


def test_a_diff_is_cut_into_files_and_kinds_of_lines():
    text = "diff --git a/x b/x\nindex 1..2 100644\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n--- old\n+++ new\n same\n"
    (file,) = diff.parse(text)
    assert (file.name, file.added, file.deleted) == ("x", 1, 1)
    assert [kind for kind, _ in file.lines] == ["hunk", "deleted", "added", "same"]
