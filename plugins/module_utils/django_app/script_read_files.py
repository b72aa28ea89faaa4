# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs inside the app's own Python, as a part of script_rehearsal.py: files that the app reads and that hold no data.

Each library has words of its own for what it cannot read, so the file itself is looked at: the one that the code which
raised the error had opened last, as Python's own audit events say (sys.addaudithook, since 3.8).
"""

from __future__ import annotations

import collections
import os
import re
import sys

# The path of each file that was opened for reading, and the functions of the app's own that did.
READ = collections.deque(maxlen=100)
EVENTS = ("open", "sqlite3.connect", "ctypes.dlopen")
DEEPEST = 60
# A pointer is smaller than this, and begins with its version (git-lfs/docs/spec.md).
POINTER_BYTES = 1024
POINTER = re.compile(rb"\Aversion https?://(?:git-lfs|hawser)\.github\.com/spec/v\d+\n(?:ext-.*\n)*oid ")
POINTER_SIZE = re.compile(rb"^size (\d{1,18})$", re.MULTILINE)
MARKERS = re.compile(rb"^<{7} .*^={7}\r?$.*^>{7} ", re.MULTILINE | re.DOTALL)
MOST_READ = 1 << 18


def watch_reads(is_own):
    """From now on remember which files the app's own code opens for reading. is_own: whether a path is the app's."""
    known = {}

    def hear(event, args):
        if event not in EVENTS or not args or not isinstance(args[0], (str, bytes)) or not args[0]:
            return
        if event == "open" and len(args) > 2 and isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR):
            return
        functions = own_functions(sys._getframe(1), owned)
        if functions:
            READ.append((os.path.join(os.getcwd(), os.fsdecode(args[0])), functions))

    def owned(file):
        if file not in known:
            known[file] = False  # what is asked meanwhile must not come back here
            known[file] = is_own(file)
        return known[file]

    if hasattr(sys, "addaudithook"):
        sys.addaudithook(hear)


def own_functions(frame, is_own):
    """The (file, name) of the app's own functions that read: the innermost, and who called it without a detour.

    They end where a module is loaded, for who imports it has no part in what it reads.
    """
    found, depth = [], 0
    while frame is not None and depth < DEEPEST and not (found and found[-1][1] == "<module>"):
        if is_own(frame.f_code.co_filename):
            found.append((frame.f_code.co_filename, frame.f_code.co_name))
        elif found:
            break
        frame, depth = frame.f_back, depth + 1
    return found


def unusable_file(error, own, is_own):
    """{path, how, size} of the file at which an exception of the app's own code came about; None where it is sound.

    own: (file, line, function) of the app's own frames that the exception went through. how: pointer of Git LFS, zeros,
    empty or conflict. size: of the file that the pointer stands for, in bytes.
    """
    named = getattr(error, "path", None) or getattr(error, "filename", None) or ""
    place = (own[-1][0], own[-1][2]) if own else None
    last = next((path for path, functions in reversed(READ) if place in functions), "")
    for path in (os.fsdecode(named) if isinstance(named, (str, bytes)) else "", last):
        if path and is_own(path):
            how, size = fault_of(path)
            if how:
                return {"path": os.path.realpath(path), "how": how, "size": size}
    return None


def fault_of(path):
    """(how, size) as unusable_file() has them; an empty how where the file is sound, or cannot be read."""
    try:
        if not os.path.isfile(path):
            return "", 0
        with open(path, "rb") as file:
            begin = file.read(MOST_READ)
    except (OSError, ValueError):
        return "", 0
    if POINTER.match(begin) and len(begin) < POINTER_BYTES:
        size = POINTER_SIZE.search(begin)
        return "pointer", int(size.group(1)) if size else 0
    if not begin.strip(b"\0"):
        return "zeros" if begin else "empty", 0
    return "conflict" if MARKERS.search(begin) else "", 0
