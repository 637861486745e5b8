# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Years of days on which things go wrong: two pools in one catalogue, and what must be true of every single choice.

What is allowed is worked out here anew, from a record of what was written and promised, and not from the catalogue.
"""

from __future__ import annotations

import collections
import dataclasses
import datetime
import random
import typing as t

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.tape import catalogue as catalogues
from ansible_collections.lockstep.backup.plugins.module_utils.tape import identity as identities
from ansible_collections.lockstep.backup.plugins.module_utils.tape import moments, permission, policies, recording
from ansible_collections.lockstep.backup.plugins.module_utils.tape.catalogue import COMPLETE, WRITING, Catalogue, StoredSet, Tape

START = datetime.datetime(2026, 11, 20, 18, 0, tzinfo=datetime.UTC)
DAY = datetime.timedelta(days=1)
KINDS = (policies.CYCLE, policies.WEEKDAY, policies.GFS)
EVENTS = {
    "run": 60,
    "run fails": 6,
    "skipped": 6,
    "errors": 2,
    "damaged": 0.3,
    "missing": 2,
    "found": 2,
    "not in the changer": 2,
    "new tape": 1,
    "retention": 1,
    "closed": 1,
    "clock back": 1,
    "clock ahead": 0.3,
    "catalogue read anew": 2,
}


@dataclasses.dataclass
class Written:
    """One set, as the test remembers it."""

    moment: datetime.datetime
    promised: datetime.datetime
    complete: bool
    group: str


@dataclasses.dataclass
class Rotation:
    """One pool with its policy, and ``contents``: what each of its tapes holds, in order."""

    policy: policies.Policy
    pool: policies.Pool
    contents: dict[str, list[Written]] = dataclasses.field(default_factory=lambda: collections.defaultdict(list))
    overwritten: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    history: list[Written] = dataclasses.field(default_factory=list)
    number: int = 0

    def newest(self, label: str) -> Written | None:
        return max((found for found in self.contents[label] if found.complete), key=lambda found: found.moment, default=None)

    def may_be_overwritten(self, label: str, members: t.Collection[str], moment: datetime.datetime) -> bool:
        kept = [found for found in self.contents[label] if found.complete]
        if any(moment < found.promised for found in kept):
            return False
        mine = self.newest(label)
        newer = [other for other in members if mine and (their := self.newest(other)) and their.moment > mine.moment]
        return mine is None or len(newer) >= self.pool.keep_newer


class Years:
    """A catalogue that is used day after day; every step asserts what must hold."""

    def __init__(self, chance: random.Random, rotations: t.Sequence[Rotation], tapes: int) -> None:
        self.chance, self.rotations, self.moment = chance, rotations, START
        self.catalogue = Catalogue("etravel")
        for rotation in rotations:
            for group in policies.groups(rotation.policy):
                for _unused in range(tapes):
                    self.label(rotation, group)

    def label(self, rotation: Rotation, group: str) -> None:
        rotation.number += 1
        label = rotation.pool.naming.format(n=rotation.number)
        self.catalogue.tapes[label] = Tape(label, f"volume {label}", rotation.pool.name, group, moments.text(self.moment))

    def members(self, rotation: Rotation, group: str) -> list[Tape]:
        return [tape for tape in self.catalogue.of_pool(rotation.pool.name) if tape.group == group]

    def any_tape(self, rotation: Rotation) -> Tape:
        return self.chance.choice(self.catalogue.of_pool(rotation.pool.name))

    def day(self, events: t.Mapping[str, float]) -> None:
        self.moment += DAY + datetime.timedelta(minutes=self.chance.randint(-120, 120))
        for rotation in self.rotations:
            event = self.chance.choices(list(events), list(events.values()))[0]
            present = None
            if event == "errors":
                self.any_tape(rotation).errors += 1
            elif event == "damaged":
                self.any_tape(rotation).damaged = "torn"
            elif event == "missing":
                rotation.pool = dataclasses.replace(rotation.pool, missing=(*rotation.pool.missing, self.any_tape(rotation).label))
            elif event == "found":
                rotation.pool = dataclasses.replace(rotation.pool, missing=rotation.pool.missing[1:])
            elif event == "not in the changer":
                present = {label for label in self.catalogue.tapes if self.chance.random() < 0.7}
            elif event == "new tape":
                self.label(rotation, self.chance.choice(policies.groups(rotation.policy)))
            elif event == "retention":
                days = {group: float(self.chance.choice((0, 1, 6, 30))) for group in rotation.pool.retention_days}
                rotation.pool = dataclasses.replace(rotation.pool, retention_days=days)
            elif event == "closed":
                self.any_tape(rotation).closed = True
            elif event == "clock back":
                self.clock_back(rotation)
            elif event == "clock ahead":
                self.moment += self.chance.randint(2, 500) * DAY
            elif event == "catalogue read anew":
                self.catalogue = catalogues.read(catalogues.write(self.catalogue), "etravel", "tapes.json")
            if event != "skipped":
                self.run(rotation, present, fails=event == "run fails")

    def clock_back(self, rotation: Rotation) -> None:
        """Nothing is chosen by a clock that shows a time before the newest tape's."""
        newest = max((tape.last_written or "" for tape in self.catalogue.of_pool(rotation.pool.name)), default="")
        if newest:
            wrong = moments.when(newest) - datetime.timedelta(days=self.chance.randint(1, 400))
            with pytest.raises(LockstepError) as caught:
                policies.choose(rotation.policy, rotation.pool, self.catalogue, policies.Question(wrong))
            assert caught.value.slug == "tape_in_future"

    def run(self, rotation: Rotation, present: t.Collection[str] | None, fails: bool) -> None:
        question = policies.Question(self.moment, present)
        choice = policies.choose(rotation.policy, rotation.pool, self.catalogue, question)
        self.check_explained(rotation, choice, present)
        self.check_permission(rotation)
        if choice.tape is not None:
            self.check_tape(rotation, choice, present)
            self.write(rotation, choice, fails)

    def check_explained(self, rotation: Rotation, choice: policies.Choice, present: t.Collection[str] | None) -> None:
        """Each tape that is passed over has a reason, and the reason is true; none that comes first is passed over in silence."""
        date = self.moment.date()
        runs = date not in rotation.policy.holidays and moments.day_name(date) in rotation.policy.days
        assert choice.due == runs
        assert str(date) in choice.why
        assert choice.tape is None or choice.tape in choice.why
        members = {tape.label: tape for tape in self.members(rotation, choice.group)}
        passed = {entry["tape"]: entry["why"] for entry in choice.passed_over}
        assert len(passed) == len(choice.passed_over)
        assert set(passed) <= set(members)
        for label, why in passed.items():
            tape = members[label]
            truth = {
                "it is damaged: torn": bool(tape.damaged),
                "it is missing": label in rotation.pool.missing,
                f"it has had {tape.errors} errors": tape.errors >= rotation.pool.max_errors,
                "it is not in the changer": present is not None and label not in present,
            }
            free = rotation.may_be_overwritten(label, members, self.moment)
            # A promise that was made longer since holds, too.
            kept = not free or "it is kept until" in why
            assert truth.get(why, kept), (label, why)
        if choice.tape is None:
            assert not choice.due or set(passed) == set(members)
        elif choice.how == policies.OVERWRITE:
            earlier = {label for label, tape in members.items() if self.order(tape) < self.order(members[choice.tape])}
            assert set(passed) == earlier

    @staticmethod
    def order(tape: Tape) -> tuple[str, str]:
        return tape.last_written or "", tape.label

    def check_tape(self, rotation: Rotation, choice: policies.Choice, present: t.Collection[str] | None) -> None:
        """Of the right pool and group, in use, and free."""
        label = t.cast(str, choice.tape)
        tape = self.catalogue.tapes[label]
        members = {other.label for other in self.members(rotation, choice.group)}
        assert (tape.pool, tape.group) == (rotation.pool.name, choice.group)
        assert choice.group in policies.groups(rotation.policy)
        assert not tape.damaged
        assert tape.errors < rotation.pool.max_errors
        assert label not in rotation.pool.missing
        assert present is None or label in present
        if rotation.policy.kind == policies.WEEKDAY:
            assert choice.group == moments.day_name(self.moment.date())
        if rotation.policy.kind == policies.GFS:
            assert choice.group == self.group_by_history(rotation)
        if choice.how == policies.APPEND:
            # Behind a set that failed nobody knows where the tape ends.
            assert all(found.complete for found in rotation.contents[label])
            assert not tape.closed
            assert self.moment < rotation.contents[label][0].moment + rotation.pool.use_days * DAY
        else:
            assert rotation.may_be_overwritten(label, members, self.moment)

    def group_by_history(self, rotation: Rotation) -> str:
        """The first good run since Friday is a weekly one, and the first weekly one of a month a monthly one."""
        date = self.moment.date()
        friday = date - datetime.timedelta(days=(date.weekday() - 4) % 7)
        weekly = [found for found in rotation.history if found.complete and found.group != policies.SON]
        if any(found.moment.date() >= friday for found in weekly):
            return policies.SON
        monthly = [found.moment.date() for found in weekly if found.group == policies.GRANDFATHER]
        this_month = any((day.year, day.month) == (date.year, date.month) for day in monthly)
        return policies.FATHER if this_month else policies.GRANDFATHER

    def check_permission(self, rotation: Rotation) -> None:
        """Whatever tape somebody puts into the drive: it is overwritten only if it is this pool's and its time is over."""
        tape = self.chance.choice(list(self.catalogue.tapes.values()))
        told = {"installation": "etravel", "pool": tape.pool, "group": tape.group, "volume_id": tape.volume_id}
        info = {**told, "set_id": None, "expires": None, "written": tape.labelled}
        identity = identities.Identity(identities.OURS, tape.label, "Lockstep", info)
        problem = permission.overwriting(identity, self.catalogue, rotation.pool, None, self.moment)
        if tape.pool != rotation.pool.name:
            assert problem is not None
            assert problem.slug == "tape_wrong"
            return
        members = [other.label for other in self.members(rotation, tape.group)]
        if not rotation.may_be_overwritten(tape.label, members, self.moment):
            assert problem is not None
            assert problem.slug == "tape_retained"

    def write(self, rotation: Rotation, choice: policies.Choice, fails: bool) -> None:
        label, appending = t.cast(str, choice.tape), choice.how == policies.APPEND
        others = {tape.label: vars(tape).copy() for tape in self.catalogue.tapes.values() if tape.label != label}
        stored = StoredSet(
            f"{label}-{moments.text(self.moment)}", rotation.pool.name, WRITING, moments.text(self.moment), 1024, [], []
        )
        recording.begin(self.catalogue, stored, self.catalogue.tapes[label], rotation.pool, self.moment, appending)
        if fails:
            self.catalogue.give_up(stored, "made to fail")
        else:
            stored.state = COMPLETE
        found = Written(
            self.moment, self.moment + rotation.pool.retention(choice.group) * DAY, complete=not fails, group=choice.group
        )
        if not appending:
            rotation.contents[label] = []
            rotation.overwritten[label] += 1
        rotation.contents[label].append(found)
        rotation.history.append(found)
        assert {tape.label: vars(tape) for tape in self.catalogue.tapes.values() if tape.label != label} == others


