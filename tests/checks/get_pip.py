# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ansible-test wants get-pip.py for, without the download: pip for an empty virtual environment.

ansible-test fetches get-pip.py from a server of its own unless it finds the file in its cache, and where only a package
index can be reached it cannot run. Every Python has a pip to begin with, in ensurepip, which then installs what is asked for.
"""

from __future__ import annotations

import ensurepip
import os
import subprocess
import sys

# ansible-test's answers to get-pip.py's own options, which pip does not know.
GET_PIP_OPTIONS = frozenset({"--no-setuptools", "--no-wheel"})


def main() -> None:
    ensurepip.bootstrap(default_pip=True)
    # ensurepip points PIP_CONFIG_FILE at nothing, so that no setting disturbs it; the index is needed from here on.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    arguments = [argument for argument in sys.argv[1:] if argument not in GET_PIP_OPTIONS]
    sys.exit(subprocess.call([sys.executable, "-m", "pip", "install", *arguments], env=environment))


if __name__ == "__main__":
    main()
