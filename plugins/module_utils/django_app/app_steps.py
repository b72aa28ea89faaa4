# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The rehearsal's steps that a gunicorn worker goes through before it can answer, in their order."""

from __future__ import annotations

APP_STEPS = ("server", "django", "application", "apps", "checks")
