"""What AWX refuses, or what is somebody else's there, is said in one sentence, and before anything is sent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import fake_awx
import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.awx import removal
from ansible_collections.rescue502.django.plugins.plugin_utils.awx.api import Api, ApiError, Login
from ansible_collections.rescue502.django.plugins.plugin_utils.awx.kinds import MARK, ObjectError
from ansible_collections.rescue502.django.plugins.plugin_utils.awx.presence import Presence
from fake_awx import TOKEN, FakeAwx

PROJECT = {"kind": "projects", "name": "ours", "organization": "Default", "scm_type": "git", "scm_url": "https://x/y"}
TEMPLATE = {"kind": "job_templates", "name": "ours recover", "project": "ours", "playbook": "playbooks/recover.yml"}
FLOW = {"kind": "workflow_job_templates", "name": "flow", "organization": "Default"}


@pytest.fixture
def awx() -> Iterator[FakeAwx]:
    with fake_awx.running() as awx:
        awx.add("organizations", name="Default")
        for _number in range(2):
            awx.add("credentials", name="twice")
        yield awx


def make(awx: FakeAwx, *items: dict[str, Any], token: str = TOKEN, check_mode: bool = False) -> list[str]:
    """Make them, or in check mode say what would be made."""
    presence = Presence(Api(awx.url, Login(token), check_mode=check_mode), items, sync_seconds=0.2)
    presence.make()
    return presence.changes


@pytest.mark.parametrize(
    ("items", "words"),
    [
        ([PROJECT | {"organization": "none"}], "AWX has no organization 'none', or this account may not see it"),
        ([PROJECT | {"credential": "none"}], "AWX has no credential 'none'"),
        ([PROJECT | {"credential": "twice"}], "AWX has 2 of the credential 'twice': rename one"),
        ([PROJECT | {"scm_colour": "red"}], 'project "ours": this AWX has no field scm_colour'),
        ([PROJECT, TEMPLATE | {"forks": "many"}], 'job template "ours recover": .*many'),
        ([PROJECT, TEMPLATE | {"linked": {"labels": ["x"]}}], "'labels' is not one of: credentials"),
        ([TEMPLATE, PROJECT], 'job template "ours recover" stands before what it names: ours'),
        ([FLOW | {"nodes": [{"identifier": "a", "success_nodes": ["b"]}]}], 'workflow template "flow" has no node b'),
        ([{"kind": "playbooks", "name": "x"}], "kind that is one of: organizations"),
    ],
)
def test_what_is_described_wrongly_sends_nothing(awx: FakeAwx, items: list[dict[str, Any]], words: str) -> None:
    with pytest.raises(ObjectError, match=words):
        make(awx, *items, check_mode=True)
    assert awx.writes() == []


def test_an_account_that_may_not_make_it(awx: FakeAwx) -> None:
    awx.forbidden.add("job_templates")
    with pytest.raises(ObjectError, match=r"may not make a job template in AWX\. Nothing was changed"):
        make(awx, PROJECT, TEMPLATE)
    assert awx.writes() == []
    with pytest.raises(ApiError, match="401: Authentication credentials were not provided"):
        make(awx, PROJECT, token="another")


def test_what_somebody_else_has_made_stays(awx: FakeAwx) -> None:
    """Neither changed nor removed, unless its description says that it is ours."""
    theirs = awx.add("projects", name="ours", organization=1, scm_url="https://theirs", description="Mine.")
    with pytest.raises(ObjectError, match=f"has not made: choose another awx_prefix, or put '{MARK}' into"):
        make(awx, PROJECT)
    api = Api(awx.url, Login(TOKEN))
    assert removal.remove(api, [PROJECT]) == ([], ['left the project "ours", which rescue502 has not made'])
    assert awx.writes() == []
    theirs["description"] = f"Mine. {MARK}"
    theirs["updates"] = ["successful"]
    assert make(awx, PROJECT) == ['changed description, scm_type, scm_url of the project "ours"']
    assert theirs["scm_url"] == "https://x/y"


@pytest.mark.parametrize("status", ["failed", "canceled"])
def test_a_project_that_cannot_be_updated(awx: FakeAwx, monkeypatch: pytest.MonkeyPatch, status: str) -> None:
    """No template is tried then: AWX would refuse its playbook, which is not the cause."""
    monkeypatch.setattr(fake_awx, "UPDATE", ["pending", status])
    with pytest.raises(ObjectError, match=f"its update is '{status}'; its last job in AWX says why"):
        make(awx, PROJECT, TEMPLATE)
    assert [path for _method, path in awx.writes()] == ["/api/v2/projects/"]


def test_awx_waits_for_the_files_of_a_project(awx: FakeAwx) -> None:
    """The fake refuses a playbook of a project whose update has not ended, as AWX does."""
    own = awx.add("projects", name="slow", organization=1)
    api = Api(awx.url, Login(TOKEN))
    with pytest.raises(ApiError, match=r"400: playbook: Playbook not found for project\."):
        api.send("POST", "job_templates/", {"name": "x", "project": own["id"], "playbook": "playbooks/recover.yml"})
    assert len(make(awx, PROJECT, TEMPLATE)) == 2


def test_long_lists_have_pages(awx: FakeAwx) -> None:
    awx.largest_page = 2
    for number in range(5):
        awx.add("teams", name=f"team {number}", organization=1)
    assert len(list(Api(awx.url, Login(TOKEN)).all("teams/"))) == 5


@pytest.mark.parametrize("url", ["awx.example.org", "file:///etc/passwd", ""])
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(ApiError, match="is not a valid address of AWX"):
        Api(url, Login(TOKEN))


def test_a_redirect_gets_no_token(awx: FakeAwx, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token is for the AWX that was named."""
    with fake_awx.running() as other:
        monkeypatch.setattr(awx, "moved_to", other.url)
        with pytest.raises(ApiError, match="301"):
            make(awx, PROJECT)
        assert other.requests == []