def rotation_of(kind: str, name: str, chance: random.Random, retention: float, use_days: float, keep_newer: int) -> Rotation:
    days = moments.DAYS if chance.random() < 0.5 else tuple(chance.sample(moments.DAYS, 4))
    holidays = tuple((START + chance.randint(0, 1500) * DAY).date() for _unused in range(40))
    kept = {"": retention} | ({policies.FATHER: 30.0, policies.GRANDFATHER: 90.0} if kind == policies.GFS else {})
    pool = policies.Pool(name, 9, kept, f"{name[:1].upper()}{{n:03d}}", keep_newer=keep_newer, use_days=use_days)
    return Rotation(policies.Policy(kind, days=days, holidays=holidays), pool)


@hypothesis_settings(max_examples=16)
@given(
    seed=st.integers(0, 2**32),
    kinds=st.tuples(st.sampled_from(KINDS), st.sampled_from(KINDS)),
    years=st.integers(1, 3),
    tapes=st.integers(1, 4),
    retention=st.sampled_from((0.0, 0.5, 2.0, 6.0, 30.0)),
    use_days=st.sampled_from((0.0, 0.0, 4.0)),
    keep_newer=st.integers(0, 2),
)
def test_over_years_no_tape_is_overwritten_before_its_time_pools_never_mix_and_each_choice_is_explained(
    seed: int, kinds: tuple[str, str], years: int, tapes: int, retention: float, use_days: float, keep_newer: int
) -> None:
    chance = random.Random(seed)
    rotations = [
        rotation_of(kind, name, chance, retention, use_days, keep_newer)
        for kind, name in zip(kinds, ("export", "full"), strict=True)
    ]
    simulated = Years(chance, rotations, tapes)
    for _unused in range(365 * years):
        simulated.day(EVENTS)


