# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Files whose content git or an installer put there, known by digest: who reads them learns nothing new.

The app's user can write both lists, but not the digest of what it has never read. Sources: git-ls-files(1), and
git-hash-object(1) for a blob's digest; packaging.python.org, "Recording installed projects".
"""

from __future__ import annotations

import hashlib
import os

from ansible_collections.rescue502.django.plugins.module_utils.files import safe_files
from ansible_collections.rescue502.django.plugins.module_utils.services import git, installed_packages

# A larger file is nobody's source.
MOST_BYTES = 16 * 2**20


class KnownContent:
    """What the index of the app's checkout and the RECORDs of its virtual environment list; read when first asked."""

    def __init__(self, root: str, venv: str) -> None:
        self.root, self.venv = root, venv
        self._digests: frozenset[str] | None = None

    def has(self, path: str) -> bool:
        """Whether the content of a file is listed, wherever. False for one that cannot be read, or is too large."""
        try:
            content = safe_files.read_bytes(safe_files.resolve(path), MOST_BYTES + 1)
        except OSError:
            return False
        if self._digests is None:
            self._digests = frozenset([*_of_index(self.root), *_of_records(self.venv)])
        is_listed = not self._digests.isdisjoint(_digests_of(content))
        # A list cannot have its own digest; it tells of files what anybody may know who has the package.
        return len(content) <= MOST_BYTES and (is_listed or installed_packages.is_record(content))


def _digests_of(content: bytes) -> list[str]:
    """A content's digests as git writes them, old and new, and as an installer does."""
    blob = b"blob %d\0" % len(content) + content
    # The names of objects, which git has chosen.
    return [
        hashlib.new("sha1", blob, usedforsecurity=False).hexdigest(),
        hashlib.sha256(blob).hexdigest(),
        installed_packages.recorded_digest(content),
    ]


def _of_index(root: str) -> list[str]:
    """Digests of all files in the index of the checkout that a folder is in; none where git does not say."""
    try:
        if not (top := git.top_of(root)):
            return []
        listed = git.Checkout(top).git("ls-files", "--stage", "-z")
    except (git.GitError, OSError, KeyError):
        return []
    return [line.split()[1] for line in listed.split("\0") if line]


def _of_records(venv: str) -> list[str]:
    return [digest for _path, digest in installed_packages.digests(os.path.realpath(venv)) if digest] if venv else []
