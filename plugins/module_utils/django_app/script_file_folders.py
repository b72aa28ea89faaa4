# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs inside the app's own Python, as a part of script_rehearsal.py: folders that Django writes into as it works."""

from __future__ import annotations


def file_folders(settings):
    """[{path, purpose, made}] of sessions, caches and uploads under way, where these are kept in files of a folder.

    made: whether Django makes the folder itself where it is not there (its file-based cache alone does).
    """
    found = []
    engine = str(getattr(settings, "SESSION_ENGINE", ""))
    if engine == "django.contrib.sessions.backends.file" and getattr(settings, "SESSION_FILE_PATH", None):
        found.append({"path": str(settings.SESSION_FILE_PATH), "purpose": "sessions", "made": False})
    for cache in (getattr(settings, "CACHES", None) or {}).values():
        if str(cache.get("BACKEND", "")).endswith(".FileBasedCache") and cache.get("LOCATION"):
            found.append({"path": str(cache["LOCATION"]), "purpose": "a cache", "made": True})
    if getattr(settings, "FILE_UPLOAD_TEMP_DIR", None):
        found.append({"path": str(settings.FILE_UPLOAD_TEMP_DIR), "purpose": "uploads under way", "made": False})
    return found
