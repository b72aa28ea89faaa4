"""A hostile host, app or inventory: nothing of it runs on the controller, moves a report, or is obeyed by anybody."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bad_inputs
import pytest
import yaml
from ansible_collections.rescue502.django.plugins.plugin_utils.text.host_text import clean
from harmless import CANARY, check_clean, obeyed

import lab
from lab.playbook import COMMAND, ENVIRONMENT, ROOT
from lab.site import Site, differences, put
from tools import recordings

PREFIX = os.environ.get("RESCUE502_TEST_HOST", "test")
# What a run may take at most, whatever the host answers: of time on a busy machine, and of memory.
SECONDS, BYTES = 150, 2 * 2**30
APP = "/var/www/xamila/xamila_backend"
# Every place where text of others gets into the evidence; $TEXT is a file with it.
PLANT = """
export APP=/var/www/xamila/xamila_backend
python3 - <<'NAMES'
import os, re
app, text = os.environ["APP"], open(os.environ["TEXT"], encoding="utf-8", newline="").read()
name = os.path.join(app, "static", text.replace("/", "_")[:60] + ".txt")
open(name, "w").close()
os.chmod(name, 0)
first = re.sub(r"[\\n\\r\\0]", " ", text)[:1000].replace("%", "%%")
os.makedirs("/etc/systemd/system/xamila.service.d", exist_ok=True)
with open("/etc/systemd/system/xamila.service.d/text.conf", "w", newline="") as file:
    file.write("[Unit]\\nDescription=" + first + "\\n")
for path in (".env", "requirements.txt"):
    with open(os.path.join(app, path), "a", newline="") as file:
        file.write(("TEXT=" if path == ".env" else "") + first + "\\n")
NAMES
runuser -u www-data -- bash -c 'cd $APP && git add -A static requirements.txt 2>/dev/null
  git -c user.name=x -c user.email=x@example.org commit -q --cleanup=verbatim -F "$TEXT" -- requirements.txt
  git checkout -q -b "x-$(tr -d "\\n" < "$TEXT" | head -c 60)" || true'
cat >> $APP/xamila/urls.py <<'RAISE'
import sys

