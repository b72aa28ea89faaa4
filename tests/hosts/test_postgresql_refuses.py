"""PostgreSQL says why it does not start: what starting cannot cure is named, and is not started again and again."""

from __future__ import annotations

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import load

from lab import look
from lab.site import Site, differences, named

pytestmark = pytest.mark.nightly

CATALOGUE = load()
SERVER = """
C="$(ls -d /etc/postgresql/*/main)"; D="$(sed -nE "s/^data_directory = '(.*)'.*/\\1/p" "$C/postgresql.conf")"
SERVER="postgresql@$(basename "$(dirname "$C")")-main"
down() { systemctl stop "$SERVER"; }
up() { systemctl reset-failed "$SERVER"; ! systemctl start "$SERVER" 2> /dev/null; systemctl is-failed -q "$SERVER"; }
"""
REFUSES, MISSING, MODE = "database/refuses-to-start", "database/data-missing", "database/data-folder-mode"
# What is broken, what repairs it, the cause, and what its sentence must hold. One after the other on one host.
WAYS = {
    "no memory": ("echo 'huge_pages = on' >> $C/postgresql.conf", "sed -i '$d' $C/postgresql.conf", REFUSES, "memory"),
    "another program on the port": (
        "systemd-run -q --unit=squatter python3 -m http.server 5432 --bind 127.0.0.1; "
        'until_true "ss -lnt | grep -q :5432"',
        "systemctl stop squatter",
        REFUSES,
        "http.server",
    ),
    "data of another version": ("echo 9.6 > $D/PG_VERSION", "basename ${C%/main} > $D/PG_VERSION", REFUSES, "9.6"),
    "no write-ahead log": ("mv $D/pg_wal $D/gone", "mv $D/gone $D/pg_wal", REFUSES, "pg_wal"),
    "a folder above is root's alone": (
        "chown root: /var/lib/postgresql; chmod 700 /var/lib/postgresql",
        "chown postgres: /var/lib/postgresql; chmod 755 /var/lib/postgresql",
        REFUSES,
        "/var/lib/postgresql (drwx------ root:root) refuses postgres",
    ),
    "the socket's folder is root's": (
        "chown root: /run/postgresql; chmod 755 /run/postgresql",
        "chown postgres: /run/postgresql; chmod 2775 /run/postgresql",
        REFUSES,
        "postgresql (drwxr-sr-x root:root) refuses postgres",
    ),
    "the key is open to others": (
        "chmod 644 /etc/ssl/private/ssl-cert-snakeoil.key",
        "chmod 640 /etc/ssl/private/ssl-cert-snakeoil.key",
        REFUSES,
        "has group or world access",
    ),
    "root's data": ("chown root: $D", "chown postgres: $D", REFUSES, "owned by root"),
    "data_directory names another place": (
        "sed -i.bak \"s#^data_directory.*#data_directory = '/var/lib/postgresql/old'#\" $C/postgresql.conf",
        "mv $C/postgresql.conf.bak $C/postgresql.conf; chown postgres: $C/postgresql.conf",
        MISSING,
        "/var/lib/postgresql/old, which is not there",
    ),
    "a file system that is not mounted": (
        "mv $D /var/lib/away; install -d -o postgres -g postgres -m 700 $D; "
        'echo "LABEL=pgdata $D ext4 nofail 0 2" >> /etc/fstab',
        "rmdir $D; mv /var/lib/away $D; sed -i '$d' /etc/fstab",
        MISSING,
        "should be mounted, and is not",
    ),
}  # fmt: skip


def test_the_servers_own_reason_is_named(site: Site) -> None:
    """In ten ways, one after the other: the cause is that, a person is asked, and PostgreSQL is not merely started."""
    for way, (fault, repaired, cause, words) in WAYS.items():
        site.host.break_with("", f"{SERVER}\ndown\n{fault}\nup\nrestart_app\n")
        found = look.diagnosed(site.host, CATALOGUE, {})
        assert [item.id for item in found.root_causes] == [cause], way
        assert words in found.root_causes[0].because, f"{way}: {found.root_causes[0].because}"
        assert found.root_causes[0].by_hand.strip()
        site.host.run(f"{SERVER}\n{repaired}\nsystemctl reset-failed $SERVER; systemctl start $SERVER")


def test_what_was_repaired_meanwhile_is_no_reason(site: Site) -> None:
    """The folder's mode was given back by hand and nobody started the server: that is all that is left to do."""
    site.host.break_with(MODE)
    site.host.run("chmod 700 /var/lib/postgresql/*/main")
    code, incident, output = site.play("recover")
    assert (code, incident["outcome"], named(incident)) == (0, "recovered", ["database/stopped"]), output


def owners_and_modes(site: Site) -> dict[str, str]:
    """Owner, group and mode of each file and folder below /var/lib/postgresql, by path."""
    lines = site.host.run("find /var/lib/postgresql -printf '%p\\t%u:%g %m\\n'").stdout.splitlines()
    return dict(line.split("\t") for line in lines)


def test_only_the_data_folder_is_closed(site: Site) -> None:
    """All below /var/lib/postgresql was opened, as by a `chmod -R 777`: one folder is closed, and PostgreSQL runs."""
    site.host.break_with("", f"{SERVER}\nchmod -R 777 /var/lib/postgresql\ndown\nup\nrestart_app\n")
    broken, before = site.host.snapshot(), owners_and_modes(site)
    data = site.host.run("echo /var/lib/postgresql/*/main").stdout.strip()
    assert (before[data], before[f"{data}/PG_VERSION"], before[f"{data}/base"]) == (("postgres:postgres 777",) * 3)
    code, incident, output = site.play("recover")
    assert (code, incident["outcome"], named(incident)) == (0, "recovered", [MODE]), output
    after = owners_and_modes(site)
    changed = {path: after[path] for path in before.keys() & after.keys() if after[path] != before[path]}
    # The server makes its caches of the catalogue anew when it starts.
    changed = {path: now for path, now in changed.items() if not path.endswith("/pg_internal.init")}
    assert changed == {data: "postgres:postgres 700"}
    # What it removes when it starts is all that is gone.
    gone = [path for path in before if path not in after]
    assert {path for path in gone if not path.startswith((f"{data}/pg_", f"{data}/postmaster."))} == set()
    assert differences(broken, site.host.snapshot()) == set()
