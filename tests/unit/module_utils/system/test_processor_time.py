"""Who keeps a processor busy: by what the kernel counts between two looks."""

from __future__ import annotations

import subprocess
import sys

from ansible_collections.rescue502.django.plugins.module_utils.system import processor_time


def test_who_is_busy() -> None:
    """Of a hundred ticks: who had half of them or more, the busiest first; not who came or went meanwhile."""
    before = {1: 100, 2: 500, 3: 7, 4: 0}
    after = {1: 110, 2: 550, 3: 205, 5: 900}
    assert processor_time.judged(before, after, 100.0) == [(3, 198), (2, 50)]


def test_a_real_process() -> None:
    """One that works is seen, one that waits is not."""
    words = [[sys.executable, "-c", text] for text in ("while True: pass", "import time; time.sleep(60)")]
    works, waits = (subprocess.Popen(command) for command in words)
    try:
        # Its start counts too where the machine is busy: seconds, so that little can hide it.
        found = {item["pid"]: item["percent"] for item in processor_time.busy(3.0)}
        assert waits.pid not in found
        assert processor_time._ticks()[works.pid] > processor_time._ticks()[waits.pid]
    finally:
        works.kill()
        waits.kill()
        works.wait()
        waits.wait()
