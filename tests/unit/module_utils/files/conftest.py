"""What tests of access share."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from odd_files import GROUP, MORE, OTHER, UID, made, random_acl


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Files of all sorts of owners, groups, modes and lists."""
    chance, folder = random.Random(502), tmp_path_factory.mktemp("files")
    return [
        made(
            folder / str(number),
            chance.choice((0, UID, OTHER)),
            chance.choice((0, GROUP, MORE, OTHER)),
            chance.randrange(0o1000),
            random_acl(chance) if number % 2 else (),
        )
        for number in range(300)
    ]
