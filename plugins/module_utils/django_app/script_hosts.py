# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs inside the app's own Python, as a part of script_rehearsal.py: which names Django takes as a request's Host."""

from __future__ import annotations


def refused_hosts(hosts):
    """{refused_hosts}: those that Django's own check of a request's Host refuses; {} where it cannot be asked."""
    found = []
    try:
        from django.core.exceptions import DisallowedHost
        from django.http import HttpRequest

        for host in hosts:
            request = HttpRequest()
            request.META = {"HTTP_HOST": host, "SERVER_NAME": host, "SERVER_PORT": "80"}
            try:
                request.get_host()
            except DisallowedHost:
                found.append(host)
    except Exception:  # a later step says so
        return {}
    return {"refused_hosts": found}
