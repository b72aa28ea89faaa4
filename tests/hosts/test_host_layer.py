"""The host below it all: what happens when really everything is full, and what does not concern the site."""

from __future__ import annotations

from typing import Any

import pytest

from lab.site import Site

# All that a small server keeps on its one disk, filled to the last byte by a rotated log.
ONE_FULL_DISK = """
data="$(sql -At -c 'SHOW data_directory')"
systemctl stop "$UNIT" "$DATABASE_UNIT" nginx
timeout 20 bash -c "while [ -e '$data/postmaster.pid' ]; do sleep 0.1; done"
mkdir /mnt/small
mount -t tmpfs -o size=400m tmpfs /mnt/small
for place in "$data" /var/log /tmp /var/tmp /home /root "$ROOT"; do
  mkdir -p "/mnt/small$place"
  cp -aT "$place" "/mnt/small$place"
  mount --rbind "/mnt/small$place" "$place"
done
touch /var/log/syslog
dd if=/dev/zero of=/var/log/syslog.1 bs=64k 2>/dev/null || true
systemctl start "$DATABASE_UNIT" || true
systemctl start nginx || true
restart_app
"""
# Full, without inodes, or read-only, and nothing of the site's on it.
NOBODYS_BUSINESS = """
mkdir -p /mnt/backup /mnt/spool /mnt/image
mount -t tmpfs -o size=1m tmpfs /mnt/backup
dd if=/dev/zero of=/mnt/backup/old.tar bs=4k 2>/dev/null || true
mount -t tmpfs -o nr_inodes=10 tmpfs /mnt/spool
for number in $(seq 20); do : > "/mnt/spool/$number" || break; done 2>/dev/null
mount -t tmpfs -o ro tmpfs /mnt/image
mount -t tmpfs -o size=64k tmpfs /tmp
dd if=/dev/zero of=/tmp/fill bs=4k 2>/dev/null || true
mount --bind "$ROOT" "$ROOT" && mount -o remount,ro,bind "$ROOT"
mount --bind "$ROOT/media" "$ROOT/media" 2>/dev/null || true
systemctl stop "$UNIT"
"""
# Fails where one of them is not so.
NOTHING_LEFT = """
[ "$(df --output=avail /mnt/backup /tmp | xargs)" = 'Avail 0 0' ]
[ "$(df --output=iavail /mnt/spool | xargs)" = 'IFree 0' ]
! touch /mnt/image/x 2>/dev/null || exit 1
! touch "$ROOT/x" 2>/dev/null || exit 1
"""


def named(incident: dict[str, Any]) -> list[str]:
    """Ids of the root causes."""
    return sorted(cause["id"] for cause in incident["root_causes"])


@pytest.mark.nightly
def test_one_full_disk(site: Site) -> None:
    """Disk full, PostgreSQL down, the app in a crash loop, the start limit hit: one cause, repaired from the ground up.

    Not even Ansible has a place to put its own files then.
    """
    site.host.break_with("host/disk-full", ONE_FULL_DISK)
    assert site.host.run("df --output=avail /mnt/small /tmp").stdout.split() == ["Avail", "0", "0"]
    assert site.host.run("systemctl is-active postgresql@*-main", check=False).stdout.strip() != "active"
    assert site.host.ask(site.shape.api_path)[0] in (500, 502)
    _code, incident, output = site.play("diagnose")
    assert named(incident) == ["host/disk-full"], output
    code, incident, output = site.play("recover", rescue502_approve=["host/disk-full"])
    assert (code, incident["outcome"]) == (0, "recovered"), output
    assert [action["remedy"] for action in incident["actions"]] == ["free_disk_space", "start_database", "restart"]
    code, incident, output = site.play("recover")
    assert (code, incident["outcome"], incident["actions"]) == (0, "healthy", []), output


@pytest.mark.nightly
def test_a_full_disk_that_nothing_lives_on(site: Site) -> None:
    """Backups, spools, images and code that is read-only by choice are not named besides the true cause."""
    site.host.break_with("service/stopped", NOBODYS_BUSINESS)
    site.host.run(NOTHING_LEFT)
    assert site.host.ask(site.shape.api_path)[0] == 502
    code, incident, output = site.play("recover")
    assert named(incident) == ["service/stopped"], output
    assert (code, incident["outcome"]) == (0, "recovered"), output
