# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every module says of itself. Private to lockstep.backup: not a public interface."""

from __future__ import annotations


class ModuleDocFragment:
    """A module that uses it adds C(support), and C(details) where the support is partial, to each attribute."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: In check mode the module shows its whole plan, to the last step, and changes nothing.
  diff_mode:
    description: In diff mode the module shows what it changes, or in check mode would change, as it was before and as it is after.
  idempotent:
    description: A second run with the same arguments changes nothing, unless something else has changed in between.
  platform:
    description: The platforms of the hosts that the module works on.
"""

    # For modules that work on Windows hosts only.
    WINDOWS = r"""
options: {}
attributes:
  platform:
    support: full
    platforms: windows
    details:
      - The module runs on the control node and speaks to the host with the options of its own C(winrm) or C(psrp) connection.
      - The host needs neither Python nor an agent.
"""

    # For modules that work on Windows and POSIX hosts alike.
    ALL = r"""
options: {}
attributes:
  platform:
    support: full
    platforms: windows, posix
    details:
      - For a Windows host the module runs on the control node and speaks to the host with the options of its own C(winrm) or
        C(psrp) connection. The host needs neither Python nor an agent.
      - On any other host it runs as modules usually do, with the Python of that host.
"""

    # For modules that never change anything.
    READ_ONLY = r"""
options: {}
attributes:
  check_mode:
    support: full
    details:
      - The module only reads.
  diff_mode:
    support: N/A
    details:
      - The module only reads.
  idempotent:
    support: full
    details:
      - The module only reads.
"""
