"""Links, hard links, FIFOs and strange names in the app's tree, also while they change: nothing else is touched."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass

import bad_inputs
import names
import pytest
import yaml

import lab
from lab.playbook import COMMAND, ENVIRONMENT, ROOT
from lab.site import Site, differences, put

# They share a host, so one worker takes them all.
pytestmark = [pytest.mark.xdist_group("traps"), pytest.mark.nightly]

# The remedies that work on files as root, each made to find something; the account could not use what was planted.
REMEDIES = """
- name: Owners and modes are right
  rescue502.django.permissions:
    root: "{{ root }}"
    venv: "{{ root }}/venv"
    user: www-data
    media_root: "{{ root }}/media"
    env_files: ["{{ root }}/.env", "{{ root }}/.env.local"]
    logs: [/var/log/xamila/django.log, /var/log/xamila/error.log, /var/log/xamila/access.log]
    doubtful: [code, media]
  ignore_errors: true
- name: No stale bytecode is left
  rescue502.django.bytecode:
    root: "{{ root }}"
  ignore_errors: true
- name: There is room
  rescue502.django.free_space:
    places: [/]
    logs: [/var/log/xamila/django.log]
    enough_percent: 100
  ignore_errors: true
- name: No stale socket or pid file is left
  rescue502.django.remove_stale:
    path: "{{ root }}/{{ item.path }}"
    kind: "{{ item.kind }}"
    unit: xamila.service
  loop:
    - {path: trap_link.py, kind: pidfile}
    - {path: trap_folder/shadow, kind: pidfile}
    - {path: trap_fifo.py, kind: pidfile}
    - {path: trap_fifo.py, kind: socket}
  ignore_errors: true
- name: The bundle is packed
  rescue502.django.bundle:
    unit: xamila.service
    logs: [/var/log/xamila/django.log, /var/log/xamila/access.log]
  register: bundle
- name: The bundle is on the controller
  ansible.builtin.fetch:
    src: "{{ bundle.path }}"
    dest: "{{ fetched }}"
    flat: true
"""
# While the app's user swaps what is there for something else, root repairs it, again and again.
RACE = """
- name: Owners and modes are right
  rescue502.django.permissions:
    root: /var/www/xamila/xamila_backend
    user: www-data
    media_root: /var/www/xamila/xamila_backend/media
    parts: [code, media]
    doubtful: [code, media]
  loop: "{{ range(5) | list }}"
  ignore_errors: true
- name: No stale bytecode is left
  rescue502.django.bytecode:
    root: /var/www/xamila/xamila_backend
  loop: "{{ range(2) | list }}"
  ignore_errors: true
"""
# Enough files that nobody may read that a repairing takes long enough to be raced.
RACED = """
R=$ROOT/media; mkdir -p $R/swap $R/plain; ln -s /etc $R/roots; chmod 777 $R
for i in $(seq 300); do install -o root -g root -m 600 /dev/null $R/plain/$i; done
install -o root -g root -m 600 /dev/null $R/swap/shadow; install -o root -g root -m 600 /dev/null $R/swap/passwd
chown www-data: $R $R/swap
export R; bash -ec "$STEPS"
cat > /srv/race.sh <<END
export R=$R
while true; do
  { $STEPS; } 2>/dev/null
  printf . >> /srv/race.turns
  find $R/plain -group www-data -exec chown root: {} + -exec chmod 600 {} + 2>/dev/null
done
END
systemd-run -q --unit=race bash /srv/race.sh
"""
# Something for each remedy to do, so that it comes by the traps: stale bytecode, and a rotated log.
WORK = """
cd /var/www/xamila/xamila_backend
printf 'x = 1\n' > stale.py
python3 -c "from py_compile import *; compile('stale.py', invalidation_mode=PycInvalidationMode.UNCHECKED_HASH)"
printf 'x = 2\n' > stale.py
head -c 5000000 /dev/zero > /var/log/xamila/worker.log.1
"""
ROOT_FOLDER = "/var/www/xamila/xamila_backend"
# A part of the shadow file.
SHADOW = "daemon:*:"


# Prints, as JSON, what is in the folders that traps are set in: kind, and target of a link, of each entry by its path.
ENTRIES = """
import json, os, stat
root, logs = "/var/www/xamila/xamila_backend", "/var/log/xamila"
found = {}
for folder in (root, root + "/media", root + "/static", logs):
    for entry in os.scandir(folder):
        kind = stat.S_IFMT(entry.stat(follow_symlinks=False).st_mode)
        found[ascii(entry.path)] = [kind, ascii(os.readlink(entry.path)) if entry.is_symlink() else "", entry.inode()]
print(json.dumps(found))
"""
Entries = dict[str, list[object]]


@dataclass
class Trapped:
    """A host with all traps in the app's tree, and the entries that each has added or replaced."""

    site: Site
    set: dict[str, Entries]


@dataclass
class Sprung:
    """What came of the remedies on a host full of traps."""

    entries: Entries
    output: str
    seconds: float
    outside: set[str]
    bundle: bytes
    pwned: bool


