# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pool, policy and equipment from the module's options. Private to lockstep.backup: not a public interface."""

from __future__ import annotations

import datetime
import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.feature import Task
from ansible_collections.lockstep.backup.plugins.module_utils.host.base import WINDOWS, Host
from ansible_collections.lockstep.backup.plugins.module_utils.jobs import wait_for_job
from ansible_collections.lockstep.backup.plugins.module_utils.tape import labels, policies
from ansible_collections.lockstep.backup.plugins.module_utils.tape.changer import Changer, MtxChanger
from ansible_collections.lockstep.backup.plugins.module_utils.tape.drive import MAX_BLOCK, Drive, RemoteDrives
from ansible_collections.lockstep.backup.plugins.module_utils.tape.folder import FolderChanger, FolderDrive
from ansible_collections.lockstep.backup.plugins.module_utils.tape.scsi import ScsiDrive

_MIN_BLOCK = 1024


def invalid(option: str, what: str) -> LockstepError:
    return LockstepError("option_invalid", f"{option} {what}", option=option)


def pool_of(given: t.Mapping[str, t.Any]) -> policies.Pool:
    """Slug ``option_invalid``."""
    naming = given["naming"] or f"{''.join(filter(str.isalnum, given['name'].upper()))[:3]}{{n:03d}}"
    try:
        sample = naming.format(n=1)
    except (ValueError, LookupError, TypeError) as error:
        raise invalid("pool.naming", f"({naming}) is no pattern with {{n}}: {error}.") from None
    if not labels.is_label(sample) or sample == naming.format(n=2):
        raise invalid("pool.naming", f"({naming}) must give different labels of 1 to 6 capital letters and digits, not {sample}.")
    if given["tapes"] < 1 or given["keep_newer"] < 0:
        raise invalid("pool", "needs at least one tape, and cannot keep less than nothing.")
    retention = {"": float(given["retention_days"]), **{name: float(days) for name, days in given["group_retention_days"].items()}}
    if min(retention.values()) < 0 or given["use_days"] < 0:
        raise invalid("pool", "cannot keep or use a tape for less than 0 days.")
    return policies.Pool(
        name=given["name"],
        tapes=given["tapes"],
        retention_days=retention,
        naming=naming,
        keep_newer=given["keep_newer"],
        use_days=given["use_days"],
        max_errors=given["max_errors"],
        life_writes=given["life_writes"],
        life_days=given["life_days"],
        life_warning=given["life_warning"],
        missing=tuple(given["missing"]),
        damaged=tuple(given["damaged"]),
        capacity=given["capacity"],
    )


def policy_of(given: t.Mapping[str, t.Any] | None) -> policies.Policy:
    """Slug ``option_invalid``."""
    if given is None:
        return policies.Policy(policies.CYCLE)
    if not given["days"]:
        raise invalid("policy.days", "must name at least one day.")
    return policies.Policy(
        kind=given["kind"],
        days=tuple(given["days"]),
        weekly_day=given["weekly_day"],
        holidays=tuple(date_of(text, "policy.holidays") for text in given["holidays"]),
    )


def date_of(text: str, option: str) -> datetime.date:
    """A date as YYYY-MM-DD; slug ``option_invalid``."""
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        raise invalid(option, f"({text}) is no date like 2026-11-21.") from None


def drive_of(task: Task, given: t.Mapping[str, t.Any]) -> Drive:
    """Slugs ``option_invalid``, ``drive_missing``."""
    host = task.host
    if (host.platform == WINDOWS) != (given["kind"] == "windows"):
        raise invalid("device.kind", f"{given['kind']} is not for {host.name}, whose platform is {host.platform}.")
    if given["kind"] == "windows":

        def wait(folder: str, on_poll: t.Callable[[float], None]) -> None:
            wait_for_job(task, folder, given["timeout"], on_poll=on_poll)

        # Not a method of all hosts: on the others the drive is opened by the module itself.
        return t.cast(RemoteDrives, host).tape_drive(given["path"], task.params["path"], wait, task.progress)
    return FolderDrive(given["path"]) if given["kind"] == "folder" else ScsiDrive(given["path"])


def changer_of(host: Host, given: t.Mapping[str, t.Any] | None, drive: Drive) -> Changer | None:
    """Slug ``option_invalid``."""
    if given is None:
        return None
    if given["kind"] == "folder":
        if not isinstance(drive, FolderDrive):
            raise invalid("changer.kind", "folder goes with a drive of kind folder only.")
        return FolderChanger(drive)
    if not given["path"]:
        raise invalid("changer.path", "is needed for mtx: the changer's sg device.")
    return MtxChanger(host, given["path"], given["drive"], given["program"], given["timeout"], drive.unload)


def check_block_size(size: int) -> None:
    """Slug ``option_invalid``."""
    if not _MIN_BLOCK <= size <= MAX_BLOCK:
        raise invalid("block_size", f"must be between {_MIN_BLOCK} and {MAX_BLOCK} bytes.")


def moment_of(text: str | None, now: datetime.datetime) -> datetime.datetime:
    """The given date at the present time of day, or now."""
    return now if text is None else datetime.datetime.combine(date_of(text, "date"), now.timetz())
