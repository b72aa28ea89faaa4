"""Where the site's rows are: in a file."""

import os
from pathlib import Path

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ.get("DB_FILE", Path(__file__).resolve().parent.parent / "db" / "site.sqlite3"),
    }
}
