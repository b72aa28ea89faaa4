# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The rehearsal's script as one text, put together from the files script_*.py."""

from __future__ import annotations

import inspect
import re

from ansible_collections.rescue502.django.plugins.module_utils.django_app import (
    script_amqp,
    script_asked_variables,
    script_brokers,
    script_code,
    script_database,
    script_errors,
    script_file_folders,
    script_host_needs,
    script_migrations,
    script_packages,
    script_rehearsal,
    script_requirements,
    script_schema,
    script_session,
    script_shadowing,
    script_static_files,
    script_unset_variables,
)

# The script's parts, each after what it imports; they are imported here so that Ansible packs them with the module.
PARTS = (
    script_asked_variables,
    script_unset_variables,
    script_host_needs,
    script_errors,
    script_file_folders,
    script_amqp,
    script_brokers,
    script_code,
    script_database,
    script_migrations,
    script_requirements,
    script_packages,
    script_schema,
    script_session,
    script_shadowing,
    script_static_files,
    script_rehearsal,
)
# Lines that stand once, or not at all, in one text.
_FUTURE = "from __future__ import annotations\n"
# The app's folder is looked into when the server's program would, and not before.
_PATH = "import sys\nsys.path[:1] = sys.path[:1] if sys.path[0] else []\n"
_OWN_IMPORT = re.compile(r"^from ansible_collections\.\S+ import (\([^)]*\)|.+)\n", re.MULTILINE)


def source() -> str:
    """The script and what it imports of ours, as one text: it is run by an interpreter that knows nothing of us."""
    texts = [_OWN_IMPORT.sub("", inspect.getsource(part)).replace(_FUTURE, "", 1) for part in PARTS]
    return _FUTURE + _PATH + "\n".join(texts)
