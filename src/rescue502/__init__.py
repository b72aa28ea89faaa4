"""rescue502: find the true cause of a 502, repair only that, prove that the site answers again."""

import sys

__version__ = "0.3.0"

# Before anything is imported that an older Python cannot read. This file itself keeps to what Python 3.6 reads.
if sys.version_info < (3, 11):  # noqa: UP036
    sys.exit(
        "rescue502 needs Python 3.11 or newer on the controller; this is Python {}.{} at {}".format(
            *sys.version_info[:2], sys.executable
        )
    )
