"""Runs on a lab host: puts the text of /srv/text wherever others' text gets into the evidence, and asks if it took."""

import os
import pathlib
import re
import subprocess
import time

APP = pathlib.Path("/var/www/xamila/xamila_backend")
UNIT, NAME = "xamila", "api.xamila.example"
DROP_IN = pathlib.Path(f"/etc/systemd/system/{UNIT}.service.d/text.conf")
ERRORS, NGINX_ERRORS = "/var/log/xamila/error.log", "/var/log/nginx/error.log"
# A part is enough to know the text by; the whole is longer than a name or a journal's line may be.
PART = 40
# Raised on import, and printed before: its own words, type and name are the text.
RAISE = """
import sys
TEXT = open("/srv/text", encoding="utf-8", newline="").read()
print(TEXT, file=sys.stderr)
raise type("E" + TEXT[:40], (RuntimeError,), {})(TEXT)
"""
TEXT = pathlib.Path("/srv/text").read_bytes().decode("utf-8")
LINE = re.sub(r"[\n\r\0]", " ", TEXT)[:1000]
# Not the text alone, whole or cut off by a comment: the app's own values are masked wherever they show.
OWN_VALUE = f"before {LINE.replace('#', '')} after"
# What git takes for a branch's name.
BRANCH = "x-" + re.sub(r"[\0-\x20\x7f~^:?*\[\\]|@\{|\.{2,}|/+|\.(?=/)", "", TEXT)[:PART].rstrip(".")
FILE = APP / "static" / (TEXT.replace("/", "_")[:60] + ".html")


def run(*words, user="root"):
    """Run a command as a user; what it prints, byte by byte as it is."""
    done = subprocess.run(["runuser", "-u", user, "--", *words], cwd=APP, check=True, stdout=subprocess.PIPE)
    return done.stdout.decode("utf-8", "surrogateescape")


def git(*words):
    """Run git as the checkout's owner."""
    return run("git", "-c", "user.name=x", "-c", "user.email=x@example.org", *words, user="www-data")


def append(path, text):
    """Add to a file, with the line ends of the text."""
    with open(path, "a", encoding="utf-8", newline="") as file:
        file.write(text)


def plant():
    """Put it everywhere."""
    FILE.touch(mode=0)
    DROP_IN.parent.mkdir(exist_ok=True)
    append(DROP_IN, "[Unit]\nDescription=" + LINE.replace("%", "%%") + "\n")
    append(APP / ".env", f"TEXT={OWN_VALUE}\n")
    append(APP / "requirements.txt", LINE + "\n")
    git("commit", "-q", "--cleanup=verbatim", "-F", "/srv/text", "--", "requirements.txt")
    git("checkout", "-q", "-B", BRANCH)
    append(APP / "xamila" / "urls.py", RAISE)
    run("systemctl", "daemon-reload")
    subprocess.run(["systemctl", "restart", UNIT], check=False)
    refused = (
        "[error] 1#1: *1 connect() failed (111: Connection refused) while connecting to upstream, client: 10.0.0.9"
    )
    append(NGINX_ERRORS, f'{time.strftime("%Y/%m/%d %H:%M:%S")} {refused}, server: {NAME}, request: "GET /{TEXT}"\n')
    run("logger", "-t", UNIT, "-f", "/srv/text")


def ask():
    """Ask for a page: only then is the module imported that raises."""
    subprocess.run(["curl", "-so", os.devnull, "-H", f"Host: {NAME}", "http://127.0.0.1/health/"], check=False)


def journal(*which):
    """What the journal has of the last minute."""
    return run("journalctl", *which, "--since=-60s", "--output=cat", "--all", "--no-pager")


def missing():
    """The places in which it is not, by their names."""
    line, first = LINE[:PART], TEXT.split("\n", 1)[0][:PART].rstrip()
    places = {
        "a file's name": (FILE.name, os.listdir(APP / "static")),
        "the unit": (line.replace("%", "%%"), DROP_IN.read_bytes().decode()),
        "the unit's description": (line.rstrip(), run("systemctl", "show", "-P", "Description", UNIT)),
        "the environment file": (f"TEXT={OWN_VALUE}", (APP / ".env").read_bytes().decode()),
        "the requirements": (line, (APP / "requirements.txt").read_bytes().decode()),
        "the commit": (TEXT, git("log", "-1", "--format=%B")),
        "the branch": (BRANCH, git("branch", "--show-current")),
        "the app's standard error": (first, journal(f"_SYSTEMD_UNIT={UNIT}.service")),
        "the app's log": (f"E{TEXT[:PART]}", pathlib.Path(ERRORS).read_bytes().decode("utf-8", "replace")),
        "nginx's log": (TEXT, pathlib.Path(NGINX_ERRORS).read_bytes().decode("utf-8", "replace")),
        "the journal": (first, journal("-t", UNIT)),
    }
    return [name for name, (sought, found) in places.items() if sought not in found]


plant()
deadline = time.monotonic() + 20
while lacking := missing():
    if time.monotonic() > deadline:
        raise SystemExit(f"not planted in: {', '.join(lacking)}")
    ask()
    time.sleep(0.2)
