# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The faults of a simulated host: one table, switched on and off by name."""

from __future__ import annotations

import threading
import typing as t

FAULTS: t.Mapping[str, str] = {
    # the connection
    "unreachable": "nothing listens on the host's WinRM port; open connections are cut",
    "slow": "VALUE seconds pass before each WS-Management request is executed (real time)",
    "drop_before": "the VALUE-th request from now (not counting Receive) is not executed, and its connection is cut; once",
    "drop_after": "the VALUE-th request from now (not counting Receive) is executed, and its connection cut unanswered; once",
    "certificate_untrusted": "the certificate comes from an authority nobody knows (https)",
    "certificate_expired": "the certificate ended yesterday (https)",
    "certificate_wrong_name": "the certificate is for another host (https)",
    "quota_shells": "creating a shell: too many shells of this user (2150859173)",
    "quota_operations": "starting a command and enumerating: too many operations of this user (2150859174)",
    "quota_envelope": "requests of more than VALUE bytes are refused with HTTP 413",
    "access_denied": "logging on works, every request is refused (fault 5)",
    # units
    "service_refuses_stop": "StopService on service VALUE gives 5 (cannot accept control)",
    "service_refuses_start": "StartService on service VALUE gives 15 (logon failed)",
    "service_hangs_stopping": "service VALUE stays in Stop Pending",
    "service_hangs_starting": "service VALUE stays in Start Pending",
    "service_returns": "service VALUE starts again by itself right after it stopped",
    "service_fails_start": "service VALUE accepts the start and is Stopped again at once (exit code 1067)",
    "pool_refuses_stop": "appcmd stop of application pool VALUE fails (5)",
    "pool_refuses_start": "appcmd start of application pool VALUE fails (5)",
    "pool_returns": "application pool VALUE is Started again right after it stopped",
    "task_starts_late": "due scheduled tasks do not start while this holds",
    # the machine
    "clock_jump": "the machine's clock is VALUE seconds ahead (negative: behind); cleared, it is right again",
    "disk_full": "no byte can be written to drive VALUE (default C:)",
    "disk_full_after": "writes to drive C: fail after VALUE more bytes",
    "health_monitor_running": "avhealth.exe runs in the console session",
    "powershell_refuses": "PowerShell compiles nothing (its language mode forbids it)",
    # avbackup.exe
    "avbackup_missing": "avbackup.exe is not there",
    "avbackup_ini_missing": "LocalVault.ini is not there",
    "avbackup_exit": "does part of its work, restarts nothing, and ends with exit code VALUE (default 1)",
    "avbackup_exit_late": "writes the complete zip, restarts nothing, and ends with exit code VALUE (default 1)",
    "avbackup_no_zip": "ends with exit code 0 and leaves no zip",
    "avbackup_truncated_zip": "ends with exit code 0 and cuts the zip to two thirds",
    "avbackup_damaged_zip": "ends with exit code 0; one byte inside a member is wrong",
    "avbackup_empty_zip": "ends with exit code 0; the zip has no members",
    "avbackup_hangs": "writes the first members, then does nothing for ever",
    "avbackup_seconds": "works for VALUE seconds of the machine's clock",
    "avbackup_restarts_services": "starts all Enterprise Server services and IIS at its end, also those it did not stop",
    # exp.exe and imp.exe
    "exp_missing": "exp.exe and imp.exe are not there",
    "exp_warnings": "one table is skipped (EXP-00008, ORA-01455): ends with warnings",
    "exp_warnings_exit": "the exit code that goes with warnings is VALUE (on UNIX it is 0)",
    "exp_error": "ends unsuccessfully with EXP-00056 and the Oracle error VALUE (default 1555), exit code 1",
    "exp_error_exit_0": "as exp_error, with exit code 0",
    "exp_no_end_line": "the log lacks its end line, exit code 0",
    "exp_truncated_dump": "says success and cuts the dump to two thirds",
    "exp_no_dump": "says success and leaves no dump",
    "exp_hangs": "stops in the middle of the second table for ever",
    "exp_seconds": "works for VALUE seconds of the machine's clock",
    # eTravel: the desktop, ntbackup.exe, and the disks
    "user_logged_off": "the account whose desktop the programs live in is logged off; cleared, it logs on again and they start",
    "scheduler_ignores_break": "Ctrl+Break does nothing in the Schedulers",
    "scheduler_no_sign_in": "Schedulers that start from now on get no answer on TA VALUE (default: on all)",
    "affinity_asks_twice": "the Affinity Manager asks once more after it was told Yes",
    "affinity_red_text": "the Affinity Manager reports an error in its event log when it starts",
    "ntbk_fails": "ntbackup stops with an error in its log, and exit code VALUE (default 1)",
    "ntbk_log_truncated": "ntbackup writes the tape and ends with exit code 0, and its log lacks the end",
    "ntbk_log_unicode": "ntbackup's log is in UTF-16, as of Windows 2000",
    "ntbk_hangs": "ntbackup waits for ever before it writes",
    "ntbk_seconds": "ntbackup works for VALUE seconds of the machine's clock",
    "disk_missing": "drive VALUE is not there",
    # the tape drive
    "tape_empty": "no tape is in the drive, whatever was inserted",
    "tape_wrong": "tape VALUE is in the drive, whatever was inserted (default: a stranger's)",
    "tape_write_protected": "the tape in the drive is write-protected",
    "tape_full": "nothing more fits on the tape in the drive",
    "tape_bad_block": "from record VALUE on the tape in the drive can be neither read nor written (error 23 or 1117)",
    "tape_cleaning": "the drive asks to be cleaned (error 1165)",
    "tape_jammed": "the drive does not give its tape back (error 1109)",
    "tape_hangs": "writing a file to tape stops for ever after VALUE blocks (default: none)",
    "tape_busy": "another program has the drive open (error 32)",
    "tape_media_changed": "the next function is answered that the tape was changed (error 1110); once",
    "tape_bus_reset": "the next function is answered that the bus was reset (error 1111); once",
}
"""Name and meaning. VALUE is the fault's argument; a fault that names a unit can be set several times."""


