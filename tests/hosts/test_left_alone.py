"""Sites that serve, or that refuse because an operator wants it so: unasked nothing is started or changed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import names
import operators
import pytest
from test_migrations import applied, invocation
from test_playbooks import CHECKOUT, publish
from tiers import each_change
from unharmed import left_as_it_was

import lab
from lab.site import Site, named

REFUSES, STOPPED = "proxy/refuses-by-itself", "service/stopped"


def answers(site: Site, times: int = 30) -> set[int]:
    """What the API answers, asked so many times: each worker is asked."""
    return {site.host.ask(site.shape.api_path)[0] for _ in range(times)}


def state(site: Site, unit: str, name: str = "ActiveState") -> str:
    """A property of a unit."""
    return site.host.run(f"systemctl show -P {name} {unit}").stdout.strip()


def recovered(site: Site, *words: str, **settings: Any) -> tuple[int, dict[str, Any], str]:
    """A recovery that looks at everything."""
    code, incident, output = site.play("recover", *words, rescue502_level="full", **settings)
    return code, dict(incident), output


@pytest.fixture(scope="module")
def maintained(worker_id: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A host on which an operator has a maintenance at hand."""
    host = lab.Host(names.of(worker_id, "maintained")).up()
    host.break_with("", operators.PREPARE)
    yield Site(host, tmp_path_factory.mktemp("maintained"))
    host.down()


@pytest.mark.xdist_group("maintained")
@pytest.mark.parametrize("name", each_change("return", of=operators.MAINTENANCES))
def test_a_maintenance_is_not_ended(maintained: Site, name: str) -> None:
    """nginx is configured to answer without the app, which an operator has stopped: it stays so, and is reported."""
    site, (status, lines) = maintained, operators.MAINTENANCES[name]
    site.host.break_with("", operators.MAINTAIN.replace("LINES", lines.replace("PROXY", operators.USUAL)))
    site.host.break_with("", f'until_true "{operators.ANSWERS.replace("STATUS", str(status))}"')
    assert state(site, site.shape.unit) == "inactive"
    with left_as_it_was(site):
        for words in ([], ["--check"]):
            code, incident, output = recovered(site, *words)
            assert [item["id"] for item in incident["root_causes"]] == [REFUSES], output
            assert [item["id"] for item in incident["also_found"]] == [STOPPED], output
            assert incident["actions"] == [], output
            assert (code, incident["outcome"]) == (2, "needs-human"), output
    assert state(site, site.shape.unit) == "inactive"
    approvals = [item["approve_with"] for item in incident["awaiting"] if item["id"] == STOPPED]
    assert approvals == [f"rescue502_approve=[{STOPPED}]"], output


@pytest.mark.xdist_group("maintained")
def test_after_the_maintenance_the_site_comes_back(maintained: Site) -> None:
    """Nothing refuses any more, and the app is still stopped: that is an outage, which is repaired unasked."""
    maintained.host.break_with("", f"{operators.ENDED}; stop_app; sleep 1")
    assert answers(maintained, 3) == {502}
    code, incident, output = recovered(maintained)
    assert (code, incident["outcome"], named(incident)) == (0, "recovered", [STOPPED]), output
    assert "the edge answers again" in incident["message"]
    assert answers(maintained, 3) == {200}


@pytest.mark.nightly
@pytest.mark.xdist_group("maintained")
def test_a_unit_file_in_the_making_is_not_loaded(maintained: Site) -> None:
    """On a site that serves systemd keeps what it has loaded, until somebody asks for another."""
    site, half = maintained, "printf '\\n[Service]\\nExecStart=\\nExecStart=/usr/bin/not-yet' >> \"$UNIT_FILE\""
    site.host.break_with("", f'cp "$UNIT_FILE" /srv/unit; {operators.ENDED}; systemctl start "$UNIT"; sleep 3; {half}')
    unit, before = site.shape.unit, invocation(site)
    assert state(site, unit, "NeedDaemonReload") == "yes"
    with left_as_it_was(site):
        code, incident, output = recovered(site)
    assert (code, incident["outcome"], incident["actions"]) == (0, "degraded", []), output
    assert named(incident) == ["service/unit-changed"], output
    assert (state(site, unit, "NeedDaemonReload"), invocation(site)) == ("yes", before)
    code, incident, output = recovered(site, rescue502_approve=["service/unit-changed"])
    assert [(action["remedy"], action["ok"]) for action in incident["actions"]] == [("daemon_reload", True)], output
    assert (state(site, unit, "NeedDaemonReload"), invocation(site)) == ("no", before)
    assert answers(site, 3) == {200}
    site.host.break_with("", 'cp /srv/unit "$UNIT_FILE"; systemctl daemon-reload')


