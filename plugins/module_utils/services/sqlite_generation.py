# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether a log or journal of SQLite's was written for the state that a database is in, or for one before or after it.

SQLite cannot tell: it applies a log that an older or newer copy of the database was put next to, and that destroys the
copy. The first page of a database counts its changes. A log or journal that has this page has that number, too.
Sources: sqlite.org/fileformat2.html (1.3.5 the file change counter, 3 the rollback journal, 4.1 the log).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

from ansible_collections.rescue502.django.plugins.module_utils.services import sqlite_format

# Where in the first page its number stands.
_COUNTER = 24
_LOG_HEADER, _FRAME_HEADER = 32, 24
# A log or journal with more pages than that is looked at up to here: 4 GiB of usual pages.
MOST_PAGES = 2**20


def objection(end: str, file: BinaryIO, database: bytes) -> str:
    """Why a log or journal is not of this state of its database, as the end of a sentence; empty where it may be.

    file: what sqlite_format.objection() has no objection to. database: the first bytes of the database. Of a file
    without the first page of the database nothing is known. Raises OSError.
    """
    now = int(struct.unpack_from(">I", database, _COUNTER)[0])
    size = sqlite_format.page_size(database)
    if end == sqlite_format.LOG:
        numbers = list(_of_log(file, size))
        # Each commit that has this page counts one up from what was read; what is in the database already is the last.
        fits = not numbers or (numbers[0] <= now + 1 and numbers[-1] >= now)
    elif end == sqlite_format.JOURNAL:
        numbers = list(_of_journal(file, size))
        # What was there before: the page in the database may have been written since, and counted up for that.
        fits = not numbers or now - numbers[0] in (0, 1)
    else:
        return ""
    return "" if fits else f"was written for another state of the database: for change {numbers[0]}, and it is at {now}"


def _of_log(file: BinaryIO, size: int) -> Iterator[int]:
    """The numbers of the first page in a log, in order; what an earlier turn of the log has left behind is passed."""
    file.seek(0)
    salts = file.read(_LOG_HEADER)[16:24]
    for number in range(MOST_PAGES):
        file.seek(_LOG_HEADER + number * (_FRAME_HEADER + size))
        frame = file.read(_FRAME_HEADER + _COUNTER + 4)
        if len(frame) < _FRAME_HEADER + _COUNTER + 4 or frame[8:16] != salts:
            return
        if frame[:4] == b"\0\0\0\1":
            yield struct.unpack_from(">I", frame, _FRAME_HEADER + _COUNTER)[0]


def _of_journal(file: BinaryIO, size: int) -> Iterator[int]:
    """The number of the first page as a journal keeps it, of the journal's first part; none where it is not in there.

    Nothing of one that is not to be rolled back. Behind the records that the header counts are those of earlier times.
    """
    file.seek(0)
    header = file.read(28)
    if not any(header[:8]):
        return
    count, _nonce, _pages, sector = struct.unpack_from(">IIII", header, 8)
    for number in range(min(count, MOST_PAGES)):
        file.seek(sector + number * (size + 8))
        record = file.read(4 + _COUNTER + 4)
        if len(record) < 4 + _COUNTER + 4:
            return
        if record[:4] == b"\0\0\0\1":
            yield struct.unpack_from(">I", record, 4 + _COUNTER)[0]
            return
