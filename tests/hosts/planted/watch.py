"""Runs on a lab host: the command lines of all processes, and the variables of root's, while rescue502 works."""

import os
import time

# These have a secret in their command line, because the test has put it there, or as git itself does.
PLANTED = (b"gunicorn", b"time.sleep(3000)", b"git-remote-http", b"git\0remote-http", b"psql\0-qc")
seen = set()
with open("/srv/watched", "wb", buffering=0) as out:
    while True:
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    words = file.read()
                if (pid, words) in seen or any(mark in words for mark in PLANTED):
                    continue
                variables = b""
                if os.stat(f"/proc/{pid}").st_uid == 0:
                    with open(f"/proc/{pid}/environ", "rb") as file:
                        variables = file.read()
            except OSError:
                continue
            seen.add((pid, words))
            out.write(words.replace(b"\0", b" ") + b"\n" + variables.replace(b"\0", b" ") + b"\n")
        time.sleep(0.01)
