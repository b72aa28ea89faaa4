"""The settings of a host: what holds where nothing is set, what is taken as it is, and what is refused."""

from __future__ import annotations

import os
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import own_path
from ansible_collections.rescue502.django.plugins.plugin_utils.run import ansible_version, settings
from ansible_collections.rescue502.django.plugins.plugin_utils.run.brake import Brake
from ansible_collections.rescue502.django.plugins.plugin_utils.run.settings import Settings, SettingsError


class Templar:
    """Stands for Ansible's: renders the one expression that these tests use."""

    @staticmethod
    def template(value: Any) -> Any:
        return "rendered" if value == "{{ expression }}" else value


def read(for_run: tuple[str, ...] = (), hosts: tuple[str, ...] = ("web1",), **given: Any) -> Settings:
    """Settings of web1 by their names without the prefix, in a run on these hosts."""
    variables = {f"rescue502_{name}": value for name, value in given.items()}
    places = {"inventory_hostname": "web1", "groups": {"all": ["web1", "web2"]}, "ansible_play_hosts_all": hosts}
    return settings.read(variables | places, Templar(), for_run)


def test_where_nothing_is_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The defaults, and this run's own name; nothing is approved, and the probe finds everything itself."""
    monkeypatch.chdir(tmp_path)
    given = settings.read({"inventory_hostname": "web1"}, None)
    assert (given.probe, given.approvals, given.level) == ({}, [], "auto")
    assert (given.hold_seconds, given.settle_seconds, given.deadline) == (5, 20, 300)
    assert (given.budget, given.budget_window, given.others_patience) == (3, 3600, 60)
    assert given.edge_from_controller is True
    assert (given.reports, given.failure_paths) == (tmp_path / "reports", [own_path()])
    assert given.incident == settings.RUN_ID
    assert (given.scope.host, given.scope.inventory, given.scope.run) == ("web1", (), ())
    assert given.host_to_name() == ""


def test_what_is_set() -> None:
    """Each number and name where it belongs; text that is a number is one, as `-e` gives it."""
    given = read(
        hold_seconds="1.5", settle_seconds=0, deadline=60, budget="2", budget_window=600, level="deep", incident="i-7"
    )
    assert (given.hold_seconds, given.settle_seconds, given.deadline) == (1.5, 0, 60)
    assert (given.budget, given.budget_window, given.level, given.incident) == (2, 600, "deep", "i-7")
    assert isinstance(given.budget, int)


def test_the_probe_gets_what_is_set_for_it() -> None:
    """Rendered, without the prefix; what is none counts as not set, and what is not the probe's stays here."""
    given = read(unit="{{ expression }}", root="", venv=None, edge=[{"url": "https://x/"}], budget=2, other="x")
    assert given.probe == {"unit": "rendered", "root": "", "edge": [{"url": "https://x/"}]}


def test_folders_are_from_where_ansible_was_started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Or from the user's home; empty ones are left out."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/ada")
    given = read(reports="~/reports", failures_path=["own", "", "/etc/modes"])
    assert given.reports == Path("/home/ada/reports")
    assert given.failure_paths == [own_path(), tmp_path / "own", Path("/etc/modes")]
    assert read(failures_path="own").failure_paths == [own_path(), tmp_path / "own"]


def test_an_incident_is_a_file_name() -> None:
    """It becomes a folder, and a mark in the target's environment."""
    assert os.sep not in read(incident="../../etc").incident
    assert read(incident="").incident == settings.RUN_ID


@pytest.mark.parametrize(
    ("name", "value", "what"),
    [
        ("hold_seconds", "soon", "a number of seconds"),
        ("hold_seconds", [1], "a number of seconds"),
        ("settle_seconds", -0.5, "a number of seconds"),
        ("deadline", "inf", "a number of seconds"),
        ("budget_window", "nan", "a number of seconds"),
        ("budget", "many", "a number of tries"),
        ("budget", -1, "a number of tries"),
        ("edge_from_controller", "perhaps", "true or false"),
    ],
)
def test_a_value_that_cannot_be_meant(name: str, value: Any, what: str) -> None:
    """Refused by its name, and what it should be."""
    with pytest.raises(SettingsError) as refused:
        read(**{name: value})
    assert str(refused.value) == f"rescue502_{name}: '{value}' is not {what}"


def test_what_makes_a_play_fail_is_one_of_the_outcomes() -> None:
    """One, several, or none; of several each is looked at."""
    assert read(fail_on="harmed").fail_on == ["harmed"]
    assert read(fail_on=[]).fail_on == []
    with pytest.raises(SettingsError, match=r"^rescue502_fail_on: 'broken' is not one of: healthy, "):
        read(fail_on=["harmed", "broken"])


def test_a_host_chooses_no_settings() -> None:
    """Facts named like settings: Ansible would prefer them to the inventory's."""
    variables = {"inventory_hostname": "web1", "ansible_facts": {"os": 1, "rescue502_b": 1, "rescue502_a": "x"}}
    with pytest.raises(SettingsError) as refused:
        settings.read(variables, Templar())
    reported = "the host returned settings of ours as facts (rescue502_a, rescue502_b): do not trust it"
    assert str(refused.value) == reported
    assert settings.read({**variables, "ansible_facts": {"os": 1}}, Templar()).probe == {}


