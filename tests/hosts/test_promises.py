"""What must hold whatever happens: little to configure, clear errors, secrets kept, a check that changes nothing."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import yaml

from lab.site import Site, differences, named


def test_the_unit_alone_is_enough(site: Site) -> None:
    """Root, venv, user, environment file, upstream, server names and database are discovered."""
    site.full = False
    code, incident, output = site.play("diagnose", rescue502_level="full")
    assert code == 0, output
    stack = incident["evidence"]["stack"]
    assert stack["root"] == "/var/www/xamila/xamila_backend"
    assert stack["venv"] == "/var/www/xamila/xamila_backend/venv"
    assert (stack["user"], stack["group"]) == ("www-data", "www-data")
    assert stack["env_files"] == ["/var/www/xamila/xamila_backend/.env"]
    assert [(bind["host"], bind["port"]) for bind in stack["bind"]] == [("127.0.0.1", 8000)]
    assert stack["locations"][0]["server_names"] == ["api.xamila.example"]
    assert stack["database_unit"] == "postgresql"
    assert incident["evidence"]["database"]["name"] == "xamila"


def test_without_edge_checks_a_broken_host_is_repaired_all_the_same(site: Site) -> None:
    """With the unit alone: the database is down, only the API notices, and it is found and repaired."""
    site.full = False
    site.host.break_with("database/stopped")
    code, incident, output = site.play("recover")
    assert (code, named(incident)) == (0, ["database/stopped"]), output
    assert site.host.ask("/api/sgis/")[0] == 200


@pytest.mark.nightly
def test_without_edge_checks_an_answer_alone_is_not_a_proof(site: Site) -> None:
    """With the unit alone: every page that asks the database fails, though nginx's location answers 404."""
    site.full = False
    site.host.break_with("database/no-connection")
    _code, incident, output = site.play("diagnose")
    assert (incident["outcome"], named(incident)) == ("degraded", ["database/no-connection"]), output


@pytest.mark.nightly
def test_several_causes_are_repaired_from_the_ground_up(site: Site) -> None:
    """The database before the dependency before the restart, each once."""
    site.host.break_with("dependencies/missing")
    site.host.break_with("database/stopped")
    code, incident, output = site.play("recover")
    assert (code, incident["outcome"]) == (0, "recovered"), output
    assert named(incident) == ["database/stopped", "dependencies/missing"]
    assert [action["remedy"] for action in incident["actions"]] == ["start_database", "pip_install", "restart"]


def test_check_mode_changes_nothing_and_prints_the_plan(site: Site) -> None:
    """--check prints what would be done, and does none of it."""
    site.host.break_with("dependencies/missing")
    site.host.break_with("database/stopped")
    before = site.host.snapshot()
    code, incident, output = site.play("recover", "--check")
    assert (code, incident["outcome"]) == (0, "planned"), output
    assert [action["remedy"] for action in incident["plan"]] == ["start_database", "pip_install", "restart"]
    assert incident["check"]
    assert "Would be done, nothing was changed:" in output
    assert "Done:" not in output
    assert differences(before, site.host.snapshot()) == set()
    assert site.host.run("systemctl is-active postgresql", check=False).stdout.strip() == "inactive"


@pytest.mark.nightly
def test_what_has_ended_by_now_is_not_unexplained(site: Site) -> None:
    """nginx answers 204, which nothing explains, until the rehearsal has begun: the second look finds the site well."""
    site.host.break_with(
        "",
        """
        touch /var/tmp/unexplained
        sed -i 's#proxy_pass .*;#if (-f /var/tmp/unexplained) { return 204; } &#' "$NGINX_SITE"
        systemctl reload nginx
        # The workers of before take requests for a moment longer.
        until_true "curl -so /dev/null -w '%{http_code}' http://127.0.0.1/health/ | grep -q 204"
        systemd-run --quiet bash -c 'until pgrep -f "[l]ook_after"; do sleep 0.1; done; rm /var/tmp/unexplained'
        """,
    )
    assert site.host.ask("/health/")[0] == 204
    code, incident, output = site.play("diagnose")
    assert (code, incident["outcome"], incident["root_causes"]) == (0, "healthy", []), output


