"""Names of the tests' hosts: each worker's own."""

from __future__ import annotations

import os


def of(worker_id: str, *more: str) -> str:
    """The name of a worker's host. RESCUE502_TEST_HOST tells two runs of one checkout apart; checkouts never meet."""
    return "-".join((os.environ.get("RESCUE502_TEST_HOST", "test"), worker_id, *more))
