"""What an app's user who wants root puts into the app's tree: scripts that plant it, and what shows that it works.

`mark NAME` leaves a file /srv/marks/NAME.UID, UID being who ran it.
"""

from __future__ import annotations

from dataclasses import dataclass

MARKS = "/srv/marks"
PREPARE = f"""
install -d -m 777 {MARKS}
printf '#!/bin/sh\\n: > "{MARKS}/$1.$(id -u)"\\n' > /usr/local/bin/mark
chmod 755 /usr/local/bin/mark
"""
# The app's own checkout, in which it can write what it likes; each runs by the plain command named with it.
GIT_PROGRAMS = {
    "a-filter": "status",
    "a-filter-that-stays": "status",
    "a-filter-of-what-is-checked-out": "archive -o /dev/null HEAD",
    "a-filter-of-an-included-file": "status",
    "a-file-system-monitor": "status",
    "a-hook": "update-ref refs/heads/tried HEAD",
    "a-signature": "log -1",
    "a-submodule": "-c core.fsmonitor=false status sub",
}
PLANT_GIT_PROGRAMS = r"""
cd "$ROOT"
as_app() { runuser -u "$APP_USER" -- "$@"; }
install -d -o "$APP_USER" sub hooks
for name in post-checkout reference-transaction; do
  printf '#!/bin/sh\nexec mark a-hook\n' > "hooks/$name"; chmod 755 "hooks/$name"
done
printf '#!/bin/sh\nexec mark a-signature\n' > hooks/gpg; chmod 755 hooks/gpg
as_app git init -q sub
echo one | as_app tee sub/one.txt > /dev/null
as_app git -C sub add one.txt
as_app git -C sub -c user.name=a -c user.email=a@example.org commit -q -m one
as_app git add sub 2> /dev/null
app_git commit -qm 'With a submodule'
as_app git -C sub config filter.x.clean 'mark a-submodule; cat'
echo 'one.txt filter=x' | as_app tee sub/.git/info/attributes > /dev/null
signature='gpgsig -----BEGIN PGP SIGNATURE-----\n \n x\n -----END PGP SIGNATURE-----'
signed="$(as_app git cat-file commit HEAD | sed "/^committer/a $signature")"
commit="$(as_app git hash-object -t commit -w --stdin <<< "$signed")"
as_app git update-ref HEAD "$commit"
# Quoted: what comes after a `;` is a comment.
cat >> .git/config <<END
[filter "one"]
	clean = "mark a-filter; cat"
[filter "two"]
	process = mark a-filter-that-stays
[filter "three"]
	smudge = "mark a-filter-of-what-is-checked-out; cat"
[include]
	path = ../shared.cfg
[core]
	fsmonitor = "mark a-file-system-monitor; false"
	hooksPath = $ROOT/hooks
[log]
	showSignature = true
[gpg]
	program = $ROOT/hooks/gpg
END
printf '[filter "four"]\n\tclean = "mark a-filter-of-an-included-file; cat"\n' > shared.cfg
cat > .git/info/attributes <<END
manage.py filter=one
$PACKAGE/wsgi.py filter=two
$PACKAGE/asgi.py filter=three
$PACKAGE/urls.py filter=four
END
chown "$APP_USER" shared.cfg .git/info/attributes
"""
# By hand, as the app's user; touched each time, so that git reads the files again.
TRY_GIT = """
cd "$ROOT"; sleep 1.2; touch manage.py sub/one.txt "$PACKAGE"/*.py
runuser -u "$APP_USER" -- git {command} > /dev/null 2>&1 || true
"""

