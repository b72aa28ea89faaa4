"""The virtual environment that is in use is whole, however its repair fails or is cut off."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatch
from typing import Any

import pytest
import yaml

from lab.playbook import ROOT
from lab.site import Site, differences, named

VENV = "/var/www/xamila/xamila_backend/venv"
SIDE = "/var/www/xamila/xamila_backend/.venv.rescue502-new"
OLD = f"{VENV}.rescue502-old-20260131T120000Z"
KEPT = "/var/lib/rescue502/environments/*/venv.rescue502-old-*"
LEFT = f"ls -d {SIDE} {VENV}.rescue502-old-* {KEPT} 2>/dev/null || true"
# Ends the module and the installer with it, as the kernel or a power cut would.
KILL = """
timeout 60 bash -c 'until pid=$(pgrep -of "[p]ip install"); do sleep 0.02; done'
pid=$(pgrep -of "[p]ip install")
kill -9 $(ps -o ppid= -p $pid) $pid
"""


def apply(site: Site, role: str) -> tuple[int, str]:
    """Run one of our roles alone, as anybody's playbook would: (return code, output)."""
    play: dict[str, Any] = {"hosts": "django", "become": True, "gather_facts": False}
    variables = {"rescue502_root": site.shape.root, "rescue502_venv": site.shape.venv, "rescue502_user": "www-data"}
    variables["rescue502_unit"] = site.shape.unit
    path = site.folder / "role.yml"
    path.write_text(yaml.safe_dump([{**play, "vars": variables, "roles": [f"rescue502.django.{role}"]}]))
    code, _incident, output = site.play(os.path.relpath(path.with_suffix(""), ROOT / "playbooks"))
    return code, output


def seen(site: Site) -> list[str]:
    """What an interrupted or failed run left next to the environment, and what a whole one keeps elsewhere."""
    return site.host.run(LEFT).stdout.split()


@pytest.mark.nightly
def test_a_new_one_takes_the_old_ones_place(site: Site) -> None:
    """Programs name the final place, the old one stays in root's folder, and what is complete is left alone."""
    site.host.break_with("dependencies/missing")
    code, output = apply(site, "pip_install")
    assert (code, "changed=1" in output) == (0, True), output
    assert [fnmatch(path, KEPT) for path in seen(site)] == [True]
    assert site.host.run(f"head -1 {VENV}/bin/slugify").stdout.startswith(f"#!{VENV}/bin/python")
    assert site.host.run(f"grep -rlI rescue502-new {VENV}/bin {VENV}/pyvenv.cfg || true").stdout == ""
    assert site.host.run(f"ls -A {VENV} | grep rescue502 || true").stdout == ""
    kept = seen(site)
    code, output = apply(site, "pip_install")
    assert (code, "changed=0" in output, seen(site)) == (0, True, kept), output


@pytest.mark.nightly
@pytest.mark.parametrize("role", ["pip_install", "rebuild_venv"])
def test_killed_in_the_middle_the_old_one_is_in_use(site: Site, role: str) -> None:
    """kill -9 of the installer: nothing in use was touched, and the next run clears up and repairs."""
    site.host.break_with("dependencies/missing" if role == "pip_install" else "dependencies/venv-broken")
    before = site.host.snapshot()
    with ThreadPoolExecutor(1) as other:
        killing = other.submit(site.host.run, KILL)
        code, output = apply(site, role)
        killing.result()
    assert code == 2, output
    assert {path for path in differences(before, site.host.snapshot()) if SIDE not in path} == set()
    assert seen(site) == [SIDE]
    code, incident, output = site.play("recover")
    assert (code, incident["outcome"]) == (0, "recovered"), output
    assert SIDE not in seen(site)


@pytest.mark.parametrize(
    "state",
    [
        # Between two renames.
        f"mv {VENV} {OLD}",
        # Between the exchange and the old one's own name.
        pytest.param(
            f"mv {SIDE} {VENV}.x; mv {VENV} {SIDE}; rm {SIDE}/.rescue502-complete || true; mv {VENV}.x {VENV}",
            marks=pytest.mark.nightly,
        ),
        # While the old one was removed after it had been copied aside.
        pytest.param(
            f"cp -al {VENV} {OLD}; touch {SIDE}/.rescue502-committed; rm -r {VENV}/lib", marks=pytest.mark.nightly
        ),
    ],
)
def test_an_interrupted_change_of_places_is_finished(site: Site, state: str) -> None:
    """The complete new environment comes into use without anything being installed again."""
    site.host.run(
        f"cp -a {VENV} {SIDE}; printf %s {os.path.basename(OLD)} > {SIDE}/.rescue502-complete; touch {SIDE}/new"
    )
    site.host.run(state + "; mv /etc/pip.conf /etc/pip.conf.gone; systemctl stop xamila")
    code, output = apply(site, "rebuild_venv")
    assert (code, "changed=1" in output) == (0, True), output
    assert site.host.run(f"ls -A {VENV}").stdout.split() == ["bin", "include", "lib", "lib64", "new", "pyvenv.cfg"]
    assert seen(site) == [OLD]
    site.host.run("systemctl start xamila")
    assert site.host.run(f"{VENV}/bin/python -c 'import django, slugify'").returncode == 0


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("fault", "remedy"), [("dependencies/missing", "pip_install"), ("dependencies/venv-broken", "rebuild_venv")]
)
def test_where_the_index_cannot_be_reached_nothing_is_changed(site: Site, fault: str, remedy: str) -> None:
    """The packages cannot be had: it is tried, the old environment is as it was, and nothing lies next to it."""
    site.host.run("mv /var/cache/wheels /var/cache/wheels.gone")
    site.host.break_with(fault)
    before = site.host.snapshot()
    code, incident, output = site.play("recover")
    assert (code, named(incident)) == (2, [fault]), output
    assert [(action["remedy"], action["ok"]) for action in incident["actions"]] == [(remedy, False)], output
    assert differences(before, site.host.snapshot()) == set()
    assert seen(site) == []


