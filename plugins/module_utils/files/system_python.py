# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The Python interpreter of the system's own: for what is neither in the app's virtual environment nor next to it."""

from __future__ import annotations

import functools
import os
import sys

from ansible_collections.rescue502.django.plugins.module_utils.files import virtual_env, write_access

USUAL = "/usr/bin/python3"


@functools.cache
def path() -> str:
    """/usr/bin/python3; on a host without it the interpreter that runs this module, where that is root's alone.

    Where there is neither, the usual path: then it cannot be started, and what fails names it.
    """
    if os.path.exists(USUAL) or not sys.executable:
        return USUAL
    # The packages that it imports count too; those of the system's prefix come with the system.
    prefixes = sorted({sys.prefix, sys.base_prefix} - set(virtual_env.SYSTEM_PREFIXES))
    return USUAL if write_access.first_open([sys.executable, *prefixes], 0) else sys.executable
