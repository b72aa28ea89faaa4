"""The other playbooks on real hosts: verify, redeploy, bundle, reboot."""

from __future__ import annotations

import os
import re
import stat
import tarfile
from concurrent.futures import ThreadPoolExecutor

import pytest

from lab.site import Site
from rescue502 import offline

COMMIT = """
runuser -u www-data -- bash -eu <<'PUSH'
cd /tmp && git clone -q /srv/git/xamila.git work && cd work
{change}
git -c user.name=dev -c user.email=dev@example.org commit -qam 'A new version'
git push -q
PUSH
"""
CHECKOUT = "cd /var/www/xamila/xamila_backend && runuser -u www-data -- git "


def publish(site: Site, change: str) -> None:
    """Push a commit to the origin that the host pulls from."""
    site.host.run(COMMIT.format(change=change))


@pytest.mark.nightly
def test_verify_holds_on_a_healthy_host(site: Site) -> None:
    """Every check holds for the time asked, and the report says so."""
    code, incident, output = site.play("verify", rescue502_hold_seconds=5)
    assert (code, incident["outcome"]) == (0, "healthy"), output
    assert incident["evidence"]["hold"]["well"]
    assert incident["evidence"]["hold"]["seconds"] >= 5


@pytest.mark.nightly
def test_verify_fails_on_a_broken_host(site: Site) -> None:
    """A backend whose health check answers 200 while its API answers 500 is not healthy."""
    site.host.run("systemctl stop postgresql")
    code, incident, output = site.play("verify")
    assert code == 2, output
    assert incident["edge"]["after"]["well"] is False
    checks = {check["url"]: check["status"] for check in incident["edge"]["checks"]}
    assert checks["http://127.0.0.1/health/"] == 200
    assert checks["https://127.0.0.1/api/sgis/"] == 500


def test_redeploy_brings_a_new_version(site: Site) -> None:
    """Pull, check, migrate, restart, verify: the new answer is served."""
    publish(site, "sed -i 's/is running/is running again/' xamila/urls.py")
    code, _incident, output = site.play("redeploy")
    assert code == 0, output
    assert "is running again" in site.host.ask("/health/")[2]


def test_redeploy_of_a_broken_version_harms_nothing(site: Site) -> None:
    """The check fails, so the old version keeps running, unrestarted, and its code is back on disk."""
    before = site.host.run(CHECKOUT + "rev-parse HEAD").stdout
    invocation = site.host.run("systemctl show -P InvocationID xamila").stdout
    publish(site, "printf 'def broken(:' >> xamila/urls.py")
    code, _incident, output = site.play("redeploy")
    assert code == 2, output
    assert "the running version still runs" in output
    assert site.host.run(CHECKOUT + "rev-parse HEAD").stdout == before
    assert site.host.run("systemctl show -P InvocationID xamila").stdout == invocation
    assert site.host.ask("/api/sgis/")[0] == 200


@pytest.mark.nightly
def test_redeploy_with_a_failing_migration_keeps_the_old_version_serving(site: Site) -> None:
    """The migration fails before the restart, so what runs is not touched."""
    invocation = site.host.run("systemctl show -P InvocationID xamila").stdout
    publish(
        site,
        "cat > sgis/migrations/0003_one_each.py <<'MIGRATION' && git add .\n"
        "from django.db import migrations, models\nclass Migration(migrations.Migration):\n"
        "    dependencies = [('sgis', '0002_sgi_city')]\n"
        # The rows that are there speak against it.
        "    one_each = models.UniqueConstraint(fields=['city'], name='one_each')\n"
        "    operations = [migrations.AddConstraint('sgi', one_each)]\n"
        "MIGRATION",
    )
    code, _incident, output = site.play("redeploy")
    assert code == 2, output
    assert "manage.py migrate failed" in output
    assert site.host.run("systemctl show -P InvocationID xamila").stdout == invocation
    assert site.host.ask("/api/sgis/")[0] == 200


