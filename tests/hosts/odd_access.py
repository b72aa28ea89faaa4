"""Hosts on which mode bits do not say who may do what: how each is made, and what shows that it was.

Each is a script that runs as root with the host's facts, and a command that must succeed afterwards. `as_app` reads a
file as the app's account, without what the unit adds to it.
"""

from __future__ import annotations

from typing import NamedTuple

PRELUDE = r"""
as_app() { runuser -u "$APP_USER" -- cat "$1" > /dev/null 2>&1; }
serves() { until_true "curl -sf -o /dev/null -H 'Host: $SERVER_NAME' http://127.0.0.1$API_PATH"; }
# The app's own access control list entry, without setfacl: the kernel's form of it, xattr(7).
grant() { find "$1" -not -name __pycache__ -not -name '*.pyc' -print0 | python3 -c "
import os, pwd, struct, sys
uid = pwd.getpwnam(os.environ['APP_USER']).pw_uid
for path in sys.stdin.buffer.read().split(b'\0')[:-1]:
    bits = 5 if os.path.isdir(path) else 4
    entries = ((1, 2 | bits, -1), (2, bits, uid), (4, 0, -1), (16, bits, -1), (32, 0, -1))
    acl = struct.pack('<I', 2) + b''.join(struct.pack('<HHi', *entry) for entry in entries)
    os.setxattr(path, 'system.posix_acl_access', acl)
"; }
drop_in() {
  install -d "/etc/systemd/system/$UNIT.d"
  printf '[Service]\n%s\n' "$2" > "/etc/systemd/system/$UNIT.d/$1.conf"
  systemctl daemon-reload
}
# Root's alone, but for what a test adds.
close() { chown -R root:root "$1"; chmod -R u=rwX,go= "$1"; }
cd "$ROOT"
"""


class Oddity(NamedTuple):
    """How a host is made odd, and a command that succeeds only where it is."""

    made: str
    shown: str
    # Whether the app reads whatever there is: then a file that is root's alone is no fault.
    reads_all: bool = False


