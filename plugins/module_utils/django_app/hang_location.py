# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where a Python process was, of what its faulthandler wrote: as it crashed, or while it did not come to an end."""

from __future__ import annotations

import os
import re
from typing import Any

# Each look begins with a line that says why, and each thread's stack with another, the main thread's the last of them.
_LOOK = re.compile(r"^(?:Timeout \(|Fatal Python error: )")
_STACK = re.compile(r"^(?:Stack|Thread 0x.*|Current thread 0x.*) \(most recent call first\):")
# A frame, the innermost first.
_FRAME = re.compile(r'^  File "(.+)", line (\d+) in (.+)$')
# File, line and function.
Frame = tuple[str, int, str]
NOWHERE: dict[str, Any] = {"file": "", "line": 0, "own_file": "", "own_line": 0}


def place(lines: list[str], root: str, venv: str, at_least: int) -> dict[str, Any]:
    """Where the last `at_least` stacks all are: {file, line, own_file, own_line}; "" and 0 where they differ or lack.

    lines: text, of which others than faulthandler's are passed over. own_file, own_line: the innermost place in the
    app's own code, below `root` and not in `venv`.
    """
    seen = _stacks(lines)[-at_least:]
    if len(seen) < at_least or any(frames[0][:2] != seen[0][0][:2] for frames in seen):
        return dict(NOWHERE)
    root, venv = os.path.join(root, ""), os.path.join(venv or "\0", "")
    own = next(
        (frame for frame in seen[-1] if frame[0].startswith(root) and not frame[0].startswith(venv)), ("", 0, "")
    )
    return {"file": seen[-1][0][0], "line": seen[-1][0][1], "own_file": own[0], "own_line": own[1]}


def working_in(lines: list[str], root: str, venv: str) -> dict[str, Any]:
    """Where in the app's own code the last two stacks both are: {file, line, function}; line is the last look's.

    A loop is met on another line each time: what counts is the innermost function that is on both. Empty without one.
    """
    seen = _stacks(lines)[-2:]
    root, venv = os.path.join(root, ""), os.path.join(venv or "\0", "")
    own = [
        [frame for frame in frames if frame[0].startswith(root) and not frame[0].startswith(venv)] for frames in seen
    ]
    if len(own) < 2:
        return {}
    # From the outermost inwards, as long as both are in the same functions.
    same = [new for old, new in zip(reversed(own[0]), reversed(own[1])) if (old[0], old[2]) == (new[0], new[2])]
    return {"file": same[-1][0], "line": same[-1][1], "function": same[-1][2]} if same else {}


def _stacks(lines: list[str]) -> list[list[Frame]]:
    """The main thread's stack in each look; without frames of the import machinery, which is frozen into Python."""
    looks: list[list[Frame]] = []
    for line in lines:
        frame = _FRAME.match(line)
        if _LOOK.match(line):
            looks.append([])
        elif looks and _STACK.match(line):
            looks[-1] = []
        elif looks and frame and not frame[1].startswith("<"):
            looks[-1].append((frame[1], int(frame[2]), frame[3]))
    return [frames for frames in looks if frames]
