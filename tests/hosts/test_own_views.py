"""Units with a view of the files of their own, and well: what lies outside of it, or does not, is nothing wrong."""

from __future__ import annotations

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import load
from unharmed import left_as_it_was

from lab import look
from lab.site import Site

pytestmark = pytest.mark.nightly

CATALOGUE = load()
# Sessions in a folder that only the unit has, and an app that keeps one.
SESSIONS = """
printf '\\nSESSION_ENGINE = "django.contrib.sessions.backends.file"\\nSESSION_FILE_PATH = "%s"\\n' {folder} \\
    >> "$ROOT/$PACKAGE/settings.py"
app_git commit -qam 'Keep sessions in files'
"""
ROOT_DIRECTORY = """
systemctl stop "$UNIT"
jail=/srv/jail
mkdir -p "$jail$(dirname "$ROOT")" "$jail$LOG_DIR" $jail/{usr,etc,run,tmp,var/tmp,proc,sys,dev}
for name in bin sbin lib lib64; do ln -s "usr/$name" "$jail/$name"; done
chmod 1777 $jail/tmp $jail/var/tmp
install -o "$APP_USER" -m 600 "$ROOT/.env" /etc/shop.env
mv "$ROOT" "$jail$ROOT"
sed -i "s#$STATIC_ROOT#$jail$STATIC_ROOT#" "$NGINX_SITE"
systemctl reload nginx
sed -i 's#^EnvironmentFile=.*#EnvironmentFile=/etc/shop.env#' "$UNIT_FILE"
unit_drop_in '[Service]' "RootDirectory=$jail" 'MountAPIVFS=yes' 'BindReadOnlyPaths=/usr /etc' \\
    "BindPaths=/run $LOG_DIR"
restart_app
"""


def bound_sessions(folder: str, option: str) -> str:
    """Bash that hides a place from the unit by an option, and gives it a folder for its sessions there."""
    return f"""{SESSIONS.format(folder=folder)}
install -d -o "$APP_USER" /srv/sessions
unit_drop_in '[Service]' '{option}' 'BindPaths=/srv/sessions:{folder}'
restart_app
"""


# Where the environment is by then; elsewhere it is where the shape has it.
MOVED = {"a root of its own": "/srv/jail{venv}", "code that is bound in": "/srv/release-7/venv"}
WAYS = {
    "a root of its own": ROOT_DIRECTORY,
    "code that is bound in": """
systemctl stop "$UNIT"
mv "$ROOT" /srv/release-7
mkdir "$ROOT"
cp /srv/release-7/.env "$ROOT/.env"
chown -R "$APP_USER:$APP_GROUP" "$ROOT"; chmod 600 "$ROOT/.env"
unit_drop_in '[Service]' "BindPaths=/srv/release-7:$ROOT"
restart_app
""",
    "sessions in an empty file system": bound_sessions("/var/cache/shop/sessions", "TemporaryFileSystem=/var/cache"),
    "sessions in its own /tmp": SESSIONS.format(folder="/tmp/shop-sessions")
    + """
unit_drop_in '[Service]' 'PrivateTmp=yes' 'ExecStartPre=/bin/mkdir -p /tmp/shop-sessions'
restart_app
""",
    "sessions in an empty home": bound_sessions("/home/shop/sessions", "ProtectHome=tmpfs"),
}


@pytest.mark.parametrize("way", WAYS)
def test_what_only_the_unit_sees(site: Site, way: str) -> None:
    """The site is healthy, and nothing is found."""
    site.host.break_with("", WAYS[way] + "\nuntil_true \"curl -sf -H 'Host: $SERVER_NAME' http://127.0.0.1$API_PATH\"")
    pid = site.host.run('systemctl show -P MainPID "$UNIT"').stdout.strip()
    mounts = f"readlink /proc/{pid}/ns/mnt /proc/self/ns/mnt | uniq | wc -l"
    assert site.host.run(mounts).stdout.strip() == "2", "the unit has its own view"
    with left_as_it_was(site, MOVED.get(way, "").format(venv=site.shape.venv)):
        found = look.diagnosed(site.host, CATALOGUE)
    assert [(item.id, item.because) for item in found.findings] == []


@pytest.mark.parametrize(
    "option",
    [
        "BindReadOnlyPaths=/usr/share:/mnt",
        "TemporaryFileSystem=/mnt",
    ],
)
def test_a_working_directory_that_is_lost_is_still_named(site: Site, option: str) -> None:
    """A unit whose view of it is the host's, with a mount of its own elsewhere."""
    site.host.break_with("", f"unit_drop_in '[Service]' 'PrivateTmp=yes' '{option}'\nrestart_app\n")
    pid = site.host.run('systemctl show -P MainPID "$UNIT"').stdout.strip()
    mounts = site.host.run(f"cut -d' ' -f5 /proc/{pid}/mountinfo").stdout.split()
    assert {"/tmp", "/mnt"} <= set(mounts), "the unit has a mount of its own"
    site.host.break_with("service/workdir-missing")
    found = look.diagnosed(site.host, CATALOGUE)
    assert [item.id for item in found.root_causes] == ["service/workdir-missing"]


# Debian's nginx is masked and its file is an old one; another nginx serves, and no unit knows it.
BY_HAND = """
mkdir -p /opt/edge
cp /etc/nginx/nginx.conf /opt/edge/nginx.conf
sed -i 's#include \\([a-z]\\)#include /etc/nginx/\\1#; s#^pid .*#pid /run/edge.pid;#' /opt/edge/nginx.conf
systemctl disable --now nginx
systemctl mask nginx
echo 'oops on;' >> /etc/nginx/nginx.conf
systemd-run -q --scope --unit edge /usr/sbin/nginx -c /opt/edge/nginx.conf
until_true "curl -sf -H 'Host: $SERVER_NAME' http://127.0.0.1$API_PATH"
! nginx -t
"""


def test_the_configuration_of_a_masked_nginx(site: Site) -> None:
    """It is read by nobody: the site is healthy."""
    site.host.break_with("", BY_HAND)
    with left_as_it_was(site):
        found = look.diagnosed(site.host, CATALOGUE)
    assert found.evidence["proxy"]["test"]["valid"] is False
    assert [(item.id, item.because) for item in found.findings] == []
