# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The probe's options, for the modules that run it. modules/probe.py and doc_fragments/ say what each means."""

from __future__ import annotations

from typing import Any

EDGE_OPTIONS: dict[str, Any] = {
    "url": {"type": "str", "required": True},
    "name": {"type": "str"},
    "host": {"type": "str"},
    "status": {"type": "int", "default": 200},
    "json": {"type": "raw"},
    "verify_tls": {"type": "bool", "default": True},
    "cors": {"type": "bool", "default": True},
    "preflight": {"type": "str"},
    "preflight_headers": {"type": "list", "elements": "str"},
}
OPTIONS: dict[str, Any] = {
    "unit": {"type": "str", "default": ""},
    "root": {"type": "str", "default": ""},
    "venv": {"type": "str", "default": ""},
    "user": {"type": "str", "default": ""},
    "group": {"type": "str", "default": ""},
    "env_file": {"type": "str", "default": ""},
    "requirements": {"type": "str", "default": ""},
    "health_url": {"type": "str", "default": ""},
    "health_json": {"type": "raw"},
    "edge": {"type": "list", "elements": "dict", "default": [], "options": EDGE_OPTIONS},
    "cors_origin": {"type": "str", "default": ""},
    "database_unit": {"type": "str"},
    "level": {"type": "str", "choices": ["auto", "full", "stack"], "default": "auto"},
    "hold_seconds": {"type": "float", "default": 0},
    "settle_seconds": {"type": "float", "default": 0},
    "patient": {"type": "bool", "default": False},
    "until_steady": {"type": "bool", "default": False},
    "unprivileged": {"type": "bool", "default": False},
    "shadow_start": {"type": "bool", "default": True},
    "edge_timeout": {"type": "float", "default": 5},
    "remember": {"type": "str", "default": ""},
}
# By which the app itself is found.
DISCOVERY = ("unit", "root", "venv", "user", "group", "env_file", "requirements", "database_unit")
