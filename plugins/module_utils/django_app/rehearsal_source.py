# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The rehearsal's script as one text, put together from the files script_*.py."""

from __future__ import annotations

from ansible_collections.rescue502.django.plugins.module_utils.django_app import (
    script_amqp,
    script_answering,
    script_application,
    script_asked_variables,
    script_brokers,
    script_builds,
    script_code,
    script_collected,
    script_cookies,
    script_database,
    script_errors,
    script_file_folders,
    script_form_pages,
    script_host_needs,
    script_hosts,
    script_linked_packages,
    script_migrations,
    script_origins,
    script_packages,
    script_present_schema,
    script_programs,
    script_read_files,
    script_rehearsal,
    script_requests,
    script_requirements,
    script_schema,
    script_schema_wanted,
    script_server_binds,
    script_server_scheme,
    script_session,
    script_shadowing,
    script_static_files,
    script_translations,
    script_two_processes,
    script_unset_variables,
    script_upkeep,
    source_text,
)

# What a list of processes shows of it, which cuts long command lines.
_ABOUT = """# rescue502.django asks the app's own Python, as the app's own user, what a start of the app would meet now:
# "The rehearsal" in docs/architecture.md. It changes nothing, and ends within seconds. Below is script_rehearsal.py
# with what it imports of ours, packed, because Linux takes no word of more than 128 KiB.
"""
# The app's folder is looked into when the server's program would, and not before.
_PATH = "import sys\nsys.path[:1] = sys.path[:1] if sys.path[0] else []\n"
# The script's parts, each after what it imports; they are imported here so that Ansible packs them with the module.
PARTS = (
    script_asked_variables,
    script_unset_variables,
    script_host_needs,
    script_hosts,
    script_programs,
    script_linked_packages,
    script_read_files,
    script_builds,
    script_errors,
    script_answering,
    script_application,
    script_requests,
    script_file_folders,
    script_amqp,
    script_brokers,
    script_code,
    script_database,
    script_form_pages,
    script_cookies,
    script_server_scheme,
    script_origins,
    script_schema_wanted,
    script_present_schema,
    script_migrations,
    script_requirements,
    script_packages,
    script_schema,
    script_server_binds,
    script_session,
    script_shadowing,
    script_static_files,
    script_upkeep,
    script_collected,
    script_translations,
    script_two_processes,
    script_rehearsal,
)


def source() -> str:
    """The script and what it imports of ours, as one text: it is run by an interpreter that knows nothing of us."""
    return source_text.join(PARTS)


def program() -> str:
    """It as one word, for `python -c`."""
    return source_text.packed(source(), _ABOUT + _PATH)