def play(site: Site, tasks: str, **variables: str) -> str:
    """Run tasks of this test's own as root; the output."""
    playbook = [{"hosts": "all", "become": True, "gather_facts": False, "tasks": yaml.safe_load(tasks)}]
    (site.folder / "play.yml").write_text(yaml.safe_dump(playbook), encoding="utf-8")
    hosts = {site.host.name: site.host.inventory(full=True)}
    (site.folder / "hosts.yml").write_text(yaml.safe_dump({"django": {"hosts": hosts}}), encoding="utf-8")
    words = [COMMAND, "-i", str(site.folder / "hosts.yml")]
    words += [word for name, value in variables.items() for word in ("-e", f"{name}={value}")]
    done = subprocess.run(
        [*words, str(site.folder / "play.yml")],
        cwd=ROOT,
        env=os.environ | ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    return done.stdout


def outside(site: Site, before: dict[str, object]) -> set[str]:
    """What has changed on the host outside of the app's folder and its logs, rotated logs and packages left out."""
    may = (f"files:{ROOT_FOLDER}", "files:/var/log/", "files:/var/cache/", "files:/run/", "files:/srv", "files:/tmp")
    return {item for item in differences(before, site.host.snapshot()) if not item.startswith(may)}


def entries(host: lab.Host) -> Entries:
    """What is in the folders that traps are set in."""
    found: Entries = json.loads(host.run_python(ENTRIES))
    return found


@pytest.fixture(scope="module")
def trapped(worker_id: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trapped]:
    """A host with all traps in the app's tree."""
    host = lab.Host(names.of(worker_id)).up()
    facts = {"ROOT": ROOT_FOLDER, "LOGS": "/var/log/xamila"}
    added, before = {}, entries(host)
    for name, script in bad_inputs.TRAPS.items():
        host.run(f"cd /; {script}", variables=facts)
        now = entries(host)
        added[name] = {path: entry for path, entry in now.items() if before.get(path) != entry}
        before = now
    yield Trapped(Site(host, tmp_path_factory.mktemp("trapped")), added)
    host.down()


@pytest.fixture(scope="module")
def sprung(trapped: Trapped) -> Sprung:
    """All remedies that work on files, on the host with the traps."""
    site = trapped.site
    site.host.run(WORK)
    before, begun = site.host.snapshot(), time.monotonic()
    output = play(site, REMEDIES, root=ROOT_FOLDER, fetched=str(site.folder / "bundle.tar.gz"))
    seconds = time.monotonic() - begun
    content = subprocess.run(["gzip", "-dc", str(site.folder / "bundle.tar.gz")], capture_output=True, check=True)
    pwned = site.host.run("find / -xdev -name rescue502-pwned").stdout != ""
    return Sprung(entries(site.host), output, seconds, outside(site, before), content.stdout, pwned)


def test_no_remedy_is_caught(sprung: Sprung, trapped: Trapped) -> None:
    """Nothing hangs, nothing outside of the app's folder changes or is read, and no name is run."""
    assert SHADOW in trapped.site.host.run("cat /etc/shadow").stdout
    for task in ("No stale bytecode is left", "There is room", "The bundle is packed"):
        assert re.search(rf"TASK \[{task}\] \*+\nchanged: ", sprung.output), f"{task}: {sprung.output}"
    refused = f"could not be repaired: {ROOT_FOLDER}/trap_hard.py, {ROOT_FOLDER}/media/trap_hard\n"
    assert refused in sprung.output
    assert f"path: {ROOT_FOLDER}/trap.py\n" in sprung.output, "the rest was repaired"
    for reason in ("trap_link.py stays: it is not a file", "/etc/shadow stays: it holds no process id",
                   "trap_fifo.py stays: it is not a file", "trap_fifo.py stays: it is not a socket"):  # fmt: skip
        assert reason in sprung.output
    assert sprung.seconds < 240
    assert sprung.outside == set()
    assert not sprung.pwned
    assert b"bundle/unit-cat.txt" in sprung.bundle
    assert SHADOW.encode() not in sprung.bundle, "a line of the shadow file"


@pytest.mark.parametrize("name", list(bad_inputs.TRAPS))
def test_a_trap_is_left_as_it_is(sprung: Sprung, trapped: Trapped, name: str) -> None:
    """It was there when the remedies came by, and is what it was: only bytecode may be gone."""
    was = trapped.set[name]
    assert was, "the trap was set"
    gone = {path for path, entry in was.items() if sprung.entries.get(path) != entry}
    assert {path for path in gone if not path.strip("'").endswith(".pyc")} == set()


def test_a_diagnosis_ends_among_traps(trapped: Trapped, sprung: Sprung) -> None:
    """The look itself meets the same FIFOs, links and names."""
    assert sprung.entries, "the remedies came first"
    code, incident, output = trapped.site.play("diagnose", rescue502_level="full")
    assert incident["evidence"]["probe"]["seconds"] < 60, output
    assert incident["evidence"]["stack"]["root"] == ROOT_FOLDER
    assert code in (0, 2)
    assert SHADOW not in output


@pytest.mark.parametrize("name", list(bad_inputs.RACES))
def test_a_race_is_lost_by_nobody(site: Site, name: str) -> None:
    """What the app's user puts in the place of what was judged is left as it is."""
    put(site.host, "/srv/raced.sh", RACED)
    facts = {"ROOT": ROOT_FOLDER, "STEPS": bad_inputs.RACES[name].replace("$R", f"{ROOT_FOLDER}/media")}
    before = site.host.snapshot()
    site.host.run("bash /srv/raced.sh", variables=facts)
    output = play(site, RACE)
    state, turns = site.host.run("systemctl is-active race; stat -c %s /srv/race.turns").stdout.split()
    assert (state, int(turns) > 20) == ("active", True), "the folders were swapped while root was at work"
    site.host.run("systemctl stop race; rm -f /srv/race*")
    assert re.search(r"(?m)^(changed|failed): .*item=", output), "there was something to repair"
    assert outside(site, before) == set()