@pytest.mark.nightly
def test_where_folders_cannot_be_renamed_it_is_copied_aside(site: Site) -> None:
    """A folder of a container's image cannot be renamed: the old one is copied first, and the new one comes whole."""
    site.host.run(
        "systemctl stop xamila; mkdir /mnt/disk; mount -t tmpfs tmpfs /mnt/disk; mkdir /mnt/disk/upper /mnt/disk/work;"
        "mount -t overlay overlay -o lowerdir=/var/www,upperdir=/mnt/disk/upper,workdir=/mnt/disk/work,redirect_dir=off"
        " /var/www"
    )
    site.host.break_with("dependencies/missing")
    renamed = site.host.run(f"""python3 -c 'import os; os.rename("{VENV}", "{VENV}.renamed")'""", check=False)
    assert "Invalid cross-device link" in renamed.stderr
    code, incident, output = site.play("recover")
    assert (code, incident["outcome"]) == (0, "recovered"), output
    assert len(seen(site)) == 1
    assert site.host.run(f"test -x {seen(site)[0]}/bin/python")


@pytest.mark.nightly
def test_a_mount_point_is_changed_in_place(site: Site) -> None:
    """Nothing can take a mount point's place: that is reported, and it is repaired all the same."""
    site.host.run(f"mount --bind {VENV} {VENV}")
    site.host.break_with("dependencies/missing")
    code, incident, output = site.play("recover")
    assert (code, incident["outcome"]) == (0, "recovered"), output
    assert "is a mount point: it is changed in place" in output
    assert seen(site) == []


@pytest.mark.nightly
def test_a_link_is_followed_and_stays(site: Site) -> None:
    """The environment's folder is a link: the work is done next to what it leads to."""
    site.host.run(f"systemctl stop xamila; mkdir /srv/envs; mv {VENV} /srv/envs/app; ln -s /srv/envs/app {VENV}")
    site.host.run(
        f"chown -h www-data {VENV}; chown www-data /srv/envs; sed -i s,{VENV}/,/srv/envs/app/, /srv/envs/app/bin/*"
    )
    site.host.break_with("dependencies/missing")
    code, incident, output = site.play("recover")
    assert (code, incident["outcome"]) == (0, "recovered"), output
    assert site.host.run(f"readlink {VENV}; ls /srv/envs").stdout.split()[:2] == ["/srv/envs/app", "app"]
    assert site.host.run("ls -A /srv/envs").stdout.split() == ["app"], "the old one is in root's folder"
    kept = KEPT.replace("venv.", "app.")
    assert len(site.host.run(f"ls -d {kept}").stdout.split()) == 1


# A package whose build has put a module of its own in the place of one of Django's.
BROKEN_WHEEL = """
import zipfile
with zipfile.ZipFile("/srv/wheels/broken-1.0-py3-none-any.whl", "w") as wheel:
    wheel.writestr("asgiref/__init__.py", "raise ImportError('of the wrong platform')\\n")
    wheel.writestr("broken-1.0.dist-info/METADATA", "Metadata-Version: 2.1\\nName: broken\\nVersion: 1.0\\n")
    wheel.writestr("broken-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
    wheel.writestr("broken-1.0.dist-info/RECORD", "")
"""


def test_one_in_which_the_app_does_not_come_up_is_not_put_in_place(site: Site) -> None:
    """What is installed may break what still works: the app is tried in the staged environment first."""
    site.host.run(f"mkdir -p /srv/wheels\npython3 - <<'EOF'\n{BROKEN_WHEEL}EOF\nchmod -R go+rX /srv/wheels")
    site.host.run('echo /srv/wheels/broken-1.0-py3-none-any.whl >> "$ROOT/requirements.txt"')
    before = site.host.snapshot()
    code, output = apply(site, "pip_install")
    assert (code, "was not put in place" in output, "step application" in output) == (2, True, True), output
    assert differences(before, site.host.snapshot()) == set()
    assert seen(site) == []
    # It would have taken the app down.
    site.host.break_with("", "$VENV/bin/pip install -q --no-deps /srv/wheels/broken-1.0-py3-none-any.whl\nrestart_app")
    assert site.host.ask(site.shape.api_path)[0] == 502
