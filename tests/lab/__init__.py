# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab: simulated hosts on loopback, spoken to by the real clients.

``python -m tests.lab up`` starts one in the background (``down``, ``status``, ``fault``, ``clear``, ``unknown``); tests use
``tests.lab.lab.Lab`` in their own process. Layers, the lower ones knowing nothing of the upper:

- ``windows``: a machine (clock, files, processes, services, IIS, scheduled tasks, users), its programs (``programs``), its
  command interpreter (``cmd``), its CIM classes (``cim*``), and its faults (``faults``, one table).
- ``winrm``: HTTP, logging on, SOAP, WQL, shells and CIM over XML: a WS-Management endpoint in front of a machine.
- ``oracle``: a database, its listener and its wire protocol.
- ``sites``: what stands on the machines. ``lab``: all machines together. ``control``: a lab in a process of its own.

What the lab does not know is refused as a real host would refuse it, and recorded in ``Lab.unknown``: a test that leaves
something there has failed.
"""
