"""The app's user puts something else in the place of its unit's program: root makes nothing else executable."""

from __future__ import annotations

import re
from collections.abc import Iterator

import names
import pytest
from test_traps import play
from tiers import each_change

import lab
from lab.site import Site, differences, put

# They share a host, so one worker takes them all.
pytestmark = pytest.mark.xdist_group("hostile-programs")

ROLE = """
- name: The program can be executed
  ansible.builtin.include_role:
    name: rescue502.django.make_executable
    apply:
      check_mode: "{{ item.0 }}"
      ignore_errors: true
  vars:
    rescue502_path: "{{ path }}"
  loop: "{{ [true, false] | product(range(times | int)) }}"
"""
# The environment is the app's. As root: where fs.protected_hardlinks is off, the app's user can make each hard link.
PREPARE = 'cp -a "$VENV" /srv/venv.kept; chown -R "$APP_USER": "$VENV"; install -d -m 755 /srv/roots/bin'
RESTORE = """
rm -rf "$VENV"; cp -a /srv/venv.kept "$VENV"; chown -R "$APP_USER": "$VENV"; rm -rf /srv/roots/bin/*
systemctl reset-failed "$UNIT"; systemctl restart "$UNIT"
"""
AS_APP = 'runuser -u "$APP_USER" -- '
# Each with what root's own file must stay: its path.
PLANTS = {
    "a-hard-link-to-shadow": ('rm "$VENV/bin/gunicorn"; ln /etc/shadow "$VENV/bin/gunicorn"', "/etc/shadow"),
    "a-folder-of-roots": (
        "install -m 640 /srv/venv.kept/bin/gunicorn /srv/roots/bin/gunicorn; "
        f'mv "$VENV/bin" "$VENV/bin.app"; {AS_APP} ln -s /srv/roots/bin "$VENV/bin"',
        "/srv/roots/bin/gunicorn",
    ),
    "a-link-to-roots-file": (
        "install -m 644 /dev/null /srv/roots/bin/tool; "
        f'rm "$VENV/bin/gunicorn"; {AS_APP} ln -s /srv/roots/bin/tool "$VENV/bin/gunicorn"',
        "/srv/roots/bin/tool",
    ),
    "a-set-user-id-program": (
        'install -m 4644 /bin/sh "$VENV/bin/sh.new"; mv "$VENV/bin/sh.new" "$VENV/bin/gunicorn"',
        "",
    ),
    "a-link-to-the-environment-above": (
        "install -m 640 /srv/venv.kept/bin/gunicorn /srv/roots/bin/gunicorn; "
        f'mv "$VENV" "$VENV.app"; {AS_APP} ln -s /srv/roots "$VENV" || ln -s /srv/roots "$VENV"; '
        'chown -h "$APP_USER" "$VENV"',
        "/srv/roots/bin/gunicorn",
    ),
}
# Two names that are exchanged, as the app's user would, while root is at work; one is a hard link to root's file.
RACE = """
cat > /srv/race.py <<'PYTHON'
import ctypes, os, sys
folder, turns = sys.argv[1], 0
rename, here = ctypes.CDLL(None).renameat2, -100
one, other = (os.fsencode(os.path.join(folder, name)) for name in ("gunicorn", "gunicorn.other"))
while True:
    assert rename(here, one, here, other, 2) == 0
    turns += 1
    for path in (one, other):
        if os.stat(path).st_nlink == 1:
            os.chmod(path, 0o644)
    if turns % 100 == 0:
        open("/srv/race.new", "w").write(str(turns))
        os.rename("/srv/race.new", "/srv/race.turns")
PYTHON
install -m 640 /dev/null /srv/roots/bin/secret; ln /srv/roots/bin/secret "$VENV/bin/gunicorn.other"
chmod 644 "$VENV/bin/gunicorn"; chown "$APP_USER" "$VENV/bin"
systemd-run -q --unit=race python3 /srv/race.py "$VENV/bin"
"""


@pytest.fixture(scope="module")
def own(worker_id: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A host whose environment is the app's own."""
    host = lab.Host(names.of(worker_id, "p")).up()
    host.run(PREPARE)
    yield Site(host, tmp_path_factory.mktemp("hostile-programs"))
    host.down()


def look(host: lab.Host, path: str) -> str:
    """Which file a path leads to, its owner and mode."""
    return host.run('stat -L -c "%i %U:%G %a" "$P"', variables={"P": path}).stdout.strip()


@pytest.mark.parametrize("name", each_change("a-hard-link-to-shadow", of=PLANTS))
def test_only_the_program_is_made_executable(own: Site, name: str) -> None:
    """By hand chmod would change what is there; a recovery, and the role by itself, leave it as it is and say why."""
    host, (plant, roots) = own.host, PLANTS[name]
    program = f"{host.shape.venv}/bin/gunicorn"
    host.break_with("", f'{plant}; systemctl restart "$UNIT" || true; sleep 1')
    before, state = look(host, program), host.snapshot()
    assert not roots or look(host, roots) == before, "the program is root's own file"
    assert not int(before.split()[-1], 8) & 0o111, "and nobody may execute it"
    _code, incident, output = own.play("recover", rescue502_level="full")
    assert incident["evidence"]["service"]["exec"]["executable"] is False, output
    assert look(host, program) == before, output
    output = play(own, ROLE, path=program, times="1")
    assert len(re.findall(r"(?m)^(?:failed|fatal): ", output)) == 2, output
    assert output.count("Nothing was changed.") >= 2, output
    assert look(host, program) == before, output
    assert not [item for item in differences(state, host.snapshot()) if "/bin/" in item or "/etc/" in item]
    host.break_with("", RESTORE)


@pytest.mark.nightly
def test_an_exchange_between_look_and_change(own: Site) -> None:
    """The app's program and a hard link to root's file change places all the time: the mode of the latter stays."""
    host = own.host
    program = f"{host.shape.venv}/bin/gunicorn"
    put(host, "/srv/race.sh", RACE)
    host.run("bash -e /srv/race.sh")
    output = play(own, ROLE, path=program, times="12")
    state = host.run("systemctl is-active race; cat /srv/race.turns; echo; stat -c %a /srv/roots/bin/*").stdout.split()
    host.run("systemctl stop race")
    assert (state[0], int(state[1]) > 1000) == ("active", True), "they changed places while root was at work"
    assert re.search("(?m)^changed: ", output), "the app's own was made executable"
    assert re.search("same file as one elsewhere|another file", output), "root's own was met"
    assert state[2] == "640", output
    host.break_with("", RESTORE)
