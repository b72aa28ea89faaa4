# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs inside the app's own Python, as a part of script_rehearsal.py: programs that the app runs, and that fail.

What such a program says of its failure goes to a log, and not into the exception. Here it is kept in a temporary file.
"""

from __future__ import annotations

import os
import subprocess
import tempfile

# What the program that was started last has said, and those before it.
SAID = []
MOST_SAID = 5
MOST_BYTES = 4096


def watch_programs():
    """From now on keep what programs write to an error stream that they share with the app."""
    start = subprocess.Popen.__init__

    def watched(self, args, *rest, **more):
        if not rest and more.get("stderr") is None:
            try:
                more["stderr"] = tempfile.TemporaryFile()  # noqa: SIM115  the program and said_of() use it
            except OSError:
                return start(self, args, **more)
            SAID.append((args, more["stderr"]))
            for _args, file in SAID[:-MOST_SAID]:
                file.close()
            del SAID[:-MOST_SAID]
        return start(self, args, *rest, **more)

    subprocess.Popen.__init__ = watched


def failed_program(chain):
    """{name, status, said} of the program whose failure an exception, or one of its causes, reports; else None.

    name: the program alone, without its arguments. said: its last line, empty where that is not known.
    """
    error = next((item for item in chain if isinstance(item, subprocess.CalledProcessError)), None)
    if error is None:
        return None
    words = error.cmd.split() if isinstance(error.cmd, str) else [os.fsdecode(item) for item in error.cmd]
    lines = (text_of(error.stderr) or said_of(error.cmd)).strip().splitlines()
    return {
        "name": words[0][:300] if words else "",
        "status": error.returncode,
        "said": lines[-1][:500] if lines else "",
    }


def text_of(value):
    """Bytes or text as text."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value or ""


def said_of(args):
    """The end of what the program that was last started so has said."""
    for started, file in reversed(SAID):
        if started == args:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - MOST_BYTES))
            return text_of(file.read())
    return ""
