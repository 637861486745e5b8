#!/usr/bin/python
# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rotate tapes: which one is next, changing it, labelling, writing and reading sets."""

from __future__ import annotations

DOCUMENTATION = r"""
module: tape_rotate
short_description: Rotate tapes, and write and read backup sets on them
version_added: 0.1.0
author: Lockstep contributors (@lockstep)
description:
  - Keeps the tapes of one installation in pools, says which tape is next and why, has it changed by a changer or by a person, and
    writes and reads sets on it, over several tapes where one is not enough.
  - A tape is overwritten only if the catalogue, the label on the tape and, with a changer that reads them, the barcode agree
    that it
    belongs to the pool, and its retention is over. Foreign tapes, tapes that cannot be read, and tapes of other installations are
    never written unless they are named in O(overwrite).
  - Tapes have ANSI labels (C(VOL1), C(HDR1), C(EOF1), C(EOV1)), each followed by a block that names the set, its parts and their
    hashes. So a tape tells what it is without the catalogue, and V(imported) rebuilds the catalogue from tapes.
  - The catalogue is the file C(tapes.json) in O(path) on the host. It is replaced as a whole, under a lock that names the run that
    holds it and is never broken because of its age.
  - A site's own backup program overwrites such a label. V(sealed) records what it wrote, and from then on the tape is known by the
    beginning that the program gave it. It is protected, recognised and used in turn like the others.
  - A set is complete in the catalogue only after all of it was written and, unless O(verify=false), read back with the right
    hashes.
  - What a run has written that ended before its set was complete is written over by the next set. It goes to the same tape, behind
    the sets that were complete before.
extends_documentation_fragment:
  - lockstep.backup.attributes
  - lockstep.backup.owner
attributes:
  check_mode:
    support: full
    details:
      - The label of a tape that is in the drive is read, which moves the tape. A tape that would have to be loaded is taken as the
        right one.
  diff_mode:
    support: full
    details:
      - The diff shows the catalogue.
  idempotent:
    support: full
  platform:
    support: full
    platforms: posix, windows
    details:
      - O(device.kind=scsi) needs Linux. O(device.kind=windows) needs an administrator, and Windows PowerShell 3.0 or later.
      - There are no changers on Windows.
options:
  path:
    description: Folder of the catalogue on the host. It is made if it is absent.
    type: str
    required: true
  installation:
    description:
      - The installation that the tapes belong to. It is written to each tape. A tape of another one is foreign.
      - 1 to 64 letters, digits, dots, underscores and hyphens.
    type: str
    required: true
  state:
    description:
      - V(query) tells what catalogue, drive and policy say, and needs no lock. The drive is left alone while a run holds the lock.
      - V(loaded) has the tape in the drive that the policy names for now (or O(tape)), and checks that it may be written. Use it
        with O(overwrite_accepted) before another program overwrites the tape.
      - V(ejected) empties the drive. With a changer the tape goes to a free slot.
      - V(labelled) labels the tape in the drive and takes it into O(pool). Only a blank one, or the one that O(overwrite) names.
      - V(written) has the right tape in the drive and writes O(parts) as O(set_id). A set that is on tape already is left alone.
      - V(sealed) records that another program has overwritten the tape in the drive with O(set_id). The tape must be the one that
        V(loaded) brought there. It fails when the tape begins as it did before.
      - V(advanced) closes the tape in use, so that nothing more is appended to it, ejects it and has the next one of the rotation
        in the drive. Without a changer and with O(wait_seconds=0) it only says which one that is.
      - V(imported) takes the tape in the drive, or with a changer each of its tapes, into the catalogue as the tape describes
        itself. A sealed tape tells nothing, and stays as the catalogue has it.
      - V(restored) reads the parts of O(set_id) into O(dest), and compares their hashes.
      - V(recovered) puts in order what a run that is over has left, as each state but V(query) does before its own work. The
        tape stays where it is.
    type: str
    required: true
    choices: [query, loaded, ejected, labelled, written, sealed, advanced, imported, restored, recovered]
  device:
    description: The tape drive. Required for all states except V(query).
    type: dict
    suboptions:
      kind:
        description:
          - V(scsi) is a drive of Linux' st driver. It is never opened in a way that waits for a tape.
          - V(windows) is a drive of a Windows host, by the Win32 tape API. Sets are written and read by a job of the host, which
            outlives the connection. What a run that is over still does is ended by the next one.
          - V(folder) is a drive in a folder, with each tape a folder with a capacity below C(tapes/). It behaves as a real
            drive, to
            try everything without one. C(drive.json) names the tape that is in (C({"tape"), a colon, and the folder's name), and
            C(tapes/NAME/tape.json) has at least C(capacity) in bytes.
        type: str
        required: true
        choices: [folder, scsi, windows]
      path:
        description: The device that does not rewind on closing, as C(/dev/nst0), the device C(\\.\Tape0) on Windows, or the folder.
        type: str
        required: true
      timeout:
        description: For V(windows), the seconds that one transfer of a set to or from a tape may take before it is ended.
        type: float
        default: 86400.0
  changer:
    description: The changer that serves the drive. Without one a person changes tapes.
    type: dict
    suboptions:
      kind:
        description:
          - V(mtx) moves tapes with the program C(mtx).
          - V(folder) goes with O(device.kind=folder). C(slots.json) beside the drive lists which tape is in which slot.
        type: str
        required: true
        choices: [folder, mtx]
      path:
        description: The changer's sg device. Required for V(mtx).
        type: str
      drive:
        description: The drive's number in the changer.
        type: int
        default: 0
      program:
        description: The program C(mtx).
        type: str
        default: mtx
      timeout:
        description: Seconds that one move may take.
        type: float
        default: 300.0
  pool:
    description: The tapes that are used in turn. Required for V(loaded), V(labelled), V(written), V(sealed) and V(advanced).
    type: dict
    suboptions:
      name:
        description: Its name. Pools never mix.
        type: str
        required: true
      tapes:
        description: How many tapes it has, in each group of the policy.
        type: int
        required: true
      retention_days:
        description:
          - How long a tape is kept after it was last written. What is promised when a tape is written holds even if this is made
            shorter later.
        type: float
        required: true
      group_retention_days:
        description: The same for single groups of the policy, by their names.
        type: dict
        default: {}
      naming:
        description:
          - Pattern of the labels, with C({n}) for the number. 1 to 6 capital letters and digits. By default the first three
            letters of
            the pool's name and three digits.
        type: str
      keep_newer:
        description:
          - A tape is not overwritten unless so many tapes of its group hold newer complete sets. It keeps the last good set
            even after
            a jump of the clock.
        type: int
        default: 1
      use_days:
        description:
          - For how many days sets are appended to a tape, from its first set. 0 means that each set overwrites a tape.
          - A tape to which sets are appended is kept that much longer.
        type: float
        default: 0.0
      max_errors:
        description: A tape with so many errors is not used any more. 0 means no limit.
        type: int
        default: 3
      life_writes:
        description: How often a tape may be written in its life. 0 means no limit.
        type: int
        default: 0
      life_days:
        description: How old a tape may become. 0 means no limit.
        type: float
        default: 0.0
      life_warning:
        description: The part of its life after which there is a warning. Tapes at the end of it are used last.
        type: float
        default: 0.9
      missing:
        description: Labels of tapes that are missing.
        type: list
        elements: str
        default: []
      damaged:
        description: Labels of tapes that are damaged.
        type: list
        elements: str
        default: []
      capacity:
        description: Bytes that fit on a tape, for drives that do not tell. 0 means that nobody knows.
        type: int
        default: 0
  policy:
    description: How tapes are chosen. Without it, a simple cycle.
    type: dict
    suboptions:
      kind:
        description:
          - V(cycle) uses all tapes of the pool in turn.
          - V(weekday) has a set of tapes for each of O(policy.days).
          - V(gfs) has the groups C(son), C(father) and C(grandfather). The first run since O(policy.weekly_day) is a father's,
            and the
            first of these in a month a grandfather's. So a run that was skipped is made up by the next one.
          - Within a group the tape is used that was never written, else the one that was written longest ago.
        type: str
        required: true
        choices: [cycle, weekday, gfs]
      days:
        description: Weekdays with a run.
        type: list
        elements: str
        choices: [monday, tuesday, wednesday, thursday, friday, saturday, sunday]
        default: [monday, tuesday, wednesday, thursday, friday, saturday, sunday]
      weekly_day:
        description: When a week of V(gfs) begins.
        type: str
        choices: [monday, tuesday, wednesday, thursday, friday, saturday, sunday]
        default: friday
      holidays:
        description: Dates without a run, as C(YYYY-MM-DD).
        type: list
        elements: str
        default: []
  tape:
    description: The label of the tape to use, instead of what the policy says. For V(labelled), the new label. For
      V(sealed), the tape that must have been loaded.
    type: str
  group:
    description: For V(labelled), the group of the policy that the tape is for. Required for the policies V(weekday) and V(gfs).
    type: str
  overwrite:
    description:
      - For V(labelled), the name of the tape in the drive that is to be overwritten, as the error names it. Everything on it is
        lost. With O(tape), the tape that the catalogue has in the drive gets its label again after another program has overwritten
        it and failed.
    type: str
  overwrite_accepted:
    description:
      - For V(loaded), whether it is accepted that another program overwrites the tape. V(false) fails with the warning that says
        what is lost, V(true) shows it and goes on. Without it nothing is asked.
    type: bool
  needed_bytes:
    description: For V(loaded) and V(query), how much is to be written. A tape that is known to have less room is refused.
    type: int
  location:
    description: For V(ejected) and V(advanced), where the tape is put. It is named when the tape is asked for again.
    type: str
  date:
    description:
      - For V(query) and V(advanced), the date (C(YYYY-MM-DD)) for which the tape is chosen. By default today, and for
        V(advanced) the
        date of the next run.
    type: str
  any_day:
    description: Use a tape although the policy has no run on this day.
    type: bool
    default: false
  set_id:
    description: Id of the set, for V(written), V(sealed) and V(restored).
    type: str
  parts:
    description: The files that the set consists of, for V(written).
    type: list
    elements: dict
    suboptions:
      path:
        description: Full path on the host.
        type: str
        required: true
      name:
        description: The part's name in the set. The file's own name by default.
        type: str
      sha256:
        description: The SHA-256 that the file must have.
        type: str
  bytes:
    description: For V(sealed), how much the program wrote, as it says itself. It is for statistics only.
    type: int
  dest:
    description: The folder for V(restored). Files that are there with the right hash are left alone, and others are never replaced.
    type: str
  block_size:
    description: Bytes of a block, 1024 to 1048576. It is recorded, and any size is read.
    type: int
    default: 262144
  span:
    description: Whether a set may go on with the next tape of the pool when one is full.
    type: bool
    default: true
  verify:
    description: Read back what was written, and compare the hashes.
    type: bool
    default: true
  wait_seconds:
    description: How long to wait for a person to insert a tape. The run goes on by itself when the right one is in.
    type: float
    default: 0.0
  poll_seconds:
    description: How often to look whether a tape was inserted.
    type: float
    default: 5.0
  load_timeout:
    description: Seconds that a drive may take to be ready after a changer has loaded it.
    type: float
    default: 120.0
  notify:
    description:
      - A program with its arguments that is run on the host with a message on its standard input, when a tape is to be
        inserted, and at
        once when a wrong one is in.
    type: list
    elements: str
    default: []
  title:
    description: First line of the sticker. The pool's name by default.
    type: str
  server:
    description: Second line of the sticker. The host's name by default.
    type: str
"""