# They share a host, so one worker takes them all.
pytestmark = pytest.mark.xdist_group("hostile_hosts")
TEXT = open("/srv/text", encoding="utf-8", newline="").read()
print(TEXT, file=sys.stderr)
raise type("E" + TEXT[:40], (RuntimeError,), {})(TEXT)
RAISE
systemctl daemon-reload; systemctl restart xamila || true
{ printf '[error] 1#1: *1 connect() failed: '; cat $TEXT; } >> /var/log/nginx/error.log
logger -t xamila -f $TEXT
"""
UNPLANT = """
cd /var/www/xamila/xamila_backend; rm -rf static/*.txt /etc/systemd/system/xamila.service.d /srv/text
sed -i '/^TEXT=/d' .env; runuser -u www-data -- git checkout -qf -B main KEPT
find . -name __pycache__ -prune -exec rm -r {} +
systemctl daemon-reload; systemctl reset-failed xamila; systemctl restart xamila
"""


@pytest.fixture(scope="module")
def shared(worker_id: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One host for all tests of this file: each puts back what it has planted."""
    host = lab.Host(f"{PREFIX}-{worker_id}").up()
    host.run(f"runuser -u www-data -- git -C {APP} tag KEPT")
    CANARY.unlink(missing_ok=True)
    yield Site(host, tmp_path_factory.mktemp("hostile"))
    host.down()


@pytest.fixture
def site(shared: Site, tmp_path: Path) -> Site:
    """The shared host with a folder of this test's own."""
    return Site(shared.host, tmp_path)


def written(folder: Path) -> set[str]:
    """All files and folders below a folder, as paths in it."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def reports_of(site: Site) -> list[str]:
    """The texts of all reports that were written."""
    return [path.read_text(encoding="utf-8") for path in site.folder.glob("reports-*/*/*")]


@pytest.fixture
def planted(site: Site, request: pytest.FixtureRequest) -> Iterator[Site]:
    """The host with a text wherever text gets into the evidence."""
    put(site.host, "/srv/text", bad_inputs.TEXTS[request.param])
    site.host.run(PLANT, variables={"TEXT": "/srv/text"})
    yield site
    site.host.run(UNPLANT)


@pytest.mark.parametrize("planted", bad_inputs.TEXTS, indirect=True)
def test_text_of_a_host_is_data(planted: Site) -> None:
    """It is not rendered, not run on either side, not obeyed by terminal, browser or ticket, and forges no line."""
    _code, incident, output = planted.play("diagnose", "-vvv", rescue502_level="full")
    assert incident["root_causes"], output
    check_clean([output, *reports_of(planted)])
    assert not [line for line in output.splitlines() if line.startswith("host: RECOVERED")]
    assert planted.host.run(f"ls {bad_inputs.PWNED}", check=False).returncode != 0


# Ansible sends a module on standard input; this takes it, and says what it was told to say.
ANSWER = """#!/bin/sh
cat > /dev/null
cat /srv/answer
"""


def answer_with(site: Site, text: str) -> None:
    """Let the host's Python answer every module with this text."""
    put(site.host, "/srv/answer", text)
    put(site.host, "/srv/python3", ANSWER)
    site.host.run("chmod 755 /srv/python3")


def recover(site: Site, outside: Path) -> str:
    """A recovery with the reports folder as an inventory sets it; checks that it ends, and that nothing is outside."""
    reports = site.folder / "reports"
    settings = {"rescue502_reports": str(reports), "ansible_python_interpreter": "/srv/python3"}
    hosts = {site.host.name: {**site.host.inventory(full=True), **settings}}
    inventory = site.folder / "hosts.yml"
    inventory.write_text(yaml.safe_dump({"django": {"hosts": hosts}}), encoding="utf-8")
    before = time.monotonic()
    done = subprocess.run(
        [COMMAND, "-i", str(inventory), "recover.yml"],
        cwd=ROOT,
        env=os.environ | ENVIRONMENT,
        capture_output=True,
        check=False,
        timeout=2 * SECONDS,
    )
    output = (done.stdout + done.stderr).decode("utf-8", "replace")
    assert time.monotonic() - before < SECONDS
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 < BYTES
    assert done.returncode in (2, 4), output[-3000:]
    assert not outside.exists(), list(outside.rglob("*"))
    found = {str(path.relative_to(site.folder)).split("/")[0] for path in site.folder.rglob("*")}
    assert found <= {"hosts.yml", "reports"}
    check_clean([path.read_text(encoding="utf-8") for path in reports.rglob("*.*") if path.is_file()])
    return output


@pytest.mark.parametrize("name", bad_inputs.ANSWERS)
def test_an_answer_that_is_none_ends_the_run(site: Site, name: str) -> None:
    """No result, or none that could be one: the run ends, and says so."""
    answer_with(site, bad_inputs.ANSWERS[name])
    recover(site, site.folder / "outside")
    assert not CANARY.exists()


def filled(value: Any, outside: Path) -> Any:
    """The input with the folder on the controller in it."""
    return json.loads(json.dumps(value).replace("{outside}", str(outside)))


def forged(given: dict[str, Any]) -> dict[str, Any]:
    """An answer that serves every module: evidence of a stopped unit, with what is forged in it and beside it."""
    evidence = recordings.evidence("service/stopped")
    padding, entries = given.pop("padding", 0), given.pop("entries", 0)
    evidence["stack"] = {**evidence["stack"], **given.pop("stack", {})}
    evidence["padding"] = {"text": "x" * padding, "entries": {f"k{number}": [number] for number in range(entries)}}
    return {"changed": True, "evidence": evidence, "rc": 0, "stdout": "", **given}


@pytest.mark.parametrize("name", bad_inputs.FORGED)
def test_a_forged_answer_commands_nothing(site: Site, name: str) -> None:
    """Nothing runs on the controller, nothing is written elsewhere, no remedy but ours runs, and the play fails."""
    outside = site.folder / "outside"
    answer_with(site, json.dumps(forged(filled(bad_inputs.FORGED[name], outside))))
    output = recover(site, outside)
    assert not CANARY.exists()
    assert "/etc/passwd" not in output
    assert "connection: local" not in output
    assert site.host.run(f"ls {bad_inputs.PWNED}", check=False).returncode != 0
    if name == "facts-that-approve":
        # A host that answers every module alike is not claimed; were it, the next look would meet its facts.
        assert "could not be claimed" in output or "do not trust it" in output


@pytest.fixture(scope="module")
def many_names(shared: Site, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, dict[str, Any]]:
    """One diagnosis and one bundle of the same host under all bad names: (folder, output, records by their hosts)."""
    folder = tmp_path_factory.mktemp("names")
    inside = folder / "deep" / "er" / "reports"
    variables = {**shared.host.inventory(full=True), "rescue502_reports": str(inside), "rescue502_hold_seconds": 0}
    inventory = {"django": {"hosts": [*bad_inputs.HOST_NAMES.values()], "vars": variables}, "_meta": {"hostvars": {}}}
    # As a cloud's API gives names: not as patterns, as which a file's would be read.
    script = folder / "inventory.py"
    script.write_text(f"#!{sys.executable}\nprint({json.dumps(inventory)!r})\n", encoding="utf-8")
    script.chmod(0o700)
    output = ""
    for playbook in ("diagnose", "bundle"):
        done = subprocess.run(
            [COMMAND, "-i", str(script), "-f", "3",
             f"playbooks/{playbook}.yml"],
            cwd=ROOT, env=os.environ | ENVIRONMENT,
            capture_output=True, text=True, check=False, timeout=500,
        )  # fmt: skip
        output += done.stdout + done.stderr
    records = [json.loads(path.read_text(encoding="utf-8")) for path in inside.glob("*/*.json")]
    return folder, output, {record["host"]: record for record in records}


