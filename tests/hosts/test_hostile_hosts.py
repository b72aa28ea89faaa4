"""A hostile host, app or inventory: nothing of it runs on the controller, moves a report, or is obeyed by anybody.

Hosts that answer with something else than a module's result are in tests/controller/test_hostile_answers.py.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import bad_inputs
import names
import pytest
from ansible_collections.rescue502.django.plugins.module_utils.secrets.printable import printable
from ansible_collections.rescue502.django.plugins.plugin_utils.text.host_text import clean
from harmless import CANARY, check_clean, obeyed
from tiers import each_change

import lab
from lab.playbook import COMMAND, ENVIRONMENT, ROOT
from lab.site import Site, differences, put

# They share a host, and one run under all bad names.
pytestmark = pytest.mark.xdist_group("hostile")

APP = "/var/www/xamila/xamila_backend"
# Puts the text of /srv/text in every place where text of others gets into the evidence; fails where it did not take.
PLANT = (Path(__file__).parent / "planted" / "texts.py").read_text(encoding="utf-8")
UNPLANT = """
systemctl stop xamila
truncate -s 0 /var/log/nginx/error.log /var/log/xamila/error.log
cd /var/www/xamila/xamila_backend; rm -rf static/*.html /etc/systemd/system/xamila.service.d /srv/text
sed -i '/^TEXT=/d' .env; runuser -u www-data -- git checkout -qf -B main KEPT
find . -name __pycache__ -prune -exec rm -r {} +
systemctl daemon-reload; systemctl reset-failed xamila; systemctl start xamila
"""


@pytest.fixture(scope="module")
def shared(worker_id: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One host for all tests of this file: each puts back what it has planted."""
    host = lab.Host(names.of(worker_id)).up()
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


@contextmanager
def texts_planted(site: Site, text: str) -> Iterator[None]:
    """The host with a text wherever text gets into the evidence, and afterwards without."""
    put(site.host, "/srv/text", text)
    try:
        site.host.run_python(PLANT)
        yield
    finally:
        site.host.run(UNPLANT)


@pytest.fixture
def planted(site: Site, request: pytest.FixtureRequest) -> Iterator[tuple[Site, str]]:
    """The host with a text wherever text gets into the evidence, and the text."""
    text = bad_inputs.TEXTS[request.param]
    with texts_planted(site, text):
        yield site, text


def in_evidence(evidence: dict[str, Any], text: str) -> dict[str, bool]:
    """Whether each place of the evidence has the text, as far as it can be shown."""
    shown = printable(text)
    first = shown.split()[0][:4]
    error = evidence["rehearsal"]["steps"]["requests"]["error"]
    (file,) = [item["path"] for item in evidence["files"]["violations"]["code"]]
    return {
        "an exception's words": error["message"][:60] == shown[:60],
        "an exception's type": error["type"] == printable("E" + text[:40]),
        "a file's name": first in file.rpartition("/static/")[2],
        "a commit": first in evidence["code"]["git"]["log"][0]["subject"],
        "a branch": evidence["code"]["git"]["branch"].startswith("x-"),
        "the proxy's log": any(f"GET /{first}" in line for line in evidence["proxy"]["errors"]),
        # Of a log no more than its end is read.
        "the app's log": len(text) > 10_000
        or any(f"xamila.urls.E{first}" in line for line in evidence["log"]["lines"]),
    }


@pytest.mark.parametrize("planted", each_change("jinja-that-runs-a-command", of=bad_inputs.TEXTS), indirect=True)
def test_text_of_a_host_is_data(planted: tuple[Site, str]) -> None:
    """It is not rendered, not run on either side, not obeyed by terminal, browser or ticket, and forges no line."""
    site, text = planted
    _code, incident, output = site.play("diagnose", "-vvv", rescue502_level="full")
    assert [place for place, has in in_evidence(incident["evidence"], text).items() if not has] == []
    assert {"files/code-unreadable", "code/raises-on-import"} <= {finding["id"] for finding in incident["findings"]}
    reports = reports_of(site)
    assert len(reports) == 3, "a record, a page and a ticket"
    check_clean([output, *reports])
    assert not [line for line in output.splitlines() if line.startswith("host: RECOVERED")]
    site.host.run(f"test ! -e {bad_inputs.PWNED}")


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


@pytest.mark.parametrize("name", each_change("leads-up", of=bad_inputs.INCIDENTS))
def test_an_incidents_id_leads_nowhere(site: Site, name: str) -> None:
    """It becomes one folder in the reports folder."""
    code, _incident, output = site.play("diagnose", rescue502_incident=bad_inputs.INCIDENTS[name])
    assert code == 0, output
    found = written(site.folder)
    assert {path.split("/")[0] for path in found if not path.startswith("reports-")} == {"hosts.yml"}
    assert len([path for path in found if path.endswith(".json")]) == 1
    assert not Path("/tmp/rescue502-moved").exists()


@pytest.mark.parametrize("name", each_change("the-incidents-folder", "the-page", of=bad_inputs.PLANTED_LINKS))
def test_no_report_is_written_through_a_link(site: Site, name: str) -> None:
    """A link in the place of a folder or record ends the run first of all; one in the place of a page is replaced."""
    link, target = (site.folder / part.format(host=site.host.name) for part in bad_inputs.PLANTED_LINKS[name])
    link.parent.mkdir(parents=True)
    (site.folder / "elsewhere").mkdir()
    kept = '{"actions": [], "outcome": "healthy"}'
    if target.suffix and target.name != "none.json":
        target.write_text(kept, encoding="utf-8")
    link.symlink_to(target)
    site.host.run("systemctl stop xamila")
    assert (link.is_symlink(), site.host.ask("/health/")[0]) == (True, 502)
    before = site.host.snapshot()
    code, _incident, output = site.play(
        "recover", rescue502_reports=str(site.folder / "reports"), rescue502_incident="planted"
    )
    replaced = name in ("the-page", "the-ticket")
    # Where the run goes on, it repairs the site, which changes no file; where it ends, the site stays down.
    assert (code == 0) == replaced, output
    assert site.host.run("systemctl is-active xamila", check=False).stdout.strip() == (
        "active" if replaced else "inactive"
    )
    assert differences(before, site.host.snapshot()) == set()
    site.host.run("systemctl start xamila")
    assert replaced or "is a link" in output
    assert link.is_symlink() != replaced
    assert written(site.folder / "elsewhere") == ({target.name} if target.exists() and target.suffix else set())
    assert not target.is_file() or target.read_text(encoding="utf-8") == kept


def test_a_reports_folder_may_be_a_link(site: Site) -> None:
    """Where reports are kept is the user's own choice."""
    (site.folder / "elsewhere").mkdir()
    (site.folder / "linked").symlink_to("elsewhere")
    code, _incident, output = site.play("diagnose", rescue502_reports=str(site.folder / "linked"))
    assert code == 0, output
    assert list((site.folder / "elsewhere").glob("*/*.json"))


def test_all_texts_together_in_the_runner(site: Site) -> None:
    """The command line's own output, live and at -vvv, is for terminals."""
    inventory = site.inventory()
    reports = ["--reports", str(site.folder / "reports-0")]
    with texts_planted(site, "".join(text[:500] for text in bad_inputs.TEXTS.values())):
        for words in (["diagnose", "-i", str(inventory), "-vvvv"], ["recover", "-i", str(inventory)], ["report"],
                      ["report", "--format", "json"], ["report", "--format", "markdown"]):  # fmt: skip
            done = subprocess.run(
                [sys.executable, "-m", "rescue502.cli", *words, *reports], capture_output=True, text=True, check=False
            )
            check_clean([done.stdout, done.stderr])
            assert "7919" in done.stdout, f"the texts are in the output of {words[0]}: {done.stderr}"
    written_ones = reports_of(site)
    assert written_ones
    assert obeyed("".join(written_ones)) == []
