# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What an app that another program keeps said last before it ended, in its own words; nothing is concluded from it."""

from __future__ import annotations

import re

LENGTH = 300
# The last line of a traceback, also where it quotes Django's or a driver's exceptions by their full names.
_EXCEPTION = re.compile(r"^(?:\w+\.)*\w*(?:Error|Exception|Configured|NotFound|DoesNotExist)(?::\s.+)?$")
_TROUBLE = re.compile(
    r"\[(?:ERROR|CRITICAL)\]|\berror\b|^Error: |no python application|callable not found", re.IGNORECASE
)
# True of each start that fails, and no reason.
_ECHO = re.compile(r"Worker failed to boot|Shutting down: Master|exited with code|was sent SIG|Worker exiting")
_STAMP = re.compile(r"^\[[^]]*\] \[\d+\] \[\w+\] ")


def error_in(text: str) -> str:
    """The last exception in a log, else its last line that reports trouble; empty where there is none."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    found = [line for line in lines if _EXCEPTION.match(line)]
    found = found or [line for line in lines if _TROUBLE.search(line) and not _ECHO.search(line)]
    return _STAMP.sub("", found[-1])[:LENGTH] if found else ""