class UnknownFault(Exception):
    """No fault has this name."""


class Faults:
    """The faults of one host that are switched on."""

    def __init__(self, on_change: t.Callable[[], None] = lambda: None) -> None:
        self._set: dict[str, list[str]] = {}
        self._lock = threading.Lock()
        self._on_change = on_change

    def set(self, name: str, value: str | float | None = None) -> None:
        if name not in FAULTS:
            raise UnknownFault(f"no fault is called {name!r}; there are: {', '.join(sorted(FAULTS))}")
        with self._lock:
            values = self._set.setdefault(name, [])
            if value is not None:
                values.append(str(value))
        self._on_change()

    def clear(self, name: str | None = None) -> None:
        with self._lock:
            if name is None:
                self._set.clear()
            else:
                self._set.pop(name, None)
        self._on_change()

    def as_dict(self) -> dict[str, list[str]]:
        with self._lock:
            return {name: list(values) for name, values in self._set.items()}

    def on(self, name: str) -> bool:
        return name in self._set

    def concerns(self, name: str, unit: str) -> bool:
        """Whether the fault is on for this unit (its name compares without regard to case)."""
        return unit.lower() in (value.lower() for value in self._set.get(name, ()))

    def number(self, name: str, default: float) -> float:
        """The fault's argument, or ``default`` where it has none or is off."""
        values = self._set.get(name)
        return float(values[-1]) if values else default

    def text(self, name: str, default: str) -> str:
        values = self._set.get(name)
        return values[-1] if values else default

    def take_from(self, name: str, amount: float) -> float:
        """For faults whose argument is used up: lower it, and return what is left (negative: not enough, nothing taken)."""
        with self._lock:
            left = self.number(name, 0.0) - amount
            if left >= 0:
                self._set[name] = [f"{left:g}"]
            return left

    def count_down(self, name: str) -> bool:
        """For faults of the n-th request: True at the n-th call, which switches it off."""
        if name not in self._set:
            return False
        with self._lock:
            values = self._set.get(name)
            if values is None:
                return False
            left = int(values[-1] if values else "1") - 1
            if left <= 0:
                del self._set[name]
                return True
            values[:] = [str(left)]
            return False
