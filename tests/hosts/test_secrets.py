"""No secret of a host shows: in no output, report, bundle, cache, log or temporary file, on neither side."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import names
import pytest
import yaml
from canaries import CANARIES

import lab
from lab.playbook import COMMAND, ENVIRONMENT, ROOT
from lab.site import Site, put

# They share a host, so one worker takes them all.
pytestmark = pytest.mark.xdist_group("secrets")

APP = "/var/www/xamila/xamila_backend"
VALUE = {name: canary.value for name, canary in CANARIES.items()}
PLANTED = Path(__file__).parent / "planted"
# What is left on the target: files that were changed meanwhile, and what others than the app wrote to the journal.
LEFT = """{
find /tmp /var/tmp /root /home /dev/shm /run /var/lib /etc -xdev -type f -newer /srv/begun -size -5M \
  -not -path '/run/credentials/*' -not -path '/run/log/journal/*' -not -path '/var/lib/postgresql/*' \
  -not -path '/run/systemd/*' -print0 | xargs -0r cat
journalctl --no-pager --since "@$(stat -c %Y /srv/begun)" -o json | grep -v '"_SYSTEMD_UNIT":"xamila.service"' || true
cat /var/log/auth.log /var/log/syslog 2>/dev/null || true
} | LC_ALL=C tr '\\200-\\377' '?'
"""
LEAKED = """
until_true "curl -so /dev/null -H 'Host: $SERVER_NAME' http://127.0.0.1/health/
  journalctl -u $UNIT -o cat --all --no-pager | grep CanaryJournal > /dev/null"
