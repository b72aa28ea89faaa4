"""Who keeps a processor busy: by what the kernel counts between two looks."""

from __future__ import annotations

import subprocess
import sys
import time

from ansible_collections.rescue502.django.plugins.module_utils.system import processor_time


def test_who_is_busy() -> None:
    """Who ran or waited to for half of the time, the busiest first; not who came or went meanwhile."""
    before = {1: (100, 0), 2: (500, 10), 3: (7, 0), 4: (0, 0), 6: (0, 5)}
    after = {1: (110, 30), 2: (550, 10), 3: (205, 0), 5: (900, 0), 6: (9, 95)}
    assert processor_time.judged(before, after, 100.0) == [(3, 198, 0), (2, 50, 0), (6, 9, 90)]


def test_a_real_process() -> None:
    """One that works is seen, one that waits is not."""
    words = [[sys.executable, "-c", text] for text in ("while True: pass", "import time; time.sleep(60)")]
    works, waits = (subprocess.Popen(command) for command in words)
    try:
        time.sleep(1.0)  # both have started
        before, begun = processor_time._counts(), time.monotonic_ns()
        time.sleep(0.5)
        shares = processor_time.judged(before, processor_time._counts(), time.monotonic_ns() - begun)
        assert works.pid in [share.pid for share in shares]
        assert waits.pid not in [share.pid for share in shares]
    finally:
        works.kill()
        waits.kill()
        works.wait()
        waits.wait()
