"""Files of variables: whether they hold what must not be shown."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.secrets import app_secrets


@pytest.mark.parametrize(
    ("text", "held"),
    [
        ("PORT=8302\nWORKERS=2\nDJANGO_SETTINGS_MODULE=shop.settings\n", False),
        ("# nothing yet\n", False),
        ("SECRET_KEY=correct-horse\n", True),
        ("export DB_PASSWORD='hunter22'\n", True),
        ("CACHE=redis://:hunter22@127.0.0.1/0\n", True),
        ("CACHE=redis://127.0.0.1/0\n", False),
    ],
)
def test_a_file_of_variables_is_not_one_of_secrets(tmp_path: Path, text: str, held: bool) -> None:
    """A colour's port may be read by everybody."""
    path = tmp_path / "shop.env"
    path.write_text(text, encoding="utf-8")
    assert app_secrets.holds_secret(str(path)) is held


def test_what_cannot_be_read_may_hold_one(tmp_path: Path) -> None:
    """A folder in its place stands for it."""
    assert app_secrets.holds_secret(str(tmp_path))
