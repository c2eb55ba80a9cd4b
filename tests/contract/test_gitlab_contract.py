"""The local GitLab against GitLab's own description of its REST API (tests/contract/gitlab_contract.py)."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from bot.sandbox.gitlab.api import OPERATIONS
from tests.contract.gitlab_contract import BEYOND, CONTRACT, Contract
from tests.contract.gitlab_world import API_READ, BOT, DEV, OLD, READ, fresh_world

if TYPE_CHECKING:
    from pathlib import Path

    from bot.sandbox.gitlab import GitLabSandbox
    from tests.contract.gitlab_world import Copy, World

# One good call of every operation, in an order that works; `SHA`, `LINK` and `NOTE` are filled in on the way.
LINK = {"name": "model.onnx", "url": "https://example.com/model.onnx", "direct_asset_path": "/models/model.onnx"}
RELEASE = {
    "tag_name": "v1.0.0",
    "name": "v1.0.0",
    "description": "*good*",
    "assets": {"links": [{"name": "train.dvc", "url": "https://example.com/train.dvc"}]},
}
EXAMPLES: tuple[tuple[str, str, Any], ...] = (
    ("GET user", "/user", None),
    ("GET version", "/version", None),
    ("GET metadata", "/metadata", None),
    ("GET personal_access_tokens/self", "/personal_access_tokens/self", None),
    ("GET projects/:id", "", None),
    ("GET projects/:id/members/all", "members/all", None),
    ("GET projects/:id/repository/branches", "repository/branches", None),
    ("GET projects/:id/repository/branches/:branch", "repository/branches/topic%2Fone", None),
    ("POST projects/:id/repository/tags", "repository/tags", {"tag_name": "v1.0.0", "ref": "main", "message": "One"}),
    ("POST projects/:id/repository/tags", "repository/tags", {"tag_name": "v0.9", "ref": "main"}),
    ("GET projects/:id/repository/tags", "repository/tags", None),
    ("GET projects/:id/repository/tags/:tag_name", "repository/tags/v1.0.0", None),
    ("POST projects/:id/releases", "releases", RELEASE),
    ("GET projects/:id/releases", "releases?include_html_description=true", None),
    ("GET projects/:id/releases/:tag_name", "releases/v1.0.0?include_html_description=true", None),
    ("PUT projects/:id/releases/:tag_name", "releases/v1.0.0", {"description": "better"}),
    ("POST projects/:id/releases/:tag_name/assets/links", "releases/v1.0.0/assets/links", LINK),
    ("GET projects/:id/releases/:tag_name/assets/links", "releases/v1.0.0/assets/links", None),
    ("GET projects/:id/releases/:tag_name/assets/links/:link_id", "releases/v1.0.0/assets/links/{LINK}", None),
    (
        "PUT projects/:id/releases/:tag_name/assets/links/:link_id",
        "releases/v1.0.0/assets/links/{LINK}",
        {"name": "model"},
    ),
    ("DELETE projects/:id/releases/:tag_name/assets/links/:link_id", "releases/v1.0.0/assets/links/{LINK}", None),
    ("GET projects/:id/repository/tree", "repository/tree?ref={SHA}&recursive=true", None),
    ("GET projects/:id/repository/files/:file_path/raw", "repository/files/README.md/raw?ref={SHA}", None),
    ("POST projects/:id/statuses/:sha", "statuses/{SHA}", {"state": "running", "name": "train", "coverage": 97.5}),
    ("GET projects/:id/repository/compare", "repository/compare?from=main&to=topic%2Fone", None),
    ("GET projects/:id/repository/commits/:sha", "repository/commits/{SHA}", None),
    ("GET projects/:id/repository/commits/:sha/statuses", "repository/commits/{SHA}/statuses", None),
    (
        "POST projects/:id/merge_requests",
        "merge_requests",
        {"source_branch": "topic/one", "target_branch": "main", "title": "One", "labels": "a,b"},
    ),
    ("GET projects/:id/merge_requests", "merge_requests?state=opened", None),
    ("GET projects/:id/merge_requests/:iid", "merge_requests/1", None),
    ("GET projects/:id/repository/commits/:sha/merge_requests", "repository/commits/topic%2Fone/merge_requests", None),
    ("POST projects/:id/merge_requests/:iid/notes", "merge_requests/1/notes", {"body": "Well done"}),
    ("GET projects/:id/merge_requests/:iid/notes", "merge_requests/1/notes", None),
    ("PUT projects/:id/merge_requests/:iid/notes/:note_id", "merge_requests/1/notes/{NOTE}", {"body": "Even better"}),
    ("DELETE projects/:id/releases/:tag_name", "releases/v1.0.0", None),
    ("DELETE projects/:id/repository/tags/:tag_name", "repository/tags/v1.0.0", None),
)


@pytest.fixture(scope="module")
def contract() -> Contract:
    if not CONTRACT.exists():
        why = "gitlab-contract.yaml is not beside the repository (../shared/facts)"
        if os.environ.get("CI"):
            pytest.fail(f"{why}: in CI it must be")
        pytest.skip(why)
    return Contract(yaml.safe_load(CONTRACT.read_text(encoding="utf-8")))


# ------------------------------------------------------------------------------------------------ the whole contract


def test_every_operation_is_exercised_and_known():
    names = {f"{operation.method} {operation.path}" for operation in OPERATIONS}
    assert {operation for operation, _, _ in EXAMPLES} == names


def test_what_is_beyond_the_extract_is_named_here(contract: Contract):
    names = {f"{operation.method} {operation.path}" for operation in OPERATIONS}
    assert {name for name in names if not contract.knows(name)} == set(BEYOND)


def test_every_operation_answers_as_gitlab_describes_it(contract: Contract, world: World, copy: Copy):
    values = {"SHA": copy.head()}
    for operation, path, body in EXAMPLES:
        answer = world.api(operation.split()[0], path.format(**values), body)
        contract.check(operation, answer)
        assert answer.status_code < 300, f"{operation}: {answer.text}"
        if operation.endswith("assets/links") and body:
            values["LINK"] = answer.json()["id"]
        if operation.endswith("/notes") and body:
            values["NOTE"] = answer.json()["id"]


def test_every_choice_of_a_query_parameter_is_taken(contract: Contract, world: World, copy: Copy):
    for operation, path, body in EXAMPLES[:-2]:
        values = {"SHA": copy.head(), "LINK": 0, "NOTE": 0}
        if operation.startswith("GET") and "{LINK}" not in path:
            for name, word in contract.choices(operation):
                answer = world.api("GET", f"{path.format(**values).partition('?')[0]}?{name}={word}")
                assert answer.status_code == 200, f"{operation} {name}={word}: {answer.text}"
                contract.check(operation, answer)
        elif body and operation.startswith("POST"):
            world.api("POST", path.format(**values), body)


@pytest.mark.usefixtures("copy")
def test_unknown_things_are_refused_as_gitlab_describes_it(contract: Contract, world: World):
    for operation, path, body in EXAMPLES:
        if "/:id/" in operation and not operation.endswith("/all"):
            missing = re.sub(r"(v1\.0\.0|main|topic%2Fone|\{SHA\}|\{LINK\}|\{NOTE\}|requests/1)", "nope", path)
            answer = world.api(operation.split()[0], missing, body)
            if answer.status_code >= 400:
                contract.check(operation, answer)


# ------------------------------------------------------------------------------------------------ projects and lists


def test_a_project_answers_to_its_number_and_to_its_path(world: World):
    by_number = world.api("GET", f"/projects/{world.project.id}").json()
    by_path = world.api("GET", f"/projects/{world.project.path.replace('/', '%2F')}").json()
    assert by_number == by_path
    assert by_path["path_with_namespace"] == world.project.path
    assert by_path["empty_repo"] is True


def test_a_list_is_cut_into_pages_that_name_one_another(world: World, copy: Copy):
    copy.push(*[f"main:refs/heads/b{number}" for number in range(5)])
    answer = world.api("GET", "repository/branches?per_page=3&page=2")
    assert [branch["name"] for branch in answer.json()] == ["b3", "b4", "main"]
    headers = {
        name: answer.headers[name] for name in ("X-Total", "X-Total-Pages", "X-Page", "X-Next-Page", "X-Prev-Page")
    }
    assert list(headers.values()) == ["7", "3", "2", "3", "1"]
    assert answer.links["next"]["url"].endswith("/repository/branches?per_page=3&page=3")
    last = world.api("GET", "repository/branches?per_page=3&page=3")
    assert last.headers["X-Next-Page"] == ""
    assert "next" not in last.links


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("search=one", ["topic/one"]),
        ("search=%5Etop", ["topic/one"]),
        ("search=n%24", ["main"]),
        ("search=TOPIC", ["topic/one"]),
        ("search=.", []),
        ("regex=%5E(main%7Cx)%24", ["main"]),
    ],
)
@pytest.mark.usefixtures("copy")
def test_branches_are_searched(world: World, query: str, names: list[str]):
    assert [branch["name"] for branch in world.api("GET", f"repository/branches?{query}").json()] == names


@pytest.mark.usefixtures("copy")
def test_search_and_regex_exclude_one_another(world: World):
    assert world.api("GET", "repository/branches?search=a&regex=b").status_code == 400


def test_a_commit_carries_its_trailers_and_line_counts(world: World):
    copy = world.first_commit()
    commit = world.api("GET", "repository/commits/main").json()
    assert commit["id"] == copy.head()
    assert commit["trailers"] == {"Run": "42", "Triggered-by": "alice@example.com"}
    assert commit["stats"] == {"additions": 1, "deletions": 0, "total": 1}


# ------------------------------------------------------------------------------------------------ tokens


@pytest.mark.usefixtures("copy")
@pytest.mark.parametrize(
    ("token", "method", "path", "status"),
    [
        (None, "GET", "repository/branches", 404),
        (None, "GET", "/user", 401),
        ("sandbox-wrong-token", "GET", "repository/branches", 401),
        (OLD, "GET", "repository/branches", 401),
        (READ, "GET", "repository/branches", 403),
        (READ, "GET", "/personal_access_tokens/self", 200),
        (API_READ, "GET", "repository/branches", 200),
        (API_READ, "POST", "repository/tags", 403),
        (DEV, "POST", "repository/tags", 201),
        (BOT, "DELETE", "repository/branches", 405),
    ],
)
def test_a_token_may_do_what_its_scopes_say(world: World, token: str | None, method: str, path: str, status: int):
    body = {"tag_name": "v1.0.0", "ref": "main"}
    answer = world.api(method, path, body if method == "POST" else None, token=token)
    assert answer.status_code == status, answer.text


def test_a_bearer_token_is_taken_too(world: World, copy: Copy):
    assert copy.head()
    import httpx  # noqa: PLC0415 - only here is a header of one's own needed

    url = f"{world.sandbox.url}/api/v4/user"
    assert httpx.get(url, headers={"Authorization": f"Bearer {BOT}"}).json()["username"] == "stationmaster"


def test_an_expired_token_says_so(world: World):
    assert "expired" in world.api("GET", "/user", token=OLD).json()["error_description"]


def test_a_public_project_can_be_read_by_anybody(sandbox: GitLabSandbox, tmp_path: Path):
    world = fresh_world(sandbox, tmp_path, visibility="public")
    world.first_commit()
    assert world.api("GET", "repository/branches", token=None).status_code == 200
    assert world.api("POST", "repository/tags", {"tag_name": "v1", "ref": "main"}, token=None).status_code == 401


# ------------------------------------------------------------------------------------------------ refusals, in order


@pytest.mark.usefixtures("copy")
def test_releases_are_refused_in_gitlabs_order(world: World):
    world.api("POST", "repository/tags", {"tag_name": "v1.0.0", "ref": "main"})
    assert world.api("POST", "releases", RELEASE).status_code == 201
    world.project.protection.protect_tag("v*", level=40)
    milestone = {**RELEASE, "milestones": ["none"]}

    assert world.api("POST", "releases", {}).json() == {"error": "tag_name is missing"}
    assert world.api("POST", "releases", RELEASE, token=DEV).status_code == 403  # protected, though it exists
    answer = world.api("POST", "releases", milestone)
    assert (answer.status_code, answer.json()) == (409, {"message": "Release already exists"})
    assert world.api("POST", "releases", {**milestone, "tag_name": "v2.0.0"}).status_code == 400
    answer = world.api("POST", "releases", {"tag_name": "v2.0.0"})
    assert (answer.status_code, answer.json()) == (422, {"message": "Ref is not specified"})


@pytest.mark.usefixtures("copy")
def test_a_refused_release_may_leave_its_tag_behind(world: World):
    wrong = {"tag_name": "v3", "ref": "main", "assets": {"links": [{"name": "x", "url": "file:///etc/passwd"}]}}
    assert world.api("POST", "releases", wrong).status_code == 400
    assert world.api("GET", "releases/v3").status_code == 404
    assert world.api("GET", "repository/tags/v3").status_code == 200


@pytest.mark.usefixtures("copy")
def test_deleting_a_release_keeps_its_tag(world: World):
    world.api("POST", "releases", {**RELEASE, "ref": "main"})
    assert world.api("DELETE", "releases/v1.0.0").json()["tag_name"] == "v1.0.0"
    assert world.api("GET", "releases/v1.0.0").status_code == 404
    assert world.api("GET", "repository/tags/v1.0.0").json()["release"] is None


@pytest.mark.usefixtures("copy")
def test_a_tag_that_exists_or_is_no_legal_name_is_refused(world: World):
    assert world.api("POST", "repository/tags", {"tag_name": "v1", "ref": "main"}).status_code == 201
    answer = world.api("POST", "repository/tags", {"tag_name": "v1", "ref": "main"})
    assert (answer.status_code, answer.json()) == (400, {"message": "Tag v1 already exists"})
    assert world.api("POST", "repository/tags", {"tag_name": "a..b", "ref": "main"}).status_code == 400
    assert world.api("POST", "repository/tags", {"tag_name": "v2", "ref": "nope"}).status_code == 400


@pytest.mark.parametrize(
    ("link", "problem"),
    [
        ({"name": "train.dvc", "url": "https://example.com/other"}, "name"),
        ({"name": "other", "url": "https://example.com/train.dvc"}, "url"),
        ({"name": "other", "url": "javascript:alert(1)"}, "url"),
        ({"name": "other", "url": "https://example.com/o", "direct_asset_path": "no-slash"}, "filepath"),
        ({"name": "other", "url": "https://example.com/o", "direct_asset_path": "/" + "a" * 128}, "filepath"),
    ],
)
@pytest.mark.usefixtures("copy")
def test_a_link_is_unique_in_its_release_and_well_formed(world: World, link: dict[str, str], problem: str):
    world.api("POST", "releases", {**RELEASE, "ref": "main"})
    answer = world.api("POST", "releases/v1.0.0/assets/links", link)
    assert answer.status_code == 400
    assert list(answer.json()["message"]) == [problem]


@pytest.mark.usefixtures("copy")
def test_a_second_open_merge_request_is_refused_until_the_first_is_merged(world: World, copy: Copy):
    wanted = {"source_branch": "topic/one", "target_branch": "main", "title": "One"}
    assert world.api("POST", "merge_requests", wanted).json()["iid"] == 1
    assert world.api("POST", "merge_requests", wanted).status_code == 409
    copy.push("topic/one:main")
    assert world.api("GET", "merge_requests/1").json()["state"] == "merged"
    assert world.api("GET", "merge_requests?state=opened").json() == []


def test_a_commit_status_is_replaced_by_the_next_of_its_name(world: World, copy: Copy):
    sha = copy.head()
    for state in ("running", "success"):
        world.api("POST", f"statuses/{sha}", {"state": state, "name": "train"})
    assert [it["status"] for it in world.api("GET", f"repository/commits/{sha}/statuses").json()] == ["success"]
    assert len(world.api("GET", f"repository/commits/{sha}/statuses?all=true").json()) == 2
    assert world.api("POST", f"statuses/{sha}", {"state": "done"}).status_code == 400
