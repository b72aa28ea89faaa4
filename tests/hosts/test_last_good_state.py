"""A host keeps its last good state, and a diagnosis says first what has changed since: on real hosts."""

from __future__ import annotations

import hashlib
import json
import time
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import load

from lab.site import Site, named
from rescue502 import offline
from tools import recordings

KEPT = "/var/lib/rescue502/baseline"
UNSALTED = ("md5", "sha1", "sha256")
# A commit, a package, a variable, another value, a mode, a drop-in and a site of nginx: all that a baseline knows.
CHANGES = """
cd "$ROOT"
printf '\\ndef broken(:\\n' >> "$PACKAGE/urls.py"
app_git commit -qam 'Add an endpoint in a hurry'
uninstall python-slugify slugify
set_variable DB_PASSWORD another-value
unset_variable SECRET_KEY
set_variable EXTRA_NAME extra
chmod 0600 "$ROOT/manage.py"
unit_drop_in '[Service]' 'Nice=5'
echo '# edited' >> "$NGINX_SITE"
"""


def settled(site: Site) -> None:
    """The unit was started after the last answer of 500, as on a site that has run for long: a quick look is enough."""
    site.host.run('systemctl restart "$UNIT"')
    deadline = time.monotonic() + 20
    while site.host.ask(site.shape.api_path)[0] != 200 and time.monotonic() < deadline:
        time.sleep(0.2)
    # What came in while it was restarted was answered before the second start.
    site.host.run('sleep 1; systemctl restart "$UNIT"; sleep 5')


def kept(site: Site) -> dict[str, Any]:
    """The unit's baseline as it lies on the host; empty where there is none."""
    text = site.host.run(f"cat {KEPT}/{site.shape.unit}.json 2>/dev/null || true").stdout
    found: dict[str, Any] = json.loads(text or "{}")
    return found


def variables_of(site: Site) -> dict[str, str]:
    """The app's variables as its running process has them."""
    script = 'tr "\\0" "\\n" < /proc/$(systemctl show -P MainPID "$UNIT")/environ'
    lines = site.host.run(script).stdout.splitlines()
    return dict(line.partition("=")[::2] for line in lines if "=" in line)


def names(incident: dict[str, Any], section: str) -> dict[str, str]:
    """How each name in a section of the changes differs."""
    return {item["name"]: item["how"] for item in incident["evidence"]["changes"][section]["list"]}


