"""Secrets: files where systemd hands the unit credentials, else variables."""

import os
from pathlib import Path

FOLDER = os.environ.get("CREDENTIALS_DIRECTORY")
SECRETS = {path.name: path.read_text().strip() for path in Path(FOLDER).iterdir()} if FOLDER else os.environ