# A checkout of root's that the app's user can write in one place. Each has a filter, a hook and a conflict.
ROOTS_CHECKOUT = r"""
install -d /srv/holes; cd /srv/holes; rm -rf "$NAME"; git init -q "$NAME"; cd "$NAME"
git config user.name root; git config user.email root@example.org
mkdir code; printf 'x = 1\n' > code/one.py; printf 'x = 1\n' > two.py
git add .; git commit -qm one; printf 'x = 2\n' > two.py; git commit -qam two
printf '#!/bin/sh\nexec mark "%s"\n' "$NAME" > /srv/holes/hook; chmod 755 /srv/holes/hook
install -d /srv/app-owned; chown www-data /srv/app-owned
filter="[filter \"x\"]
	clean = \"mark $NAME; cat\"
	smudge = \"mark $NAME; cat\""
printf '*.py filter=x\n' > .git/info/attributes
"""
HOLES = {
    "git-is-a-link": 'mv .git /srv/holes/kept-"$NAME"; ln -s /srv/holes/kept-"$NAME" .git; chown -h www-data .git .; '
    'printf "%s\n" "$filter" >> .git/config',
    "an-included-file": 'printf "%s\n" "$filter" > /srv/app-owned/x.cfg; chown www-data /srv/app-owned/x.cfg; '
    "git config include.path /srv/app-owned/x.cfg",
    "the-folder-of-hooks": "chown www-data .git/hooks; for hook in post-checkout reference-transaction; "
    "do install -o www-data -m 755 /srv/holes/hook .git/hooks/$hook; done",
    "the-configuration": 'printf "%s\n" "$filter" >> .git/config; chown www-data .git/config',
    "an-access-list": 'printf "%s\n" "$filter" >> .git/config; '
    "grant .git/config; runuser -u www-data -- sh -c 'echo >> .git/config'",
    "a-folder-above": 'printf "%s\n" "$filter" >> .git/config; mkdir /srv/above; mv "$PWD" /srv/above/; '
    'chown www-data /srv/above; ln -sfn "/srv/above/$NAME" "/srv/holes/$NAME"; cd "/srv/above/$NAME"',
}
# Gives www-data a place in a file's access list; setfacl is not on every host.
GRANT = r"""
grant() { python3 - "$1" <<'END'
import os, pwd, struct, sys
nobody = 2**32 - 1
app = pwd.getpwnam("www-data").pw_uid
entries = [(1, 6, nobody), (2, 6, app), (4, 4, nobody), (16, 6, nobody), (32, 4, nobody)]
value = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)
os.setxattr(sys.argv[1], "system.posix_acl_access", value)
END
}
"""

# Requirements and environments: everything root's, except for what the app's user has planted.
BASE = "python3 -m venv /srv/base"
TREE = r"""
umask 022
install -d "/srv/trees/$NAME/app"; cd "/srv/trees/$NAME"; cp -a /srv/base venv
site="$(echo venv/lib/python3*/site-packages)"
python="import os; open('/srv/marks/$NAME.%d' % os.geteuid(), 'w').close()"
printf 'pip\n' > app/requirements.txt; : > app/manage.py
evil() { mkdir -p "$1"; printf '%s\n' "$python" > "$1/backend.py"
  printf '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n' > "$1/pyproject.toml"
  chown -R www-data "$1"; }
"""
RUN_PIP = "cd app; ../venv/bin/python -m pip install --dry-run -r requirements.txt > /dev/null 2>&1 || true"
RUN_PYTHON = "venv/bin/python -c pass || true"


@dataclass(frozen=True)
class Tree:
    """plant: run in the tree's folder. by_hand: what an administrator would run there as root, which obeys it."""

    plant: str
    by_hand: str = RUN_PIP


TREES = {
    "a-pth-file": Tree('chown www-data $site; echo "$python" > $site/x.pth; chown www-data $site/x.pth', RUN_PYTHON),
    "a-module-of-pip": Tree('echo "$python" > $site/pip/__main__.py; chown www-data $site/pip/__main__.py'),
    "the-interpreter": Tree(
        'chown www-data venv/bin; rm venv/bin/python; printf "#!/bin/sh\\nmark $NAME\\nexec python3 \\"\\$@\\"\\n" > '
        "venv/bin/python; chmod 755 venv/bin/python; chown www-data venv/bin/python",
        RUN_PYTHON,
    ),
    "a-package-in-the-requirements": Tree(
        "evil app/evil; echo ./evil > app/requirements.txt; chown www-data app/requirements.txt"
    ),
    "included-requirements": Tree(
        'evil app/evil; echo "-r more.txt" > app/requirements.txt; echo ./evil > app/more.txt; '
        "chown www-data app/more.txt"
    ),
    "requirements-of-an-odd-spelling": Tree(
        'evil app/evil; mkdir app/more; echo "-rmore/base.txt" > app/requirements.txt; '
        "echo ./evil > app/more/base.txt; chown www-data app/more"
    ),
    "a-local-package": Tree('evil app/evil; echo "evil @ file:///srv/trees/$NAME/app/%65vil" > app/requirements.txt'),
    "a-local-package-of-pyproject": Tree(
        'evil app/evil; rm app/requirements.txt; printf \'[project]\\nname = "x"\\ndependencies = ["%s"]\\n\' '
        '"evil @ file://$PWD/app/evil" > app/pyproject.toml',
        'venv/bin/python -m pip install --dry-run "evil @ file://$PWD/app/evil" > /dev/null 2>&1 || true',
    ),
    "the-folder-of-the-requirements": Tree('chown www-data app; echo "$python" > app/pip.py'),
    "pips-configuration": Tree(
        'evil app/evil; printf "[install]\\nrequirement = /srv/trees/$NAME/app/more.txt\\n" > venv/pip.conf; '
        "echo ./evil > app/more.txt; chown www-data venv/pip.conf"
    ),
    "pyproject-and-a-pth-file": Tree(
        "rm app/requirements.txt; printf '[project]\\ndependencies = [\"pip\"]\\n' > app/pyproject.toml; "
        'echo "$python" > $site/x.pth; chown www-data $site/x.pth',
        RUN_PYTHON,
    ),
    "a-linked-environment": Tree(
        "mv venv kept; ln -s kept venv; chown -h www-data venv; evil app/evil; echo ./evil > app/requirements.txt"
    ),
    "an-access-list-of-requirements": Tree(
        "evil app/evil; grant app/requirements.txt; runuser -u www-data -- sh -c 'echo ./evil > app/requirements.txt'"
    ),
}

