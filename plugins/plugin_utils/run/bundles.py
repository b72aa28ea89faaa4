# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where the bundles of a host lie on the controller."""

from __future__ import annotations

import time

from ansible_collections.rescue502.django.plugins.plugin_utils.run.settings import Settings
from ansible_collections.rescue502.django.plugins.plugin_utils.text.host_text import file_name


def new_path(given: Settings) -> str:
    """Where a bundle that is made now is written."""
    made = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    return str(given.reports / f"bundle-{file_name(given.scope.host)}-{made}.tar.gz")


def is_at_hand(given: Settings) -> bool:
    """Whether there is one of the budget's window already: a job that runs all night is to make one, not a hundred."""
    made = given.reports.glob(f"bundle-{file_name(given.scope.host)}-*.tar.gz")
    return any(time.time() - path.stat().st_mtime < given.budget_window for path in made)