EXAMPLES = r"""
- name: Label a blank tape for the exports
  lockstep.backup.tape_rotate:
    state: labelled
    path: /var/lib/lockstep/tapes
    installation: etravel
    device: {kind: scsi, path: /dev/nst0}
    pool: &export {name: export, tapes: 10, retention_days: 7, use_days: 4}

- name: Write tonight's export, and wait an hour for the tape
  lockstep.backup.tape_rotate:
    state: written
    path: /var/lib/lockstep/tapes
    installation: etravel
    device: {kind: scsi, path: /dev/nst0}
    pool: *export
    set_id: '{{ opened.set_id }}'
    parts:
      - path: /backup/export.dmp
    wait_seconds: 3600
    notify: [mail, -s, tape wanted, operator]

- name: Friday's full backup goes to tapes of its own, by grandfather, father and son, with a changer
  lockstep.backup.tape_rotate:
    state: loaded
    path: /var/lib/lockstep/tapes
    installation: etravel
    device: {kind: scsi, path: /dev/nst0}
    changer: {kind: mtx, path: /dev/sg3}
    pool:
      name: full
      tapes: 6
      retention_days: 6
      group_retention_days: {father: 30, grandfather: 365}
    policy: {kind: gfs, holidays: ['2026-12-25']}

- name: The tape for the full backup by ntbackup, before anything stops
  lockstep.backup.tape_rotate:
    state: loaded
    path: C:\Lockstep\Tapes
    installation: etravel
    device: {kind: windows, path: '\\.\Tape0'}
    pool: &full {name: full, tapes: 4, retention_days: 20}
    overwrite_accepted: true
    wait_seconds: 3600

- name: What ntbackup wrote onto it is a set of its own
  lockstep.backup.tape_rotate:
    state: sealed
    path: C:\Lockstep\Tapes
    installation: etravel
    device: {kind: windows, path: '\\.\Tape0'}
    pool: *full
    set_id: '{{ opened.set_id }}'

- name: Tonight's export on a Windows host
  lockstep.backup.tape_rotate:
    state: written
    path: C:\Lockstep\Tapes
    installation: etravel
    device: {kind: windows, path: '\\.\Tape0'}
    pool: *export
    set_id: '{{ opened.set_id }}'
    parts:
      - path: C:\Backups\export.dmp

- name: Which tape is needed on Tuesday
  lockstep.backup.tape_rotate:
    state: query
    path: /var/lib/lockstep/tapes
    installation: etravel
    pool: *export
    date: '2026-11-24'

- name: Read a set
  lockstep.backup.tape_rotate:
    state: restored
    path: /var/lib/lockstep/tapes
    installation: etravel
    device: {kind: scsi, path: /dev/nst0}
    set_id: etravel-26112101-5f0c3a9e
    dest: /restore/26112101
"""

