"""A host without /usr/bin/python3: Ansible and the app run in a Python below /opt, and so does all that we start."""

from __future__ import annotations

import pytest
from unharmed import left_as_it_was

import lab.host
from lab.site import Site, named

PYTHON = "/opt/python/bin/python3"
# The interpreter and its library are moved, so that nothing can fall back on them; the app's environment follows.
MOVED = r"""
stop_app
name="$(basename "$(readlink -f /usr/bin/python3)")"
install -d /opt/python/bin /opt/python/lib
mv "/usr/bin/$name" /opt/python/bin/
mv "/usr/lib/$name" /opt/python/lib/
ln -s "$name" /opt/python/bin/python3
rm -f /usr/bin/python3*
for link in "$VENV"/bin/python*; do
  case "$(readlink "$link")" in /*) ln -sfn /opt/python/bin/python3 "$link" ;; esac
done
sed -i 's#/usr/bin#/opt/python/bin#' "$VENV/pyvenv.cfg"
restart_app
until_true "curl -sf -o /dev/null -H 'Host: $SERVER_NAME' http://127.0.0.1$API_PATH"
"""


@pytest.mark.nightly
def test_a_python_below_opt_alone(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A site that is well is left alone; a commit is tried and gone back to, and a package installed, as anywhere."""
    site.host.break_with("", MOVED)
    # The lab's own looks need a Python too.
    monkeypatch.setattr(lab.host, "PATH", f"{lab.host.PATH}:/opt/python/bin")
    assert site.host.run("ls /usr/bin /usr/local/bin | grep -c '^python' || true").stdout.strip() == "0"
    running = site.host.run('readlink "/proc/$(systemctl show -P MainPID "$UNIT")/exe"').stdout
    assert running.startswith("/opt/python/bin/python3."), running
    python = {"ansible_python_interpreter": PYTHON}
    with left_as_it_was(site):
        code, incident, output = site.play("recover", rescue502_level="full", **python)
        assert (code, incident["outcome"], incident["findings"], incident["actions"]) == (0, "healthy", [], []), output

    for fault, remedies in (
        ("code/raises-on-import", ["rollback_code", "restart"]),
        ("dependencies/missing", ["pip_install", "restart"]),
    ):
        site.host.break_with(fault)
        code, incident, output = site.play("recover", rescue502_approve=[fault], **python)
        assert (code, incident["outcome"], named(incident)) == (0, "recovered", [fault]), output
        assert [(action["remedy"], action["ok"]) for action in incident["actions"]] == [
            (name, True) for name in remedies
        ], output
        assert site.host.ask(site.shape.api_path)[0] == 200
