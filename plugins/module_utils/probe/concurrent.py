# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Collectors run in threads, so that a look takes as long as the slowest of them, and none can break another."""

from __future__ import annotations

import threading
import time
from typing import Any, Callable

COLLECTOR_SECONDS = 10.0
Section = Callable[[], Any]
Sections = dict[str, Section]


def collect(sections: Sections, seconds: float = COLLECTOR_SECONDS) -> dict[str, Any]:
    """Run collectors in threads. One that fails or takes longer than `seconds` says so in its own section."""
    results: dict[str, Any] = {name: {"failed": f"no answer within {seconds:g} s"} for name in sections}

    def run(name: str, collect: Section) -> None:
        try:
            results[name] = collect()
        except Exception as error:  # the boundary: a broken collector must break nothing else
            results[name] = {"failed": f"{type(error).__name__}: {error}"}

    threads = [threading.Thread(target=run, args=item, daemon=True) for item in sections.items()]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return dict(results)