# What of each tree others can write, as the refusal names it.
_WRITTEN = {
    "a-pth-file": "venv/lib/",
    "a-module-of-pip": "venv/lib/",
    "the-interpreter": "venv/bin:",
    "a-package-in-the-requirements": "app/requirements.txt:",
    "included-requirements": "app/more.txt:",
    "requirements-of-an-odd-spelling": "app/more:",
    "a-local-package": "app/evil:",
    "a-local-package-of-pyproject": "app/evil:",
    "the-folder-of-the-requirements": "app:",
    "pips-configuration": "venv/pip.conf:",
    "pyproject-and-a-pth-file": "venv/lib/",
    # In check mode; else the link itself is refused.
    "a-linked-environment": "venv:",
    "an-access-list-of-requirements": "app/requirements.txt:",
}


def times_refused(name: str, output: str) -> int:
    """How often the output of Ansible says that others can write this place in a tree, or who made the link there."""
    tree, text = f"/srv/trees/{name}", " ".join(output.split())
    linked = f"msg: '{tree}/venv: {tree}/venv is a link made by uid 33 to what belongs to somebody else."
    return text.count(f"msg: 'the environment is root''s, and others can write {tree}/{_WRITTEN[name]}") + (
        text.count(linked) if name == "a-linked-environment" else 0
    )


# The same for the app's own site, whose environment root has made: of its packages one is missing.
OF_THE_SITE = {
    "pyproject-and-a-pth-file": """
packages="$(grep -v '^#' "$ROOT/requirements.txt" | sed 's/.*/    "&",/')"
rm "$ROOT/requirements.txt"
printf '[project]\nname = "x"\nversion = "1"\ndependencies = [\n%s\n]\n' "$packages" > "$ROOT/pyproject.toml"
site="$(echo "$VENV"/lib/python3*/site-packages)"
printf '%s\n' "$PLANT" > "$site/x.pth"
chown "$APP_USER" "$site/x.pth" "$ROOT/pyproject.toml"
""",
    "the-folder-of-the-requirements": 'printf "%s\n" "$PLANT" > "$ROOT/pip.py"; chown "$APP_USER" "$ROOT/pip.py"',
    "a-package-in-the-requirements": """
mkdir "$ROOT/evil"
printf '%s\n' "$PLANT" > "$ROOT/evil/backend.py"
printf '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n' > "$ROOT/evil/pyproject.toml"
echo ./evil >> "$ROOT/requirements.txt"; chown -R "$APP_USER" "$ROOT/evil" "$ROOT/requirements.txt"
""",
}
TRY_SITE = """
cd "$ROOT"; file=requirements.txt; test -e "$file" || file=/dev/null
"$VENV/bin/python" -m pip install --dry-run -r "$file" > /dev/null 2>&1 || true
"""


@dataclass(frozen=True)
class Setting:
    """What the app's user writes: into gunicorn.conf.py, or into the environment file.

    shows: where the evidence has it, and a pattern of what it says there. finds: the failure mode that is found, whose
    remedy would do as the app's user wants. by_hand: what makes root run the plant.
    """

    config: str = ""
    variables: str = ""
    plant: str = ""
    shows: tuple[str, str] = ("", "")
    by_hand: str = ""
    finds: str = ""


WAY = 'runuser -u "$APP_USER" -- ln -sfn {} "$ROOT/way"'
CHECK = 'cd {}; set -a; . "$ENV_FILE"; set +a; {} "$VENV/bin/python" "$ROOT/manage.py" check > /dev/null 2>&1 || true'


def code(name: str, condition: str) -> str:
    """A plant in the app's code, which runs wherever the app is started: it leaves a mark where it could do harm."""
    return f"""
cp -p "$ROOT/$PACKAGE/settings.py" /srv/settings.kept
cat >> "$ROOT/$PACKAGE/settings.py" <<'END'
import os as _os
if {condition}:
    open("{MARKS}/{name}.%d" % _os.geteuid(), "w").close()
END
"""


