# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The certificate that the app's database shows, and the one in the server's file: it is read at a start or reload.

Source: postgresql.org/docs/current/ssl-tcp.html, "SSL Server File Usage".
"""

from __future__ import annotations

import re
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.files import safe_files
from ansible_collections.rescue502.django.plugins.module_utils.services import certificate, postgresql

_TLS = re.compile(r"(?i)\bssl\b|\btls\b|certificate")


def collect(database: dict[str, Any], activity: Any) -> dict[str, Any] | None:
    """{days_left, names, file, file_days_left, on_disk}; None where the app met no fault of TLS, or none is shown.

    database: the section, settled. activity: the section `database_activity`; without it nothing is known of the file.
    """
    host = str(database.get("host") or "")
    if not database.get("used") or not host or host.startswith("/") or not _TLS.search(str(database.get("error"))):
        return None
    try:
        shown = postgresql.shown_certificate(host, database["port"])
        found = certificate.parse_der(shown)
    except (OSError, ValueError):
        return None
    path = str(activity.get("certificate_file") or "") if isinstance(activity, dict) else ""
    facts = {"days_left": certificate.days_until(found.not_after), "names": found.names, "file": path}
    try:
        pem = safe_files.text(path) if path else ""
        in_file = certificate.parse(pem)
    except (OSError, ValueError):
        return {**facts, "file_days_left": None, "on_disk": None}
    return {
        **facts,
        "file_days_left": certificate.days_until(in_file.not_after),
        "on_disk": certificate.first_der(pem) == shown,
    }