ODDITIES = {
    "access-control-list": Oddity(
        'close "$PACKAGE"; grant "$PACKAGE"',
        'as_app "$PACKAGE/settings.py" && test "$(stat -c %U:%G "$PACKAGE/settings.py")" = root:root',
    ),
    "supplementary-groups": Oddity(
        """
        groupadd --force webcode
        close "$APP_LABEL"; chgrp -R webcode "$APP_LABEL"; chmod -R g+rX "$APP_LABEL"
        drop_in groups 'SupplementaryGroups=webcode'
        """,
        '! as_app "$APP_LABEL/models.py" && grep -q "^Groups:.*$(getent group webcode | cut -d: -f3)" '
        '"/proc/$(systemctl show -P MainPID "$UNIT")/status"',
    ),
    "checkout-under-umask-077": Oddity(
        'chown -R "$APP_USER": notifications; chmod -R go= notifications',
        'test "$(stat -c %a notifications/urls.py)" = 600',
    ),
    "roots-code-and-the-apps-group": Oddity(
        'close notifications; chgrp -R "$APP_GROUP" notifications; chmod -R g+rX notifications',
        'test "$(stat -c %U:%a notifications/urls.py)" = root:640',
    ),
    "capability-to-read": Oddity(
        """
        close "$APP_LABEL"
        drop_in capability 'AmbientCapabilities=CAP_DAC_OVERRIDE'
        """,
        '! as_app "$APP_LABEL/models.py"',
        reads_all=True,
    ),
    "user-namespace": Oddity(
        "drop_in users 'PrivateUsers=yes'",
        'test "$(readlink "/proc/$(systemctl show -P MainPID "$UNIT")/ns/user")" != "$(readlink /proc/1/ns/user)"',
    ),
    "its-own-view-of-the-files": Oddity(
        """
        mv "$ROOT/$APP_LABEL" "/srv/$APP_LABEL"
        install -d -m 700 -o root -g root "$ROOT/$APP_LABEL"
        install -m 600 /dev/null "$ROOT/$APP_LABEL/models.py"
        drop_in view "BindReadOnlyPaths=/srv/$APP_LABEL:$ROOT/$APP_LABEL"
        """,
        '! as_app "$APP_LABEL/models.py"',
    ),
    "media-is-the-apps-folder": Oddity(
        """
        printf 'MEDIA_ROOT = BASE_DIR\\n' >> "$PACKAGE/settings.py"
        app_git commit -qam 'Uploads go where the code is'
        chown root:"$APP_GROUP" "$ROOT" manage.py; chmod 750 "$ROOT" manage.py
        """,
        '! runuser -u "$APP_USER" -- touch "$ROOT/upload"',
    ),
    "media-holds-what-is-no-upload": Oddity(
        """
        install -d "$MEDIA_ROOT/venv/bin" "$MEDIA_ROOT/repository/.git"
        touch "$MEDIA_ROOT/venv/pyvenv.cfg" "$MEDIA_ROOT/venv/bin/tool"
        install -m 600 /dev/null "$MEDIA_ROOT/.env"; install -m 600 /dev/null "$MEDIA_ROOT/repository/.git/config"
        chown -R "$APP_USER": "$MEDIA_ROOT/repository"; close "$MEDIA_ROOT/repository/.git"
        close "$MEDIA_ROOT/venv"
        """,
        '! as_app "$MEDIA_ROOT/.env" && ! as_app "$MEDIA_ROOT/venv/pyvenv.cfg"',
    ),
    "read-only-mount": Oddity(
        """
        install -d -m 755 "$MEDIA_ROOT/archive"; install -m 644 /dev/null "$MEDIA_ROOT/archive/1999.pdf"
        chown -R "$APP_USER": "$MEDIA_ROOT/archive"
        for path in "$PACKAGE" "$MEDIA_ROOT/archive"; do
          mount --bind "$path" "$path"; mount -o remount,ro,bind "$path"
        done
        """,
        '! touch "$PACKAGE/new" "$MEDIA_ROOT/archive/new" 2> /dev/null',
    ),
    "files-that-are-nobodys-business": Oddity(
        """
        install -d -m 700 -o root -g root backups; install -m 600 /dev/null backups/all.sql
        install -m 600 /dev/null deploy.key
        """,
        "! as_app backups/all.sql && ! as_app deploy.key",
    ),
    "module-without-its-source": Oddity(
        """
        printf 'NAME = "licensed"\\n' > licensed.py
        "$VENV/bin/python" -c "import py_compile; py_compile.compile('licensed.py', 'licensed.pyc')"
        rm licensed.py; chown "$APP_USER": licensed.pyc
        sed -i '1i import licensed' "$PACKAGE/urls.py"
        app_git add -f licensed.pyc
        app_git commit -qm 'A module that came without its source' licensed.pyc "$PACKAGE/urls.py"
        """,
        "test ! -e licensed.py && app_git ls-files --error-unmatch licensed.pyc",
    ),
}
# Needs a capability that no container has: made from outside of it.
IMMUTABLE = r"""
cd "$ROOT"
install -m 644 /dev/null "$MEDIA_ROOT/terms.pdf"
chattr +i "$PACKAGE/urls.py" "$MEDIA_ROOT/terms.pdf"
chattr +a "$LOG_DIR/django.log"
! echo >> "$PACKAGE/urls.py"
"""
# With its bytecode there, Python would not read it.
BARRED = r"""
cd "$ROOT"
chattr -i "$PACKAGE/urls.py"
chown root:root "$PACKAGE/urls.py"
chmod 600 "$PACKAGE/urls.py"
rm -r "$PACKAGE/__pycache__"
chattr +i "$PACKAGE/urls.py"
systemctl restart "$UNIT"
"""
NO_LONGER_IMMUTABLE = r"""
cd "$ROOT"
chattr -i "$PACKAGE/urls.py" "$MEDIA_ROOT/terms.pdf"
chattr -a "$LOG_DIR/django.log"
"""
# Those that do not meet: one host has them all.
TOGETHER = (
    "module-without-its-source", "access-control-list", "supplementary-groups", "roots-code-and-the-apps-group",
    "user-namespace", "media-holds-what-is-no-upload", "files-that-are-nobodys-business",
)  # fmt: skip


def script(*names: str) -> str:
    """What makes a host odd in these ways, restarts the app, and shows that it serves and that each took."""
    made = "\n".join(ODDITIES[name].made for name in names)
    shown = "\n".join(
        f"{{ {ODDITIES[name].shown}; }} || {{ echo '{name} did not take' >&2; exit 1; }}" for name in names
    )
    return f"{PRELUDE}\n{made}\nrestart_app\nserves\n{shown}\n"