def test_a_running_site_is_not_restarted_into_broken_code(site: Site) -> None:
    """New code on disk is broken, the old still serves: nothing may end it, whatever else is repaired."""
    site.host.break_with(
        "", "printf 'def broken(:' >> /var/www/xamila/xamila_backend/xamila/wsgi.py; systemctl stop postgresql"
    )
    compiled = site.host.run("python3 -m py_compile /var/www/xamila/xamila_backend/xamila/wsgi.py", check=False)
    assert "SyntaxError" in compiled.stderr
    assert (site.host.ask("/health/")[0], site.host.ask("/api/sgis/")[0]) == (200, 500)
    invocation = site.host.run("systemctl show -P InvocationID xamila").stdout
    code, incident, output = site.play("recover")
    assert code == 0, output
    assert "database/stopped" in named(incident)
    assert [action["remedy"] for action in incident["actions"]] == ["start_database"]
    assert site.host.run("systemctl show -P InvocationID xamila").stdout == invocation
    assert site.host.ask("/api/sgis/")[0] == 200


@pytest.mark.nightly
def test_secrets_never_show(site: Site) -> None:
    """At -vvv, in reports, in output: no value of a secret, wherever the host leaks it."""
    canary = "Canary7x9Q2mZpLk4"
    site.host.run(
        f"sed -i 's/^SECRET_KEY=.*/SECRET_KEY={canary}key/; s/^DB_PASSWORD=.*/DB_PASSWORD={canary}db/' "
        "/var/www/xamila/xamila_backend/.env\n"
        f"printf 'API_URL=https://user:{canary}url@api.example/\\n' >> /var/www/xamila/xamila_backend/.env\n"
        f"printf '\\nraise RuntimeError(\"token {canary}key and postgres://x:{canary}db@db/\")\\n' "
        ">> /var/www/xamila/xamila_backend/xamila/urls.py\n"
        "systemctl restart xamila"
    )
    wait_for = (
        "until_true \"curl -so /dev/null -w '%{http_code}' -H Host:$SERVER_NAME http://127.0.0.1/ | grep -q 500\""
    )
    site.host.break_with("", wait_for)
    for leaked in (f"token {canary}key", f"postgres://x:{canary}db@db/"):
        assert leaked in site.host.run("cat /var/log/xamila/error.log").stdout
    _code, incident, output = site.play("recover", "-vvv")
    reports = "".join(path.read_text(encoding="utf-8") for path in site.folder.rglob("reports-*/*/*"))
    assert incident["outcome"] in ("needs-human", "needs-approval", "failed")
    assert "SECRET_KEY" in json.dumps(incident["evidence"]["environment"])
    assert canary not in output
    assert canary not in reports
    assert "token ******** and postgres://x:********@db/" in reports, "what leaked was collected, and masked"


@pytest.mark.nightly
def test_a_host_without_nginx_is_reported(site: Site) -> None:
    """Without nginx and without configured checks there is nothing to prove anything by."""
    site.full = False
    site.host.run("systemctl stop nginx; mv /etc/nginx /etc/nginx.gone")
    code, _incident, output = site.play("recover")
    assert code == 2
    assert "set rescue502_edge" in output


def test_an_unreachable_host_is_reported(site: Site) -> None:
    """Ansible's return code 4, and an incident that says so."""
    site.host.run("systemctl stop ssh.socket ssh")
    code, incident, _output = site.play("recover")
    assert (code, incident["outcome"]) == (4, "unreachable")


@pytest.mark.nightly
def test_an_unknown_host_key_is_refused_immediately(site: Site) -> None:
    """The runner neither trusts a key that nobody has seen, as ansible-runner would, nor waits for a hidden prompt."""
    host = site.host.inventory()
    known = site.folder / "known_hosts"
    host["ansible_ssh_common_args"] = f"-o UserKnownHostsFile={known} -o ControlPath=none"
    inventory = site.folder / "hosts.yml"
    inventory.write_text(yaml.safe_dump({"django": {"hosts": {site.host.name: host}}}), encoding="utf-8")
    command = [sys.executable, "-m", "rescue502.cli", "diagnose", "-i", str(inventory), "--reports", str(site.folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, known.exists()) == (4, False)
    assert "Host key verification failed" in done.stdout


@pytest.mark.nightly
def test_a_unit_that_waits_for_others_at_boot_is_not_called_stopped(site: Site) -> None:
    """While its start is queued behind a slow unit nothing is wrong with it: the look waits, and finds it well."""
    site.host.run(
        "systemctl stop xamila; mkdir -p /run/systemd/system/xamila.service.d;"
        "printf '[Service]\nType=oneshot\nExecStart=/bin/sleep 6\n' > /run/systemd/system/slow.service;"
        "printf '[Unit]\nAfter=slow.service\n' > /run/systemd/system/xamila.service.d/slow.conf;"
        "systemctl daemon-reload; systemctl start --no-block slow xamila"
    )
    assert "xamila.service" in site.host.run("systemctl list-jobs").stdout
    assert site.host.ask("/health/")[0] == 502
    code, incident, output = site.play("diagnose")
    assert (code, incident["outcome"], incident["findings"]) == (0, "healthy", []), output