RETURN = r"""
catalogue:
  description: The catalogue's file.
  returned: success
  type: str
plan:
  description: What was done in order, or in check mode would be. Each entry has C(action), C(target), and often C(reason).
  returned: for all states except V(query)
  type: list
  elements: dict
  sample:
    - action: load
      target: EXP001
      reason: 'from slot 3: 2026-11-21 is a day of the cycle; EXP001 has never been written.'
tape:
  description: Label of the tape. Null when V(ejected) found none that the catalogue has.
  returned: for V(loaded), V(ejected), V(labelled), V(written), V(sealed) and V(advanced)
  type: str
choice:
  description:
    - What the policy says. C(tape), C(how) (append or overwrite), C(why) in words, C(group), C(due), and C(passed_over), which
      explains
      each tape that would have come before. Null when nothing had to be chosen.
  returned: for V(query), V(loaded), V(written) and V(advanced)
  type: dict
set:
  description:
    - The set with its parts, and on which C(tapes) its segments are, with tape file, offset, bytes, blocks and SHA-256.
    - Its C(state) is complete, failed, partial (not all of its tapes have been imported), or writing.
    - A set that another program wrote has no parts, and the C(format) of that program.
  returned: for V(written), V(sealed) and V(restored)
  type: dict
sticker:
  description: Text for the tape's sticker. What it is, the server, the date of the last set, and the label.
  returned: for V(ejected), V(written), V(sealed) and V(advanced)
  type: str
found:
  description:
    - What was in the drive before, for V(sealed) what is in it now. C(kind) (ours, blank, foreign or unreadable), C(name),
      C(format), C(fingerprint) (SHA-256 of its beginning), C(media_name) in Microsoft Tape Format, C(sealed), and what the label
      says.
  returned: for V(labelled) and V(sealed)
  type: dict
warning:
  description: What is lost when the tape is overwritten. Null when it is appended to.
  returned: for V(loaded)
  type: str
room:
  description: Bytes that fit on the tape, or behind what is on it. Null when neither the drive nor O(pool.capacity) tells.
  returned: for V(loaded)
  type: int
statistics:
  description: The tape as in RV(tapes), without what depends on the pool.
  returned: for V(labelled)
  type: dict
closed:
  description: Labels of the tapes to which nothing more is appended.
  returned: for V(advanced)
  type: list
  elements: str
inserted:
  description: Whether the next tape is in the drive.
  returned: for V(advanced)
  type: bool
location:
  description: Where the next tape is.
  returned: for V(advanced)
  type: str
drive:
  description:
    - The drive. C(loaded), C(write_protected), C(needs_cleaning), C(capacity) and C(remaining) in bytes where it knows them,
      and for
      V(query) the C(tape) in it, or an C(error).
    - For V(query) with O(pool), also C(permission). Whether the tape in the drive is the one that the policy names and may be
      written now (C(allowed)), else C(error_code) and C(msg), and C(room) and C(warning) as V(loaded) has them.
  returned: for V(loaded) and V(query)
  type: dict
tapes:
  description:
    - The tapes of the pool, or without O(pool) all. Each with its label, pool, group, barcode, location, times, numbers of
      writes, reads
      and errors, bytes, history, C(age_days), C(kept_until) and C(life_used), where 1 is all of its life.
  returned: for V(query)
  type: list
  elements: dict
sets:
  description: The sets, as in RV(set).
  returned: for V(query)
  type: list
  elements: dict
life_warnings:
  description: A sentence for each tape near the end of its life.
  returned: for V(query)
  type: list
  elements: str
lock:
  description: Who holds the lock, with C(owner) and C(since). Null when nobody does.
  returned: for V(query)
  type: dict
imported:
  description: Each tape with what it is, and C(imported).
  returned: for V(imported)
  type: list
  elements: dict
files:
  description: The files that were read.
  returned: for V(restored)
  type: list
  elements: str
done:
  description: When something failed halfway, what had been done before.
  returned: failure
  type: list
  elements: dict
failed_action:
  description: The entry of the plan that failed.
  returned: failure
  type: dict
"""

from ansible_collections.lockstep.backup.plugins.module_utils.run_here import run_module
from ansible_collections.lockstep.backup.plugins.module_utils.tape.feature import FEATURE


def main() -> None:
    run_module(FEATURE)


if __name__ == "__main__":
    main()
