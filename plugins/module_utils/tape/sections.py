# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A set's stretch on one tape: what is written, and what is expected when it is read. Private to lockstep.backup: not a public
interface."""

from __future__ import annotations

import dataclasses
import datetime
import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.tape import drive as drives
from ansible_collections.lockstep.backup.plugins.module_utils.tape import labels, moments
from ansible_collections.lockstep.backup.plugins.module_utils.tape.catalogue import Segment, StoredSet, Tape
from ansible_collections.lockstep.backup.plugins.module_utils.tape.drive import Outcome, Step


class Remaining:
    """What of a set's parts is not on tape yet. ``sizes``: bytes of each part."""

    def __init__(self, sizes: t.Sequence[int]) -> None:
        self._sizes = list(sizes)
        self._written = [0] * len(sizes)

    @property
    def bytes_left(self) -> int:
        return sum(self._sizes) - sum(self._written)

    @property
    def done(self) -> bool:
        return self.bytes_left == 0

    def pending(self) -> list[tuple[int, int]]:
        """Index of each part that is not complete, and where it goes on."""
        return [(n, written) for n, written in enumerate(self._written) if written < self._sizes[n]]

    def advance(self, segments: t.Iterable[Segment]) -> None:
        for segment in segments:
            self._written[segment["index"]] += segment["bytes"]

    def finish(self) -> None:
        """For check mode, as if all of it had fitted."""
        self._written = list(self._sizes)


@dataclasses.dataclass(frozen=True)
class Section:
    """``first_file``: the tape file where it begins. ``plan``: index of each part to write, and the offset in it."""

    installation: str
    tape: Tape
    stored: StoredSet
    sequence: int
    first_file: int
    moment: datetime.datetime
    appending: bool
    plan: t.Sequence[tuple[int, int]]

    def data_steps(self) -> list[Step]:
        steps = [Step(drives.REWIND), Step(drives.SPACE_FILES, self.first_file)]
        steps += [Step(drives.WRITE_BLOCKS, blocks=self._header()), Step(drives.WRITE_MARK)]
        for index, offset in self.plan:
            path = self.stored.parts[index]["path"]
            steps += [Step(drives.WRITE_FILE, path=path, offset=offset, block_size=self.stored.block_size), Step(drives.WRITE_MARK)]
        return steps

    def trailer_steps(self, segments: t.Sequence[Segment], complete: bool) -> list[Step]:
        """To be performed after the data: it tells the hashes of it."""
        created, expires = self._dates()
        blocks = sum(segment["blocks"] for segment in segments)
        label = labels.eof1(self.stored.set_id, self.tape.label, self.sequence, created, expires, blocks, complete)
        info = labels.info_block({"set_id": self.stored.set_id, "complete": complete, "segments": list(segments)})
        where = Step(drives.SPACE_FILES, self.first_file + 1 + len(segments))
        return [Step(drives.REWIND), where, Step(drives.WRITE_BLOCKS, blocks=(label, info)), Step(drives.WRITE_MARK)]

    def before_steps(self) -> list[Step]:
        """To read the tape file before this section."""
        return [Step(drives.REWIND), Step(drives.SPACE_FILES, self.first_file - 1), Step(drives.READ_GROUP)]

    def verify_steps(self, segments: int) -> list[Step]:
        start = [Step(drives.REWIND), Step(drives.SPACE_FILES, self.first_file + 1)]
        return [*start, *[Step(drives.READ_FILE)] * segments]

    def _header(self) -> tuple[bytes, ...]:
        created, expires = self._dates()
        info = {
            "installation": self.installation,
            "pool": self.tape.pool,
            "group": self.tape.group,
            "label": self.tape.label,
            "volume_id": self.tape.volume_id,
            "labelled": self.tape.labelled,
            "set_id": self.stored.set_id,
            "written": self.stored.written,
            "at": self.tape.last_written,
            "expires": self.tape.expires,
            "sequence": self.sequence,
            "block_size": self.stored.block_size,
            "parts": self.stored.parts,
        }
        header = (labels.hdr1(self.stored.set_id, self.tape.label, self.sequence, created, expires), labels.info_block(info))
        return header if self.appending else (labels.vol1(self.tape.label, self.installation), *header)

    def _dates(self) -> tuple[datetime.date, datetime.date]:
        expires = moments.when(t.cast(str, self.tape.expires))
        # Labels have no time of day: the day after is the first on which anybody may overwrite.
        return self.moment.date(), expires.date() + datetime.timedelta(days=1)


def segments_of(section: Section, outcomes: t.Sequence[Outcome]) -> tuple[list[Segment], bool]:
    """What of each part went onto the tape, and whether the tape is full. Slug ``drive_failed`` when the medium failed."""
    refuse_error(outcomes, section.tape.label, allow_full=True)
    written = [outcome for outcome in outcomes if outcome.step == drives.WRITE_FILE]
    segments: list[Segment] = []
    for (index, offset), outcome in zip(section.plan, written):
        if outcome.bytes:
            segments.append(
                {
                    "index": index,
                    "part": section.stored.parts[index]["name"],
                    "offset": offset,
                    "bytes": outcome.bytes,
                    "sha256": outcome.sha256,
                    "blocks": outcome.count,
                    "file": section.first_file + 1 + len(segments),
                }
            )
    return segments, outcomes[-1].end == drives.END_OF_TAPE


def refuse_error(outcomes: t.Sequence[Outcome], label: str, allow_full: bool) -> None:
    """Slug ``drive_failed`` for what ended otherwise than it should."""
    last = outcomes[-1]
    bad = [drives.ERROR, drives.END_OF_DATA] + ([] if allow_full else [drives.END_OF_TAPE])
    if last.end in bad:
        raise LockstepError(
            "drive_failed",
            f"Writing tape {label} failed at {last.step}: {last.error or last.end}. Clean the drive, or take another tape.",
            tape=label,
        )


def ends_a_set(outcome: Outcome) -> bool:
    """Whether a tape file that was read is the end of a set, or the label of an empty tape."""
    if outcome.end != drives.FILE_MARK or len(outcome.blocks) < 2:
        return False
    return labels.kind_of(outcome.blocks[0]) in ("EOF1", "EOV1") and labels.read_info(outcome.blocks[1]) is not None


def difference(segments: t.Sequence[t.Mapping[str, t.Any]], outcomes: t.Sequence[Outcome]) -> str | None:
    """What of the tape is not what was written, or None."""
    found = [outcome for outcome in outcomes if outcome.step == drives.READ_FILE]
    for number, segment in enumerate(segments):
        if number >= len(found):
            return f"{segment['part']} cannot be found ({outcomes[-1].error or outcomes[-1].end})"
        outcome = found[number]
        if outcome.end == drives.ERROR:
            return f"{segment['part']} cannot be read: {outcome.error}"
        if (outcome.bytes, outcome.sha256) != (segment["bytes"], segment["sha256"]):
            was = f"{segment['bytes']} bytes with SHA-256 {segment['sha256']}"
            return f"{segment['part']} has {outcome.bytes} bytes with SHA-256 {outcome.sha256}, and was written as {was}"
    return None
