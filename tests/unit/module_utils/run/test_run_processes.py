"""Which processes this very one has started."""

from __future__ import annotations

import os
import subprocess

from ansible_collections.rescue502.django.plugins.module_utils.run import run_processes


def test_what_we_have_started() -> None:
    """Itself, or through another; neither our ancestors nor init."""
    with subprocess.Popen(["/bin/sh", "-c", "sleep 60 & echo $!; wait"], stdout=subprocess.PIPE) as shell:
        assert shell.stdout
        grandchild = int(shell.stdout.readline())
        try:
            assert run_processes.is_started_by_us(shell.pid)
            assert run_processes.is_started_by_us(grandchild)
        finally:
            os.kill(grandchild, 9)
    assert not run_processes.is_started_by_us(os.getppid())
    assert not run_processes.is_started_by_us(os.getpid())
    assert not run_processes.is_started_by_us(1)