def test_a_verified_state_is_kept_and_what_changes_is_named(site: Site) -> None:
    """Kept in the round trip of a quick look, by root for root, without a secret; then each change by its name."""
    settled(site)
    code, incident, output = site.play("verify")
    assert (code, incident["evidence"]["probe"]["remembered"]) == (0, "kept"), output
    assert recordings.breaches(incident["evidence"]) == []
    first = site.host.run(f"stat -c '%a %U %i' /var/lib/rescue502 {KEPT} {KEPT}/*; cat {KEPT}/*.json").stdout
    assert [line.split()[:2] for line in first.splitlines()[:4]] == [["700", "root"]] * 2 + [["600", "root"]] * 2
    values = variables_of(site)
    secrets = [values["SECRET_KEY"], values["DB_PASSWORD"]]
    digests = [hashlib.new(kind, value.encode()).hexdigest()[:12] for value in values.values() for kind in UNSALTED]
    assert [text for text in secrets + digests if text in first] == []
    assert {"SECRET_KEY", "DB_PASSWORD"} <= kept(site)["state"]["variables"].keys()

    code, incident, output = site.play("recover")
    assert (code, incident["evidence"]["probe"]["remembered"]) == (0, "unchanged"), output
    again = site.host.run(f"stat -c '%a %U %i' /var/lib/rescue502 {KEPT} {KEPT}/*; cat {KEPT}/*.json").stdout
    assert again == first, "the same state is not written again"

    _code, incident, output = site.play("diagnose", rescue502_level="full")
    assert "Nothing has changed since the last good state" in output

    site.host.break_with("", CHANGES + "restart_app")
    before = site.host.run(f"stat -c '%Y %i' {KEPT}/*").stdout
    _code, incident, output = site.play("diagnose")
    changes = incident["evidence"]["changes"]
    assert recordings.breaches(incident["evidence"]) == []
    assert [item["subject"] for item in changes["commits"]["list"]] == ["Add an endpoint in a hurry"]
    assert (changes["commits"]["count"], changes["commits"]["gone"]) == (1, 0)
    assert names(incident, "packages") == {"python-slugify": "gone"}
    assert names(incident, "variables") == {"SECRET_KEY": "gone", "DB_PASSWORD": "changed", "EXTRA_NAME": "new"}
    assert {path.rpartition("/")[2]: how for path, how in names(incident, "units").items()} == {
        "reproduction.conf": "new"
    }
    assert names(incident, "nginx") == {f"/etc/nginx/sites-enabled/{site.shape.package}": "changed"}
    modes = {item["name"]: (item["before"], item["after"]) for item in changes["modes"]["list"]}
    owner = f"{site.shape.user}:{site.shape.user}"
    assert modes["manage.py"] == (f"{owner} 0644", f"{owner} 0600")
    assert "another-value" not in json.dumps(incident)
    reported = output[: output.index("service active")]
    assert "Changed since the last good state" in reported, "before all else"
    for words in ("Add an endpoint in a hurry", "python-slugify 8.0.4 gone", "SECRET_KEY gone", "manage.py"):
        assert words in reported
    assert site.host.run(f"stat -c '%Y %i' {KEPT}/*").stdout == before, "a diagnosis keeps nothing"


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("site", "fault", "words"),
    [
        ("tcp", "code/syntax-error", "1 new (Add an endpoint in a hurry)"),
        ("uvicorn", "environment/key-missing", "variables: SECRET_KEY gone"),
        ("uv", "dependencies/missing", "packages: python-slugify 8.0.4 gone"),
    ],
    indirect=["site"],
)
def test_the_cause_says_what_has_changed(site: Site, fault: str, words: str) -> None:
    """Whatever keeps the variables, and wherever the packages are. Without edge checks a full look proves the state."""
    site.full = False
    code, incident, output = site.play("recover")
    assert (code, incident["outcome"]) == (0, "healthy"), output
    assert kept(site)["incident"] == incident["incident"], output
    site.host.break_with(fault)
    _code, incident, output = site.play("diagnose")
    assert named(incident) == [fault], output
    assert words in incident["root_causes"][0]["because"]
    assert f"good state ({incident['evidence']['changes']['since']})" in incident["root_causes"][0]["because"]
    again = offline.diagnose(offline.Recorded("", incident["evidence"]), load())
    assert [item["because"] for item in again["findings"]] == [item["because"] for item in incident["findings"]]


@pytest.mark.nightly
def test_who_asks_to_change_nothing_has_nothing_kept(site: Site) -> None:
    """Neither check mode nor a diagnosis writes anything, quick or full."""
    settled(site)
    for name, words, level in (
        ("verify", ["--check"], "auto"),
        ("recover", ["--check"], "full"),
        ("diagnose", [], "auto"),
        ("diagnose", [], "full"),
    ):
        code, _incident, output = site.play(name, *words, rescue502_level=level)
        assert code == 0, output
    assert site.host.run("ls -d /var/lib/rescue502 2>/dev/null || true").stdout == ""


@pytest.mark.nightly
def test_what_runs_from_before_a_change_does_not_prove_it(site: Site) -> None:
    """Broken code is pulled, the site still answers: the state from before stays the good one; the commit is named."""
    settled(site)
    site.play("verify")
    good = kept(site)
    site.host.break_with("", 'echo "def broken(:" >> "$ROOT/$PACKAGE/wsgi.py"; app_git commit -qam "Not yet loaded"')
    code, incident, output = site.play("verify")
    assert (code, incident["outcome"]) == (0, "healthy"), output
    assert incident["evidence"]["probe"]["remembered"].startswith("not kept: what runs was started before"), output
    assert kept(site) == good
    site.host.break_with("", "restart_app")
    _code, incident, output = site.play("recover", rescue502_approve=["code/syntax-error"])
    assert named(incident) == ["code/syntax-error"], output
    assert "Not yet loaded" in incident["root_causes"][0]["because"]
    assert incident["outcome"] == "recovered", output
    assert kept(site)["state"]["commit"] == good["state"]["commit"], "the repaired state is kept in its turn"
