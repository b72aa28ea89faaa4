"""What a run makes of a host that is to stay as it is: what it changed, restarted, and had root run for the app.

Each is counted for docs/chaos.md (conftest.py hands the counts to the report of the test).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from lab.site import Site, differences

COUNTED = ("changed", "restarted", "root")
# Of the test that runs: how much of each, in all runs that were watched.
counts: Counter[str] = Counter()

MARKS = "/run/marks"
# A line of the environment's that each Python in it runs when it starts, whatever it is started for: it leaves a mark
# with who that was. In /run, so that the marks of the app's own account are no change of the host's.
PLANT = rf"""
install -d -m 1777 {MARKS}
for site in "$VENV"/lib/python3*/site-packages; do
  printf '%s\n' "import os; os.access('{MARKS}', os.W_OK) and open('{MARKS}/%d' % os.geteuid(), 'w').close()" \
    > "$site/who-runs-this.pth"
  chown --reference="$site" "$site/who-runs-this.pth"; chmod 644 "$site/who-runs-this.pth"
done
"$VENV/bin/python" -c pass
test -e {MARKS}/0
rm -f {MARKS}/*
"""
RUNNING = "systemctl show -p Id -p InvocationID \"$UNIT\" nginx 'postgresql@*'"


def count(**found: Collection[str]) -> None:
    """Count what a run has changed, restarted or had root run, each by its name in COUNTED, before it is asserted."""
    assert set(found) <= set(COUNTED)
    counts.update({kind: len(items) for kind, items in found.items()})


@contextmanager
def left_as_it_was(site: Site, venv: str = "") -> Iterator[None]:
    """Fail where what is done inside changes a file, table or link, starts or restarts a unit, or has root run the app.

    The units are the app's, nginx, and each cluster of PostgreSQL. Logs may grow. venv: where the app's environment is,
    unless where the shape has it. LabError where there is none: then nothing would show that root runs the app.
    """
    site.host.run(PLANT, variables={"VENV": venv or site.shape.venv})
    before, running = site.host.snapshot(), site.host.run(RUNNING).stdout
    assert "InvocationID=" in running
    yield
    found = {
        "changed": {item for item in differences(before, site.host.snapshot()) if "/var/log/" not in item},
        "restarted": set(site.host.run(RUNNING).stdout.split()) - set(running.split()),
        "root": set(site.host.run(f"ls {MARKS}").stdout.split()) & {"0"},
    }
    count(**found)
    assert {kind: items for kind, items in found.items() if items} == {}
