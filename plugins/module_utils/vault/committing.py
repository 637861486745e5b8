# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A set becomes good: every part is verified, then one rename. Private to lockstep.backup: not a public interface.

Where a set's parts lie on several hosts, the other hosts commit first, and the first of ``hosts`` last: its rename is the commit
point. If it fails, ``failed`` takes the others' sets back. The other way round a set could look good on the first host, where
people look, without its partner.
"""

from __future__ import annotations

import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.feature import Task
from ansible_collections.lockstep.backup.plugins.module_utils.vault import (
    backup_log,
    catalogue,
    names,
    restore_text,
    schema,
    step_log,
)
from ansible_collections.lockstep.backup.plugins.module_utils.vault import manifest as manifests
from ansible_collections.lockstep.backup.plugins.module_utils.vault.actions import MEASURE, RENAME, VERIFY, Action
from ansible_collections.lockstep.backup.plugins.module_utils.vault.session import Session, Work, check_manifest, plain


def committed(task: Task) -> dict[str, t.Any]:
    """Slugs: ``part_missing``, ``part_size``, ``part_damaged``, ``part_hash``, ``set_missing``, ``set_failed``, ``set_damaged``,
    ``set_mismatch``, ``lock_lost``, ``run_in_progress``, ``option_invalid``. On an error the set stays open under Failed."""
    names.check_set_name(task.params["set"])
    expected = manifests.expected_parts(task.params["parts"] or ())
    session = Session(task)
    folder, manifest = _present(session)
    if manifest is not None and manifest["state"] == schema.COMMITTED and folder != catalogue.FAILED:
        return _already(session, folder, manifest)
    if manifest is not None:
        session.lock.must_be_mine()
    return _Commit(session, manifest or session.new_manifest(session.params["set"]), expected).run()


def _present(session: Session) -> tuple[str, manifests.Manifest | None]:
    """Where the set is, and its manifest; None only in check mode, in which the set was not really opened."""
    name = session.params["set"]
    found = session.vault.find(name)
    if found is None and session.task.check_mode:
        return catalogue.FAILED, None
    if found is None:
        raise LockstepError(
            "set_missing",
            f"There is no set {name} in the vault {session.vault.path} on {session.host.name}. Open it before its parts are made.",
            set=name,
        )
    folder, text = found
    try:
        manifest = manifests.parse(text or "")
    except manifests.ManifestProblem as problem:
        raise LockstepError("set_damaged", f"Set {name} on {session.host.name} cannot be committed: {problem}.", set=name) from None
    if manifest["state"] == schema.FAILED or (folder != catalogue.FAILED and manifest["state"] != schema.COMMITTED):
        raise LockstepError(
            "set_failed",
            f"Set {name} on {session.host.name} is marked as failed ({manifest['error']}) and can no longer be committed. "
            "Make a new one.",
            set=name,
        )
    wanted = session.params["set_id"] or manifest["set_id"]
    if (manifest["set_id"], manifest["installation"], manifest["set"]) != (wanted, session.params["installation"], name):
        raise LockstepError(
            "set_mismatch",
            f"The folder of set {name} on {session.host.name} holds set {manifest['set']} with the id {manifest['set_id']} of "
            f"{manifest['installation']}, not {wanted}. Parts of different sets are not mixed.",
            set=name,
            set_id=manifest["set_id"],
        )
    return folder, manifest


def _already(session: Session, folder: str, manifest: manifests.Manifest) -> dict[str, t.Any]:
    """The set is good. If this run still has the lock, its last commit was cut short after the rename: finish that."""
    work = Work()
    holder = session.lock.holder()
    unfinished = holder is not None and holder.owner.run_id == session.task.owner.run_id
    if unfinished:
        session.lock.must_be_mine()
        line = backup_log.line_of(manifest, good=True)
        session.write_log(work, backup_log.with_line(backup_log.read(session.log_text()), line))
        session.perform(work)
        session.leave()
    return _outcome(session, work, folder, manifest, changed=unfinished)


def _outcome(session: Session, work: Work, folder: str, manifest: manifests.Manifest, **more: t.Any) -> dict[str, t.Any]:
    shown = {key: manifest[key] for key in ("set", "set_id", "grade", "grade_reasons", "parts", "started", "ended", "hosts")}
    return session.result(
        work,
        **shown,
        folder=session.vault.set_folder(folder, manifest["set"]),
        commit_point=manifest["host"] == manifest["hosts"][0],
        manifest=manifest,
        **more,
    )


class _Commit:
    """One commit. The manifest is complete only when all parts are verified, so what is written is asked for at that moment."""

    def __init__(self, session: Session, manifest: manifests.Manifest, expected: list[dict[str, t.Any]]) -> None:
        self.session, self.expected = session, expected
        self.manifest = _with_options(session, manifest)
        self.name = manifest["set"]
        self.sizes: dict[str, int] = {}

    def run(self) -> dict[str, t.Any]:
        session, vault = self.session, self.session.vault
        folder = vault.set_folder(catalogue.FAILED, self.name)
        work = Work()
        work.plan.append(Action(MEASURE, folder, reason="all parts: present, not empty, as long as expected"))
        for part in self.expected:
            what = "opens completely, SHA-256" if part["kind"] == schema.ZIP else "SHA-256"
            work.plan.append(Action(VERIFY, vault.part(catalogue.FAILED, self.name, part["path"]), reason=what))
        work.write(vault.manifest(catalogue.FAILED, self.name), self._finished)
        work.write(session.host.join(folder, manifests.RESTORE_TEXT), self._restore_text)
        work.write(session.host.join(folder, manifests.STEP_LOG), self._step_log)
        work.plan.append(Action(RENAME, folder, vault.set_folder(catalogue.RECENT, self.name), "the set is good from here on"))
        others = {MEASURE: self._measure, VERIFY: self._verify}
        session.perform(work, others)
        if session.task.check_mode:
            self._note_expected()
        listed = Work()
        line = backup_log.line_of(self.manifest, good=True)
        session.write_log(listed, backup_log.with_line(backup_log.read(session.log_text()), line))
        session.perform(listed)
        session.leave()
        return _outcome(session, listed, catalogue.RECENT, self.manifest)

    def _measure(self, action: Action) -> None:
        """All sizes before the first hash: what is missing is found in milliseconds, not after hours of reading."""
        paths = [part["path"] for part in self.expected]
        sizes = self.session.vault.sizes(catalogue.FAILED, self.name, paths)
        self.sizes = {path.lower(): size for path, size in sizes.items()}
        for part in self.expected:
            size = self.sizes.get(part["path"].lower())
            if size is None:
                raise self._error("part_missing", part, "is missing")
            if size == 0:
                raise self._error("part_size", part, "is empty")
            if part["bytes"] not in (None, size):
                raise self._error("part_size", part, f"has {size} bytes instead of {part['bytes']}")

    def _verify(self, action: Action) -> None:
        session = self.session
        part = next(p for p in self.expected if session.vault.part(catalogue.FAILED, self.name, p["path"]) == action.path)
        session.task.progress(f"verifying {part['path']}")
        problem = session.host.zip_problem(action.path) if part["kind"] == schema.ZIP else None
        if problem:
            raise self._error("part_damaged", part, f"does not open completely: {problem}")
        found = session.host.sha256(action.path)
        if part["sha256"] not in (None, found):
            raise self._error("part_hash", part, f"has the SHA-256 {found} instead of {part['sha256']}")
        size = self.sizes[part["path"].lower()]
        self.manifest["parts"].append(dict(part, bytes=size, sha256=found))
        manifests.add_step(self.manifest, session.moment(), "PART_VERIFIED", f"{part['path']}, {size} bytes, SHA-256 {found}")

    def _finished(self) -> str:
        at = self.session.moment()
        self.manifest.update(state=schema.COMMITTED, ended=at, error=None)
        manifests.add_step(self.manifest, at, "SET_COMMITTED", f"grade {self.manifest['grade']}")
        check_manifest(self.manifest)
        return manifests.as_text(self.manifest)

    def _restore_text(self) -> str:
        return self.session.vault.text_file(restore_text.write(self.manifest, self.session.host.platform))

    def _step_log(self) -> str:
        return self.session.vault.text_file(step_log.write(self.manifest))

    def _note_expected(self) -> None:
        """For check mode's result: the parts as they are asked for, without what only reading them tells."""
        self.manifest.update(parts=self.expected, ended=self.session.moment(), state=schema.COMMITTED)

    def _error(self, slug: str, part: t.Mapping[str, t.Any], problem: str) -> LockstepError:
        return LockstepError(
            slug,
            f"Part {part['path']} of set {self.name} on {self.session.host.name} {problem}. The set is not good and stays in "
            "Failed. Look at what made the part, mark the set as failed, and make a new one.",
            part=part["path"],
            set=self.name,
        )


def _with_options(session: Session, manifest: manifests.Manifest) -> manifests.Manifest:
    """The manifest with what is known at the end of the run. Slug ``option_invalid``."""
    params = session.params
    if params["grade"] == "degraded" and not params["grade_reasons"]:
        raise LockstepError(
            "option_invalid", "grade=degraded needs grade_reasons: say what was not as it should be.", option="grade_reasons"
        )
    changed = dict(manifest, parts=[], grade=params["grade"])
    for option in ("grade_reasons", "units", "restore_steps", "details"):
        changed[option] = plain(params[option], option)
    changed["outage"] = plain(params["outage"], "outage")
    # A commit that was cut short after the manifest is done again from the start: only its opening stays.
    given = [dict(step, detail=step.get("detail") or "") for step in plain(params["steps"], "steps")]
    changed["steps"] = manifest["steps"][:1] + given
    if changed["outage"]:
        manifests.add_step(changed, changed["outage"]["started"], "OUTAGE_STARTED")
        manifests.add_step(changed, changed["outage"]["ended"], "OUTAGE_ENDED", f"{changed['outage']['seconds']:g} s")
    check_manifest(dict(changed, state=schema.OPEN, ended=None))
    return changed