@pytest.mark.nightly
@pytest.mark.xdist_group("maintained")
@pytest.mark.parametrize(
    "half", ["ExecStart=\\nExecStart=/usr/bin/not-yet", "ExecStart=", "WorkingDirectory=not/absolute"]
)
def test_a_unit_file_in_the_making_is_not_loaded_where_the_site_is_down(maintained: Site, half: str) -> None:
    """What systemd has loaded brings the site back, and the file stays as it is, for who is writing it."""
    site, unit = maintained, maintained.shape.unit
    site.host.break_with("", f'{operators.ENDED}; cp "$UNIT_FILE" /srv/unit; systemctl start "$UNIT"')
    site.host.break_with("", f"stop_app; sleep 1; printf '\\n[Service]\\n{half}\\n' >> \"$UNIT_FILE\"")
    assert state(site, unit, "NeedDaemonReload") == "yes"
    code, incident, output = recovered(site)
    assert [action["remedy"] for action in incident["actions"]] == ["restart"], output
    assert {"service/stopped", "service/unit-changed"} <= set(named(incident)), output
    assert (state(site, unit), state(site, unit, "NeedDaemonReload"), answers(site, 3)) == ("active", "yes", {200})
    assert code in (0, 6), output
    site.host.break_with("", 'cp /srv/unit "$UNIT_FILE"; systemctl daemon-reload')


@pytest.mark.xdist_group("maintained")
@pytest.mark.parametrize("side", each_change("its own", of=operators.CONFLICTS))
def test_what_runs_while_the_app_is_to_be_down_is_not_ended(maintained: Site, side: str) -> None:
    """A cold backup, say: systemd would end it to start the app. It is named, and no approval starts the app."""
    site, unit = maintained, maintained.shape.unit
    site.host.break_with("", f'{operators.ENDED}; systemctl start "$UNIT"; {operators.CONFLICTS[side]}')
    backup = site.host.run("systemctl show -P InvocationID cold-backup.service").stdout
    assert (state(site, "cold-backup.service"), state(site, unit)) == ("active", "inactive")
    for approved in ([], [STOPPED]):
        code, incident, output = recovered(site, rescue502_approve=approved)
        assert (code, incident["outcome"], incident["actions"]) == (2, "needs-human", []), output
        assert "service/kept-down" in named(incident), output
    assert site.host.run("systemctl show -P InvocationID cold-backup.service").stdout == backup
    assert (state(site, "cold-backup.service"), state(site, unit)) == ("active", "inactive")
    site.host.run("systemctl stop cold-backup.service")
    code, incident, output = recovered(site)
    assert (code, incident["outcome"], state(site, unit)) == (0, "recovered", "active"), output
    site.host.break_with("", operators.TOGETHER_AGAIN)


@pytest.mark.nightly
@pytest.mark.parametrize("what", operators.OTHERS_CONFLICTS)
def test_what_runs_while_another_server_is_to_be_down_is_not_ended(site: Site, what: str) -> None:
    """The same where it is nginx or the database that is to be down, also where a start of the app would start it."""
    script, cause, units = operators.OTHERS_CONFLICTS[what]
    site.host.break_with("", script)
    states = f"systemctl show -p Id -p ActiveState -p InvocationID cold-backup {units}"
    before = site.host.run(states).stdout
    assert (before.count("ActiveState=active"), "ActiveState=inactive" in before) == (1, True), before
    assert site.host.ask(site.shape.api_path)[0] != 200
    for approved in ([], [cause, STOPPED, "start_nginx", "start_database", "restart"]):
        code, incident, output = recovered(site, rescue502_approve=approved)
        assert cause in [item["id"] for item in incident["findings"]], output
        refused = [action["message"] for action in incident["actions"]]
        assert "cold-backup.service runs, and would be ended by the start (Conflicts=)" in " ".join(refused), output
        assert (code, [action for action in incident["actions"] if action["changed"]]) == (2, []), output
        assert site.host.run(states).stdout == before
    site.host.run("systemctl stop cold-backup")
    code, incident, output = recovered(site)
    assert (code, incident["outcome"], answers(site, 3)) == (0, "recovered", {200}), output