def test_a_host_does_not_flood_the_terminal() -> None:
    """The names of what it returned are the host's text: at most 200 characters of them."""
    variables = {"inventory_hostname": "web1", "ansible_facts": {"rescue502_" + "x" * 999: 1}}
    with pytest.raises(SettingsError) as refused:
        settings.read(variables, Templar())
    assert f"({'rescue502_' + 'x' * 190}…)" in str(refused.value)


def test_an_old_ansible_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is read, in its own sentence."""
    monkeypatch.setattr(ansible_version, "complaint", lambda: "too old")
    with pytest.raises(SettingsError, match=r"^too old$"):
        read(hold_seconds="soon")


def test_approvals_of_this_host() -> None:
    """Those in the inventory hold for the host; of those for the whole run, a doubtful one is an error."""
    both, known = ("web1", "web2"), {"code/syntax-error", "service/masked"}
    text = "code/syntax-error, service/masked@web2"
    assert read(approve=text, hosts=both).approved(known) == ["code/syntax-error"]
    assert read(approve=text, for_run=("rescue502_approve",)).approved(known) == ["code/syntax-error"]
    with pytest.raises(SettingsError, match="would hold on all 2 hosts"):
        read(approve=text, for_run=("rescue502_approve",), hosts=both).approved(known)
    with pytest.raises(SettingsError, match="no host of the inventory"):
        read(approve="service/masked@web3").approved(known)
    with pytest.raises(SettingsError, match=r"rescue502_approve: 7 "):
        read(approve=[7])


def test_an_approval_ends_at_its_time() -> None:
    """By the controller's clock, whatever zone the approval is written in."""
    now = datetime.now(timezone(timedelta(hours=9)))
    soon, past = (now + timedelta(minutes=5)).isoformat(), (now - timedelta(minutes=5)).isoformat()
    name = "service/masked"
    assert read(approve=[{"id": name, "until": soon}]).approved({name}) == [name]
    with pytest.raises(SettingsError, match="expired"):
        read(approve=[{"id": name, "until": past}]).approved({name})


@pytest.mark.parametrize(("hosts", "named"), [((), ""), (("web1",), ""), (("web1", "web2"), "web1")])
def test_an_approval_names_its_host_in_a_run_on_several(hosts: tuple[str, ...], named: str) -> None:
    """Alone it needs no name."""
    assert read(hosts=hosts).host_to_name() == named


@pytest.mark.parametrize(
    ("given", "brake"),
    [
        ({}, Brake(share=0.3, canary=1)),
        ({"max_broken": "50%", "canary": 2}, Brake(share=0.5, canary=2)),
        ({"max_broken": "12"}, Brake(most=12)),
        ({"max_broken": 0}, Brake(most=0)),
    ],
)
def test_the_brake(given: dict[str, Any], brake: Brake) -> None:
    """A part of the run's hosts, or a number of them."""
    assert read(**given).brake == brake


@pytest.mark.parametrize("given", [{"max_broken": "many"}, {"max_broken": "-3"}, {"max_broken": "x%"}, {"canary": "y"}])
def test_a_brake_that_is_no_number(given: dict[str, Any]) -> None:
    """Refused by name: a fleet is not repaired side by side for a misspelt number."""
    with pytest.raises(SettingsError, match=f"rescue502_{next(iter(given))}: .* is not a number of hosts"):
        read(**given)


def test_a_slice_of_an_awx_job() -> None:
    """Its approvals name their host, and its table says what it is of; a job of one slice is whole."""
    variables = {"inventory_hostname": "web1", "awx_job_slice_count": "3", "awx_job_slice_number": 2}
    given = settings.read(variables, None)
    assert (given.scope.slices, given.host_to_name()) == (3, "web1")
    assert given.slice_words.startswith("Slice 2 of 3:")
    assert settings.read({**variables, "awx_job_slice_count": 1}, None).slice_words == ""


def test_a_job_of_awx() -> None:
    """What AWX gives it is text: it is neither rendered nor obeyed."""
    variables = {
        "inventory_hostname": "web1", "awx_job_id": 17, "tower_job_id": 17,
        "awx_user_name": "{{ 7 * 7 }}\x1b[31m\nroot",
        "awx_job_template_name": "rescue502 recover", "awx_schedule_name": "",
    }  # fmt: skip
    assert settings.read(variables, None).awx == {
        "job": "17", "template": "rescue502 recover", "user": "{{ 7 * 7 }} root",
    }  # fmt: skip
    assert settings.read({"inventory_hostname": "web1", "awx_user_name": "x"}, None).awx == {}


@pytest.mark.parametrize(
    ("variables", "kept"),
    [({}, True), ({"awx_job_id": 17}, False), ({"awx_job_id": 17, "rescue502_reports": "/srv/reports"}, True)],
)
def test_where_reports_are_kept(variables: dict[str, Any], kept: bool) -> None:
    """In a job of AWX's only where a folder is named."""
    templar = SimpleNamespace(template=lambda value: value)
    assert settings.read({"inventory_hostname": "web1", **variables}, templar).keeps_reports is kept


def test_a_preflight_needs_the_front_ends_origin() -> None:
    """Nobody but a page of another origin asks so."""
    check = {"url": "https://shop.example/api/", "preflight": "POST"}
    with pytest.raises(SettingsError, match="set rescue502_cors_origin too"):
        read(edge=[{"url": "https://shop.example/"}, check])
    assert read(edge=[check], cors_origin="https://www.shop.example").probe["edge"] == [check]
