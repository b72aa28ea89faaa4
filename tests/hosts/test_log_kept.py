"""Write-ahead log that PostgreSQL keeps for somebody who does not take it, until its file system is full."""

from __future__ import annotations

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import load

from lab import look
from lab.site import Site, differences, named

pytestmark = pytest.mark.nightly

KEPT, FULL = "database/log-kept", "host/disk-full"
CATALOGUE = load()
DATA = "/var/lib/postgresql/15/main"
# The archive takes nothing any more, and the app goes on writing until there is no room.
ARCHIVE = f"""
sql -c "ALTER SYSTEM SET archive_mode = on" -c "ALTER SYSTEM SET archive_command = 'test -d /mnt/archive'"
systemctl restart "$DATABASE_UNIT"
until_true "runuser -u postgres -- psql -qXc '' 2> /dev/null"
work="SELECT pg_logical_emit_message(false, 'work', repeat('x', 1000000)) FROM generate_series(1, 20)"
while sql -c "$work" -c CHECKPOINT > /dev/null 2>&1; do :; done
restart_app
df -m --output=avail {DATA}
"""


def test_room_elsewhere_would_not_hold(site: Site) -> None:
    """For a slot, then for an archive: freeing space is not what is offered, and what is said to do by hand helps."""
    site.host.break_with(KEPT)
    broken = site.host.snapshot()
    code, incident, output = site.play("recover", rescue502_approve=["free_disk_space", FULL])
    assert (code, incident["outcome"], named(incident), incident["actions"]) == (2, "needs-human", [KEPT], []), output
    assert differences(broken, site.host.snapshot()) == set()
    (finding,) = [item for item in incident["findings"] if item["id"] == KEPT]
    assert "kept for the replication slot old_replica" in finding["because"]
    site.host.run(f"mount -o remount,size=600m {DATA}")
    site.host.break_with("", finding["by_hand"].replace("journalctl", "sleep 1; journalctl"))
    assert int(site.host.run(f"du -sm {DATA}/pg_wal | cut -f 1").stdout) < 150
    code, incident, output = site.play("recover", rescue502_level="full")
    assert (code, incident["outcome"], named(incident)) == (0, "healthy", []), output
    site.host.break_with("", ARCHIVE)
    found = look.diagnosed(site.host, CATALOGUE)
    assert [item.id for item in found.root_causes] == [KEPT], [item.because for item in found.root_causes]
    assert "wait for an archive command that does not take them" in found.root_causes[0].because
    assert "replication slot" not in found.root_causes[0].because
