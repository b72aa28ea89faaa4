# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What runs on the controller. It keeps to Python 3.10, as ansible-core 2.16 does, the oldest that is supported."""

import sys

from ansible.errors import AnsibleError
from ansible.release import __version__

# Before anything is imported that an older Python cannot read: a sentence, and no traceback.
if sys.version_info < (3, 10):  # noqa: UP036
    found = ".".join(str(number) for number in sys.version_info[:2])
    raise AnsibleError(
        f"ansible-core {__version__} on this controller's Python {found} is too old: "
        "rescue502 needs ansible-core 2.16 or newer, and so Python 3.10 or newer. Nothing was changed."
    )