OTHER_APP = """
useradd --system other 2> /dev/null || true; install -d -m 755 /srv/other; install -d -m 700 /srv/other/code
printf 'SECRET = 1\\n' > /srv/other/code/settings.py; touch /srv/other/manage.py; chmod 600 /srv/other/manage.py
chown -R other: /srv/other
"""
STALE = """
install -d -m 1777 /run/shared
test -S /run/shared/other.sock ||
  python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("/run/shared/other.sock")'
chmod 666 /run/shared/other.sock
"""
DIR_MISSING, STALE_PID, ELSEWHERE = "service/socket-dir-missing", "service/stale-pidfile", "files/log-elsewhere"
SETTINGS = {
    "socket-among-units": Setting(
        'bind = "unix:/etc/systemd/system/nginx.service.d/app.sock"',
        shows=("stack.bind", "/etc/systemd/system"),
        finds=DIR_MISSING,
    ),
    "socket-in-roots-home": Setting(
        'bind = "unix:/root/in/app.sock"', shows=("stack.bind", "/root/in"), finds=DIR_MISSING
    ),
    "socket-in-a-new-folder-of-run": Setting(
        'bind = "unix:/run/in/app.sock"', shows=("stack.bind", "/run/in"), finds=DIR_MISSING
    ),
    "socket-by-a-variable": Setting(
        variables='GUNICORN_CMD_ARGS="--bind unix:/opt/in/app.sock"', shows=("stack.bind", "/opt/in"), finds=DIR_MISSING
    ),
    "socket-behind-a-link": Setting(
        'bind = "unix:/srv/boutique/current/way/in/app.sock"',
        plant=WAY.format("/etc"),
        shows=("stack.bind", "way/in"),
        finds=DIR_MISSING,
    ),
    "socket-in-a-closed-folder": Setting('bind = "unix:/root/.profile"', shows=("stack.bind", "/root/.profile")),
    # To see that it is stale root would have to connect to it, which it does to none that the app alone names.
    "stale-socket-of-others": Setting(
        'bind = "unix:/run/shared/other.sock"',
        plant=STALE,
        shows=("service.binds", r"other\.sock.*'stale_socket': False"),
    ),
    "pid-file-of-nginx": Setting(
        'pidfile = "/run/nginx.pid"', shows=("service.pidfile.stale", "True"), finds=STALE_PID
    ),
    "pid-file-by-a-variable": Setting(
        variables='GUNICORN_CMD_ARGS="--pid /run/sshd.pid"', shows=("service.pidfile.stale", "True"), finds=STALE_PID
    ),
    "pid-file-behind-a-link": Setting(
        'pidfile = "/srv/boutique/current/way/nginx.pid"',
        plant=WAY.format("/run"),
        shows=("stack.pidfile", "/way/"),
        finds=STALE_PID,
    ),
    "error-log-of-shadow": Setting(
        'errorlog = "/etc/shadow"', shows=("stack.errorlog", "/etc/shadow"), finds=ELSEWHERE
    ),
    "access-log-of-roots-home": Setting(
        'accesslog = "/root/secret.log"', shows=("stack.accesslog", "/root/secret"), finds=ELSEWHERE
    ),
    "error-log-by-a-variable": Setting(
        variables='GUNICORN_CMD_ARGS="--error-logfile /etc/gshadow"',
        shows=("stack.errorlog", "/etc/gshadow"),
        finds=ELSEWHERE,
    ),
    "folder-of-another-app": Setting('chdir = "/srv/other"', plant=OTHER_APP, shows=("stack.cwd", "/srv/other")),
    "working-folder-of-root": Setting(
        'chdir = "/root/sub"',
        plant=code("working-folder-of-root", '_os.path.exists("open.txt")')
        + "install -D -m 644 /dev/null /root/sub/open.txt",
        shows=("stack.cwd", "/root/sub"),
        by_hand=CHECK.format("/root/sub", 'setpriv --reuid "$APP_USER" --regid "$APP_USER" --clear-groups'),
    ),
    "user-root": Setting(
        'user = "root"', plant=code("user-root", "_os.geteuid() == 0"), by_hand=CHECK.format('"$ROOT"', "env")
    ),
    "group-shadow": Setting(
        'group = "shadow"',
        plant=code("group-shadow", '_os.access("/etc/shadow", _os.R_OK)'),
        by_hand=CHECK.format('"$ROOT"', 'setpriv --reuid "$APP_USER" --regid shadow --clear-groups'),
    ),
}
# What all of them are after: it must be the same before and after.
TARGETS = """
for path in /run/nginx.pid /run/sshd.pid /run/shared /run/shared/other.sock /etc/shadow /etc/gshadow /root/secret.log \
  /run/in /root/in /opt/in /etc/in /etc/systemd/system/nginx.service.d; do
  stat -c '%n %F %U:%G %a' "$path" 2> /dev/null || echo "$path: not there"
done
find /etc /root /srv/other /usr/local /boot -xdev ! -type l -printf '%p %u:%g %m\\n' 2> /dev/null | sort || true
"""