@pytest.mark.parametrize("mark", each_change(of=["", " down", " max_fails=0"]))
def test_a_drained_upstream_is_not_started(site: Site, mark: str) -> None:
    """One of two is stopped, by the operator; the other one answers throughout. `again` is said of nothing."""
    site.host.break_with("", operators.PEER.replace("MARK", mark))
    assert (answers(site), state(site, site.shape.unit)) == ({200}, "inactive")
    with left_as_it_was(site):
        code, incident, output = recovered(site)
    assert (code, incident["outcome"], incident["actions"]) == (0, "degraded", []), output
    assert named(incident) == [STOPPED], output
    assert "answers again" not in output
    assert (answers(site), state(site, site.shape.unit)) == ({200}, "inactive")
    code, incident, output = recovered(site, rescue502_approve=[STOPPED])
    assert (code, incident["outcome"], state(site, site.shape.unit)) == (0, "recovered", "active"), output
    assert "again" not in incident["message"], output


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("port", "edge"),
    [
        # nginx's address is the other front's; its own configuration names 443 as well, where nobody is.
        (80, []),
        (80, ["http://127.0.0.1/health/"]),
        # As behind a tunnel: nobody listens where nginx would.
        (8443, []),
    ],
)
def test_nginx_that_another_front_replaces_is_not_started(site: Site, port: int, edge: list[str]) -> None:
    """An operator has disabled it: it is neither started nor left failed, and what it would need is an approval."""
    site.host.break_with("", operators.FRONT.replace("PORT", str(port)))
    assert (state(site, "nginx", "UnitFileState"), state(site, "nginx")) == ("disabled", "inactive")
    site.full = False
    checks = {"rescue502_edge": [{"url": url, "host": site.shape.server_name} for url in edge]} if edge else {}
    with left_as_it_was(site):
        code, incident, output = recovered(site, **checks)
    assert incident["actions"] == [], output
    assert (code, incident["outcome"]) == ((0, "healthy") if edge else (2, "needs-approval")), output
    assert named(incident) == ([] if edge else ["proxy/stopped"]), output
    if port == 80 and not edge:
        assert "front.py" in incident["root_causes"][0]["because"], output
    assert (state(site, "nginx"), state(site, "front")) == ("inactive", "active")


@pytest.mark.parametrize("how", each_change("unchecked", of=["unchecked", "barred", "partly"]))
def test_tables_are_not_renamed_under_the_code_that_serves(site: Site, how: str) -> None:
    """New code was pulled, the old still serves, and the host is looked at for another reason."""
    # What a worker has not loaded yet it would load from the new code.
    assert answers(site) == {200}
    publish(site, operators.RENAMED)
    site.host.run(CHECKOUT + "pull -q")
    assert answers(site) == {200}
    had, before = applied(site), invocation(site)
    settings: dict[str, Any] = {}
    if how == "unchecked":
        site.full = False
    elif how == "barred":
        settings = {"rescue502_cors_origin": "https://another.example"}
    else:
        edge = site.shape.careful_settings()["rescue502_edge"]
        settings = {"rescue502_edge": [*edge, {**edge[0], "url": "http://127.0.0.1/not-there-yet/"}]}
    with left_as_it_was(site):
        _code, incident, output = recovered(site, **settings)
    assert incident["actions"] == [], output
    assert "schema/unapplied-migrations" in [item["id"] for item in incident["findings"]], output
    assert "recovered" not in incident["outcome"]
    assert (applied(site), invocation(site), answers(site)) == (had, before, {200})
    _code, incident, output = recovered(site, rescue502_approve=["schema/unapplied-migrations"], **settings)
    assert [action["remedy"] for action in incident["actions"]] == ["migrate", "restart"], output
    assert (applied(site), answers(site)) == (f"{had}sgis|0003_town\n", {200})
    # What an unasked migration alone would have been: the code that served fails on these tables.
    site.host.break_with("", operators.OLD_CODE_ON_NEW_TABLES)
    assert answers(site) == {500}


@pytest.mark.nightly
@pytest.mark.parametrize("full", [True, False])
@pytest.mark.parametrize("page", operators.SLOW_PAGES)
def test_a_page_that_takes_its_time_is_no_hang(site: Site, page: str, full: bool, tmp_path: Path) -> None:
    """At `/`, which is asked where no address is set: a stream without end, one of a known length, a slow page."""
    site.host.break_with("", operators.PAGE.replace("ANSWER", operators.SLOW_PAGES[page]))
    assert site.host.run("curl -sm 6 http://127.0.0.1:8000/", check=False).returncode == 28, "it takes longer than 6 s"
    before, site.full = invocation(site), full
    with left_as_it_was(site):
        code, incident, output = recovered(site, **({"rescue502_health_url": ""} if full else {}))
    assert incident["evidence"]["service"]["backend"]["url"].endswith(":8000/"), output
    assert (incident["actions"], invocation(site)) == ([], before), output
    # Where nothing is set, `/` at the edge is all that is asked: then a person is, and nothing is done unasked.
    found = [item["id"] for item in incident["findings"]]
    asked = (2, "needs-approval", ["service/hung"]) if page == "a slow page" else (2, "needs-human", [])
    assert (code, incident["outcome"], found) == ((0, "healthy", []) if full else asked), output