def test_bundle_has_all_and_no_secret(site: Site) -> None:
    """One archive, with what the runbook's escalation asks for, secrets masked, and nothing left on the host."""
    secrets = site.host.run(
        "sed -n 's/^\\(SECRET_KEY\\|DB_PASSWORD\\)=//p' /var/www/xamila/xamila_backend/.env"
    ).stdout.split()
    # Said by the unit itself: what others say is not in its journal.
    site.host.break_with(
        "",
        f"""
        write_drop_in /etc leak '[Service]' 'ExecStartPost=/bin/echo password={secrets[1]}'
        restart_app
        echo 'postgres://x:{secrets[1]}@db' >> /var/log/xamila/error.log
        until_true "curl -sf -o /dev/null -H 'Host: $SERVER_NAME' http://127.0.0.1$API_PATH"
        """,
    )
    code, _incident, output = site.play("bundle", rescue502_reports=str(site.folder))
    assert code == 0, output
    (path,) = site.folder.glob("bundle-*.tar.gz")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with tarfile.open(path) as archive:
        texts = {member.name: (archive.extractfile(member) or b"").read().decode() for member in archive}  # type: ignore[union-attr]
    assert {"bundle/journal-app.txt", "bundle/nginx-test.txt", "bundle/unit-cat.txt"} <= texts.keys()
    recorded = offline.read(path)
    assert recorded.evidence["edge"]["well"], "the evidence in it can be diagnosed anywhere"
    assert "rehearsal" in recorded.evidence
    assert "ExecStart=" in texts["bundle/unit-cat.txt"]
    assert "syntax is ok" in texts["bundle/nginx-test.txt"]
    assert not [name for name, text in texts.items() if any(secret in text for secret in secrets)]
    assert "password=********" in texts["bundle/journal-app.txt"], "what was said was collected, and masked"
    assert "postgres://x:********@db" in "".join(texts.values())
    assert site.host.run("ls -d /tmp/rescue502-* 2>/dev/null || true").stdout == ""


@pytest.mark.nightly
def test_what_a_run_reports_is_its_users_alone(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders are 0700 and files 0600, whatever the umask: of a playbook, and of the runner."""
    site.host.break_with("service/stopped")
    # With a setting of its own a playbook is a child of this process, and has its umask.
    monkeypatch.setenv("ANSIBLE_FORKS", "1")
    umask = os.umask(0)
    try:
        code, incident, output = site.play("recover")
        open_to_all = site.folder / "open-to-all"
        open_to_all.mkdir()
        site.host.break_with("service/stopped")
        # The bundle too: a person's, as the budget is exhausted.
        exhausted = site.rescue502("recover", "-e", "rescue502_budget=0")
    finally:
        os.umask(umask)
    assert stat.S_IMODE(open_to_all.stat().st_mode) == 0o777, "the umask took nothing away"
    assert (code, incident["outcome"]) == (0, "recovered"), output
    assert exhausted.returncode == 2, exhausted.stdout + exhausted.stderr
    folders = [path for path in site.folder.rglob("20*") if path.is_dir()]
    assert incident["incident"] in [path.name for path in folders]
    assert len(folders) == 2, folders
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    assert {".json", ".html", ".md"} <= {path.suffix for path in files}, files
    files += site.folder.rglob("bundle-*.tar.gz")
    assert files[-1].suffix == ".gz", files
    assert {str(path): oct(stat.S_IMODE(path.stat().st_mode)) for path in folders} == {str(p): "0o700" for p in folders}
    assert {str(path): oct(stat.S_IMODE(path.stat().st_mode)) for path in files} == {str(p): "0o600" for p in files}


@pytest.mark.nightly
def test_reboot_waits_for_the_host_and_verifies(site: Site) -> None:
    """The host goes down, comes back, and its site is proved to answer."""
    site.host.up(address=site.host.address())
    with ThreadPoolExecutor(1) as other:
        back = other.submit(site.host.come_back)
        code, incident, output = site.play("reboot", rescue502_reboot=True)
        assert back.done(), output
    assert (code, incident["outcome"]) == (0, "healthy"), output
    assert re.search(r"changed=1\b", output), output


def test_reboot_is_never_done_unasked(site: Site) -> None:
    """Without rescue502_reboot nothing happens, and the message says what to set."""
    booted = site.host.run("cat /proc/1/stat").stdout.split()[21]
    code, _incident, output = site.play("reboot")
    assert code == 2, output
    assert "Set rescue502_reboot=yes" in output
    assert site.host.run("cat /proc/1/stat").stdout.split()[21] == booted