"""
# All that the product reads there, as it is: in it each secret is to be seen.
READ = """
journalctl --no-pager -o cat --all
cat /var/log/xamila/*.log /var/log/nginx/*.log
cd /var/www/xamila/xamila_backend
cat .env .env.local .git/config xamila/*.py
systemctl cat xamila
cat /etc/mail_token
nginx -T
cat /proc/[0-9]*/cmdline | tr '\\0' ' '
"""
# The controller's own.
ELSEWHERE = {"the-password-for-sudo"}
Texts = dict[str, str]


class Run:
    """All that a user may start, with everything switched on that keeps or prints more; the texts that came of it."""

    def __init__(self, site: Site) -> None:
        self.site, self.texts = site, Texts()
        for name in ("cache", "tmp", "reports"):
            (site.folder / name).mkdir()
        self.reports = site.folder / "reports"
        self.inventory = site.folder / "hosts.yml"
        secret = {"ansible_become_password": VALUE["the-password-for-sudo"], "rescue502_reports": str(self.reports)}
        hosts = {site.host.name: {**site.host.inventory(full=True), **secret}}
        self.inventory.write_text(yaml.safe_dump({"django": {"hosts": hosts}}), encoding="utf-8")
        self.environment = {
            **os.environ,
            **ENVIRONMENT,
            "ANSIBLE_CACHE_PLUGIN": "jsonfile",
            "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(site.folder / "cache"),
            "ANSIBLE_LOG_PATH": str(site.folder / "ansible.log"),
            "ANSIBLE_LOCAL_TEMP": str(site.folder / "tmp"),
            "TMPDIR": str(site.folder / "tmp"),
        }

    def play(self, name: str, **variables: object) -> None:
        """A playbook at -vvv."""
        extra = json.dumps({"rescue502_hold_seconds": 1, **variables})
        self._start(name, [COMMAND, "-vvv", "--diff", "-i", str(self.inventory), f"playbooks/{name}.yml", "-e", extra])

    def runner(self, *words: str) -> None:
        """The command line."""
        self._start("rescue502 " + " ".join(words[:2]), [sys.executable, "-m", "rescue502.cli", *words])

    def _start(self, name: str, words: list[str]) -> None:
        done = subprocess.run(
            words, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False, timeout=400
        )
        assert done.returncode in (0, 2, 3), done.stdout[-3000:] + done.stderr[-3000:]
        self.texts[f"{len(self.texts)} {name}"] = done.stdout + done.stderr

    def newest_record(self) -> str:
        """The record of the last incident."""
        return str(max(self.reports.glob("*/*.json"), key=lambda path: path.stat().st_mtime))

    def gather(self) -> None:
        """Every file on the controller, with bundles unpacked, and what is left on the target."""
        self.inventory.unlink()
        for path in self.site.folder.rglob("*"):
            if path.suffix == ".gz":
                with tarfile.open(path) as archive:
                    for member in archive:
                        file = archive.extractfile(member)
                        self.texts[f"{path.name}: {member.name}"] = file.read().decode() if file else ""
            elif path.is_file():
                self.texts[str(path.relative_to(self.site.folder))] = path.read_text(encoding="utf-8", errors="replace")
        self.texts["processes on the target"] = self.site.host.run(
            "LC_ALL=C tr '\\200-\\377' '?' < /srv/watched"
        ).stdout
        self.texts["left on the target"] = self.site.host.run(LEFT).stdout


@pytest.fixture(scope="module")
def everything(worker_id: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Texts]:
    """All texts of all commands on one host that is full of secrets, broken in several ways, and repaired."""
    host = lab.Host(names.of(worker_id)).up()
    run = Run(Site(host, tmp_path_factory.mktemp("secrets")))
    for name in ("leak.py", "watch.py"):
        put(host, f"/srv/{name}", (PLANTED / name).read_text(encoding="utf-8"))
    put(host, "/srv/canaries.json", json.dumps(VALUE))
    host.run_python((PLANTED / "plant.py").read_text(encoding="utf-8"))
    # The app leaks when it is first asked for a page; then the package goes that it needs before it comes to that.
    host.break_with("", LEAKED)
    host.break_with("dependencies/missing")
    host.break_with("database/stopped")
    read = host.run(READ, check=False).stdout
    unseen = {name for name, canary in CANARIES.items() if not any(needle in read for needle in canary.needles)}
    assert unseen == ELSEWHERE, "the secrets are where the product looks"
    host.run("sleep 2; touch /srv/begun; sleep 1; systemd-run -q --unit=watch python3 /srv/watch.py")
    run.play("diagnose", rescue502_level="full")
    run.play("bundle")
    run.runner("diagnose", "-vvvv", "-i", str(run.inventory), "--reports", str(run.reports))
    run.runner("diagnose", "--json", "-i", str(run.inventory), "--reports", str(run.reports))
    run.runner("diagnose", "--evidence", run.newest_record())
    run.play("recover", rescue502_approve=["code/raises-on-import"])
    run.play("verify")
    run.play("redeploy")
    swap = "runuser -u www-data -- git config --rename-section"
    host.run(f"cd {APP}; {swap} remote.origin remote.kept; {swap} remote.backup remote.origin")
    run.play("redeploy")
    run.runner("bundle", "-vvvv", "-i", str(run.inventory), "--reports", str(run.reports))
    for form in ("text", "html", "markdown", "json"):
        run.runner("report", run.newest_record(), "--format", form)
    run.runner("explain", "code/raises-on-import")
    run.gather()
    yield run.texts
    host.down()


@pytest.mark.parametrize("name", CANARIES)
def test_no_secret_shows(everything: Texts, name: str) -> None:
    """Not whole, not in part, and in no other spelling."""
    needles = CANARIES[name].needles
    found = {
        where: text[max(0, text.find(needle) - 80) : text.find(needle) + 80]
        for where, text in everything.items()
        for needle in needles
        if needle in text
    }
    assert found == {}


def test_the_secrets_were_there_to_be_seen(everything: Texts) -> None:
    """What they were planted in was looked at and is in the reports, with names and without values."""
    whole = "".join(everything.values())
    seen = ["SECRET_KEY", "STRIPE_API_KEY", "mail_token", "X-Api-Key", "token=", "--password", "EnvironmentFile"]
    causes = ["code/raises-on-import", "database/stopped", "dependencies/missing", "cannot go on"]
    for words in seen + causes:
        assert words in whole, words
    assert "RECOVERED" in whole
    assert any(name.endswith("unit-cat.txt") for name in everything)