@hypothesis_settings(max_examples=10)
@given(
    seed=st.integers(0, 2**32),
    kinds=st.tuples(st.sampled_from(KINDS), st.sampled_from(KINDS)),
    tapes=st.integers(2, 6),
    retention=st.sampled_from((0.0, 1.0)),
    failures=st.booleans(),
)
def test_use_is_even_whatever_runs_fail_or_are_skipped_and_whatever_tapes_are_missing(
    seed: int, kinds: tuple[str, str], tapes: int, retention: float, failures: bool
) -> None:
    chance = random.Random(seed)
    # A run that fails leaves a tape free while others are still kept: then safety comes before even use.
    retention, keep_newer, fails = (0.0, 0, 10.0) if failures else (retention, 1, 0.0)
    rotations = [
        rotation_of(kind, name, chance, 0.0, 0.0, keep_newer) for kind, name in zip(kinds, ("export", "full"), strict=True)
    ]
    for rotation in rotations:
        rotation.pool = dataclasses.replace(rotation.pool, retention_days={"": retention})
    simulated = Years(chance, rotations, tapes)
    always = {tape.label for tape in simulated.catalogue.tapes.values()}
    for _unused in range(400):
        simulated.day({"run": 60, "run fails": fails, "skipped": 10, "missing": 2, "found": 2, "catalogue read anew": 1})
        always -= {label for rotation in rotations for label in rotation.pool.missing}
    for rotation in rotations:
        for group in policies.groups(rotation.policy):
            counts = [rotation.overwritten[tape.label] for tape in simulated.members(rotation, group) if tape.label in always]
            assert max(counts, default=0) - min(counts, default=0) <= 1
