"""Hosts that are odd as a whole, and well: how each oddity is made, and what shows that it was.

Bash that runs as root with the host's facts; `shown` must succeed afterwards.
"""

from __future__ import annotations

from typing import NamedTuple

from odd_access import PRELUDE
from test_others_at_work import AT_WORK


class Oddity(NamedTuple):
    """How a host is made odd, and commands that succeed only where it is."""

    made: str
    shown: str


SILENT, PIP, _WHAT = AT_WORK["pip"]
ODDITIES = {
    "all-under-umask-077": Oddity(
        """
        chown -R "$APP_USER": "$ROOT"; chmod -R go= "$ROOT"
        drop_in umask 'UMask=0077'
        """,
        """
        test -z "$(find "$ROOT" ! -type l -perm /077 -print -quit)"
        grep -qx 'Umask:.0077' "/proc/$(systemctl show -P MainPID "$UNIT")/status"
        """,
    ),
    "an-operators-pip-at-work": Oddity(f"{SILENT}\n{PIP}; sleep 2", "systemctl is-active -q other"),
    # The app is one folder of a checkout, next to another app with requirements of its own.
    "monorepo": Oddity(
        """
        top="$(dirname "$ROOT")"
        chown "$APP_USER": "$top"
        mv .git "$top/"
        mkdir -p "$top/frontend/node_modules/left-pad" "$top/billing/billing"
        echo '{"name": "frontend"}' > "$top/frontend/package.json"
        echo 'module.exports = 1' > "$top/frontend/node_modules/left-pad/index.js"
        echo node_modules > "$top/frontend/.gitignore"
        printf 'Django==1.11\\npsycopg2==2.7\\n' > "$top/billing/requirements.txt"
        echo 'print "Python 2"' > "$top/billing/manage.py"
        chown -R "$APP_USER": "$top/frontend" "$top/billing"
        in_top() { runuser -u "$APP_USER" -- git -C "$top" -c user.name=dev -c user.email=dev@example.org "$@"; }
        in_top add -A .; in_top commit -qm 'One repository for all'
        """,
        """
        test "$(runuser -u "$APP_USER" -- git -C "$ROOT" rev-parse --show-toplevel)" = "$(dirname "$ROOT")"
        test -z "$(runuser -u "$APP_USER" -- git -C "$ROOT" status --porcelain)"
        ! test -e "$ROOT/.git"
        """,
    ),
    # Another team's, with an empty database of the same name, and one that is kept and stays down.
    "three-clusters": Oddity(
        """
        version="$(ls /etc/postgresql)"
        pg_createcluster "$version" team -p 5433 > /dev/null
        pg_createcluster "$version" old -p 5434 --start-conf=manual > /dev/null
        systemctl daemon-reload; systemctl start "postgresql@$version-team"
        until_true "runuser -u postgres -- psql -p 5433 -qc 'SELECT 1' > /dev/null 2>&1"
        sql -p 5433 -c "CREATE ROLE $DATABASE_USER LOGIN" -c "CREATE DATABASE $DATABASE_NAME OWNER $DATABASE_USER"
        """,
        """
        test "$(pg_lsclusters -h | grep -c ' online ')" = 2
        test "$(pg_lsclusters -h | wc -l)" = 3
        sql -p 5433 -d "$DATABASE_NAME" -Atc '\\dt' | wc -l | grep -qx 0
        """,
    ),
    "an-environment-behind-a-link": Oddity(
        'mv "$VENV" /opt/shop-environment; ln -s /opt/shop-environment "$VENV"', 'test -L "$VENV"'
    ),
    # As Capistrano and its kin lay it out: what the unit and nginx name is a link, what is kept is behind links.
    "releases-behind-a-link": Oddity(
        """
        top="$(dirname "$ROOT")"
        install -d -o "$APP_USER" -g "$APP_GROUP" "$top/releases" "$top/shared"
        cd "$top"
        mv "$ROOT" releases/20261102; ln -s releases/20261102 "$ROOT"
        cp -a releases/20261102 releases/20261030
        echo 'def broken(:' >> "releases/20261030/$PACKAGE/urls.py"
        mv releases/20261102/media shared/media; ln -s ../../shared/media releases/20261102/media
        chown -h "$APP_USER:$APP_GROUP" "$ROOT" releases/20261102/media
        """,
        """
        test "$(readlink "$ROOT")" = releases/20261102
        test "$(readlink "/proc/$(systemctl show -P MainPID "$UNIT")/cwd")" = "$(dirname "$ROOT")/releases/20261102"
        test "$(realpath "$ROOT/media")" = "$(dirname "$ROOT")/shared/media"
        """,
    ),
}
# (the shape of host, what is odd on it): oddities that do not meet share one.
HOSTS = {
    "umask-077-and-pip": ("tcp", ("all-under-umask-077", "an-operators-pip-at-work")),
    "monorepo-and-clusters": ("tcp", ("monorepo", "three-clusters", "an-environment-behind-a-link")),
    "releases": ("unix", ("releases-behind-a-link",)),
}


def script(*names: str) -> str:
    """What makes a host odd in these ways while the app is down, and shows that it serves and that each took."""
    made = "\n".join(f'cd "$ROOT"\n{ODDITIES[name].made}' for name in names)
    shown = "\n".join(
        f"(set -e\n{ODDITIES[name].shown}) || {{ echo '{name} did not take' >&2; exit 1; }}" for name in names
    )
    return f"{PRELUDE}\nstop_app\n{made}\nrestart_app\nserves\ncd /\n{shown}\n"
