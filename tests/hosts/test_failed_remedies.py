"""A remedy that fails: its words are reported, what does not depend on it is done, and the run does not end with 0."""

from __future__ import annotations

from typing import Any

import pytest

from lab.site import Site, named

# PostgreSQL's own unit fails, in systemd's words.
CANNOT_START = """
mkdir -p /run/systemd/system/postgresql@15-main.service.d
printf '[Service]\\nExecStartPre=/bin/sh -c "echo no room at the inn >&2; exit 3"\\n' \
    > /run/systemd/system/postgresql@15-main.service.d/refuse.conf
systemctl daemon-reload
"""


# Which start of the app's unit this is, and how often systemd itself has restarted it since somebody else has.
STARTS = "systemctl show -P InvocationID $UNIT; systemctl show -P NRestarts $UNIT"


def done(incident: Any) -> list[tuple[str, bool]]:
    """Each remedy that was applied, and whether it succeeded."""
    return [(action["remedy"], action["ok"]) for action in incident["actions"]]


@pytest.mark.nightly
def test_what_does_not_depend_on_it_is_done(site: Site) -> None:
    """The package cannot be had: the app is not restarted without it, nor loaded by collectstatic; nginx is started."""
    site.host.run("mv /var/cache/wheels /var/cache/wheels.gone")
    site.host.break_with("dependencies/missing")
    site.host.break_with("files/static-missing", "rm -rf $STATIC_ROOT; systemctl stop nginx")
    assert site.host.ask(site.shape.api_path)[0] == 0, "nobody answers at the edge"
    code, incident, output = site.play("recover")
    assert {"dependencies/missing", "proxy/stopped"} <= set(named(incident)), output
    assert done(incident) == [("pip_install", False), ("start_nginx", True)], output
    assert code == 2, output
    assert "slugify" in incident["actions"][0]["message"], "pip's own words"
    assert any("dependencies/missing is not repaired yet" in item["why"] for item in incident["held_back"]), output
    assert site.rescue502("recover").returncode == 2
    site.host.run("mv /var/cache/wheels.gone /var/cache/wheels")
    code, incident, output = site.play("recover")
    assert (code, incident["outcome"]) == (0, "recovered"), output
    remedies = [action["remedy"] for action in incident["actions"]]
    assert remedies.index("pip_install") < remedies.index("collectstatic"), "what loads the app comes after"


@pytest.mark.nightly
def test_a_package_is_installed_though_the_database_does_not_start(site: Site) -> None:
    """Neither needs the other; the app, which needs both, is not started before both are repaired."""
    site.host.run(CANNOT_START)
    site.host.break_with("dependencies/missing")
    site.host.break_with("database/stopped")
    before = site.host.run(STARTS).stdout.split()
    code, incident, output = site.play("recover")
    assert {"dependencies/missing", "database/stopped"} <= set(named(incident)), output
    assert sorted(done(incident)) == [("pip_install", True), ("start_database", False)], output
    assert (code, incident["outcome"]) == (2, "failed"), output
    after = site.host.run(STARTS).stdout.split()
    assert after == before or int(after[1]) > int(before[1]), "systemd itself tries it again, and nobody else does"
    site.host.run("rm -r /run/systemd/system/postgresql@15-main.service.d; systemctl daemon-reload")
    code, incident, output = site.play("recover")
    assert (code, incident["outcome"]) == (0, "recovered"), output


@pytest.mark.nightly
def test_a_migration_waits_for_the_package_that_failed_and_nginx_is_reloaded(site: Site) -> None:
    """What loads the app comes after what it needs, and is not done without it; what lies above is done."""
    site.host.run("mv /var/cache/wheels /var/cache/wheels.gone")
    site.host.break_with("schema/unapplied-migrations")
    site.host.break_with("dependencies/missing")
    site.host.break_with("proxy/stopped")
    applied = "runuser -u postgres -- psql -AtXd xamila -c 'SELECT count(*) FROM django_migrations'"
    had = site.host.run(applied).stdout
    code, incident, output = site.play("recover")
    assert done(incident) == [("pip_install", False), ("start_nginx", True)], output
    assert (code, site.host.run(applied).stdout) == (2, had), output
    site.host.run("mv /var/cache/wheels.gone /var/cache/wheels")
    code, incident, output = site.play("recover")
    assert (code, incident["outcome"]) == (0, "recovered"), output
    remedies = [action["remedy"] for action in incident["actions"]]
    assert remedies.index("pip_install") < remedies.index("migrate"), output


def test_what_a_command_said_is_reported_and_the_run_does_not_end_with_0(site: Site) -> None:
    """A unit that systemd cannot start, in a task that logs nothing; and a static folder on a site that answers."""
    site.host.run(CANNOT_START)
    site.host.break_with("database/stopped")
    started = site.host.run("systemctl start postgresql@15-main", check=False)
    assert "control process exited with error code" in started.stderr, "the fault"
    code, incident, output = site.play("recover")
    assert done(incident)[0] == ("start_database", False), output
    message = incident["actions"][0]["message"]
    assert "control process exited with error code" in message, message
    assert "censored" not in message
    assert code == 2, output
    site.host.run("rm -r /run/systemd/system/postgresql@15-main.service.d; systemctl daemon-reload")
    assert site.play("recover")[0] == 0
    # The edge answers throughout, so that the outcome alone would be no failure.
    site.host.break_with("", "rm -rf $STATIC_ROOT; install -d -o root -g root -m 755 $STATIC_ROOT")
    approved = {"rescue502_approve": ["files/static-missing"]}
    code, incident, output = site.play("recover", **approved)
    assert (code, incident["outcome"], done(incident)) == (2, "degraded", [("collectstatic", False)]), output
    assert "PermissionError" in incident["actions"][0]["message"], output
    assert site.host.ask(site.shape.api_path)[0] == 200
    assert site.rescue502("recover", "--approve", "files/static-missing").returncode == 6


@pytest.mark.nightly
def test_a_unit_that_nothing_keeps_loaded(site: Site) -> None:
    """Not enabled and stopped: what starts something does so, though there is nothing to reset."""
    # The app's unit names PostgreSQL's, which keeps it loaded while the app runs.
    also = {"nginx": "", "postgresql@15-main": f"postgresql {site.shape.unit}"}
    for unit, remedy in (("nginx", "start_nginx"), ("postgresql@15-main", "start_database")):
        site.host.run(f"systemctl disable --now {unit} {also[unit]}")
        reset = site.host.run(f"systemctl reset-failed {unit}", check=False)
        assert "not loaded" in reset.stderr, f"the fault: nothing keeps {unit} loaded"
        assert site.host.ask(site.shape.api_path)[0] != 200
        _code, incident, output = site.play("recover")
        assert (remedy, True) in done(incident), output
        assert site.host.ask(site.shape.api_path)[0] == 200