@pytest.mark.parametrize("name", bad_inputs.HOST_NAMES)
def test_a_hosts_name_leads_nowhere(many_names: tuple[Path, str, dict[str, Any]], name: str) -> None:
    """Each host has a record of its own and a bundle, all in the reports folder."""
    folder, output, records = many_names
    top = written(folder)
    assert not [path for path in top if not path.startswith("deep") and path != "inventory.py"]
    assert not [path for path in top if path.startswith("deep/er/") and not path.startswith("deep/er/reports")]
    assert not Path("/tmp/rescue502-moved").exists()
    assert not CANARY.exists()
    bundles = [path for path in top if path.endswith(".tar.gz")]
    assert len(bundles) == len(records) == len(bad_inputs.HOST_NAMES), output[-3000:]
    assert clean(bad_inputs.HOST_NAMES[name]) in records


@pytest.mark.parametrize("name", bad_inputs.INCIDENTS)
def test_an_incidents_id_leads_nowhere(site: Site, name: str) -> None:
    """It becomes one folder in the reports folder."""
    code, _incident, output = site.play("diagnose", rescue502_incident=bad_inputs.INCIDENTS[name])
    assert code == 0, output
    found = written(site.folder)
    assert {path.split("/")[0] for path in found if not path.startswith("reports-")} == {"hosts.yml"}
    assert len([path for path in found if path.endswith(".json")]) == 1
    assert not Path("/tmp/rescue502-moved").exists()


@pytest.mark.parametrize("name", bad_inputs.PLANTED_LINKS)
def test_no_report_is_written_through_a_link(site: Site, name: str) -> None:
    """A link in the place of a folder or record ends the run at once; one in the place of a page is replaced."""
    link, target = (site.folder / part.format(host=site.host.name) for part in bad_inputs.PLANTED_LINKS[name])
    link.parent.mkdir(parents=True)
    (site.folder / "elsewhere").mkdir()
    kept = '{"actions": [], "outcome": "healthy"}'
    if target.suffix and target.name != "none.json":
        target.write_text(kept, encoding="utf-8")
    link.symlink_to(target)
    site.host.run("systemctl stop xamila")
    before = site.host.snapshot()
    code, _incident, output = site.play(
        "recover", rescue502_reports=str(site.folder / "reports"), rescue502_incident="planted"
    )
    ours = name in ("the-page", "the-ticket")
    site.host.run("systemctl start xamila")
    assert (code == 0) == ours, output
    assert ours or "is a link" in output
    assert differences(before, site.host.snapshot()) <= {"nothing"} or ours
    assert link.is_symlink() != ours
    assert written(site.folder / "elsewhere") == ({target.name} if target.exists() and target.suffix else set())
    assert not target.is_file() or target.read_text(encoding="utf-8") == kept


def test_a_reports_folder_may_be_a_link(site: Site) -> None:
    """Where reports are kept is the user's own choice."""
    (site.folder / "elsewhere").mkdir()
    (site.folder / "linked").symlink_to("elsewhere")
    code, _incident, output = site.play("diagnose", rescue502_reports=str(site.folder / "linked"))
    assert code == 0, output
    assert list((site.folder / "elsewhere").glob("*/*.json"))


def test_all_texts_at_once_in_the_runner(site: Site) -> None:
    """The command line's own output, live and at -vvv, is for terminals."""
    put(site.host, "/srv/text", "".join(text[:500] for text in bad_inputs.TEXTS.values()))
    site.host.run(PLANT, variables={"TEXT": "/srv/text"})
    inventory = site.folder / "hosts.yml"
    inventory.write_text(
        yaml.safe_dump({"django": {"hosts": {site.host.name: site.host.inventory(full=True)}}}), encoding="utf-8"
    )
    reports = ["--reports", str(site.folder / "reports-0")]
    for words in (["diagnose", "-i", str(inventory), "-vvvv"], ["recover", "-i", str(inventory)], ["report"],
                  ["report", "--format", "json"], ["report", "--format", "markdown"]):  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-m", "rescue502.cli", *words, *reports], capture_output=True, text=True, check=False
        )
        check_clean([done.stdout, done.stderr])
        assert done.stdout, done.stderr
    site.host.run(UNPLANT)
    assert obeyed("".join(reports_of(site))) == []
