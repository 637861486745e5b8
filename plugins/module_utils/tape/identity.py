# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a tape is, from the first blocks on it. Private to lockstep.backup: not a public interface."""

from __future__ import annotations

import dataclasses
import hashlib
import struct
import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.tape import labels

OURS, BLANK, FOREIGN, UNREADABLE = "ours", "blank", "foreign", "unreadable"

_MTF = b"TAPE\0"
_MTF_HEADER = 94
_MTF_UNICODE = 2
_FORMATS: t.Sequence[tuple[int, bytes, str]] = (
    (0, _MTF, "Microsoft Tape Format (ntbackup)"),
    (257, b"ustar", "tar"),
    (0, b"AMANDA:", "Amanda"),
    (12, b"BB02", "Bareos or Bacula"),
    (0, b"070701", "cpio"),
)


@dataclasses.dataclass(frozen=True)
class Identity:
    """``name`` is how a person names this very tape, for example to allow that it is overwritten. ``info`` is the block after HDR1,
    only of our own tapes. ``fingerprint``: SHA-256 of the first blocks, empty where there are none. ``media_name``: what the
    program that wrote it calls it, where that is known."""

    kind: str
    name: str
    format: str = ""
    info: t.Mapping[str, t.Any] = dataclasses.field(default_factory=dict, hash=False)
    fingerprint: str = ""
    media_name: str = ""

    @property
    def sealed(self) -> bool:
        """Whether it is one of ours that another program has overwritten with our knowledge."""
        return bool(self.info.get("sealed"))

    def describe(self) -> str:
        if self.kind == OURS:
            return f"{self.name} of pool {self.info['pool']}, installation {self.info['installation']}"
        if self.kind == BLANK:
            return "a blank tape"
        if self.kind == UNREADABLE:
            return f"a tape that cannot be read ({self.format})"
        called = f", called {self.media_name}" if self.media_name else ""
        return f"the foreign tape {self.name} ({self.format}{called})"

    def as_dict(self) -> dict[str, t.Any]:
        shown = {key: self.info.get(key) for key in ("installation", "pool", "group", "volume_id", "set_id", "written", "expires")}
        more = {"fingerprint": self.fingerprint, "media_name": self.media_name, "sealed": self.sealed}
        return {"kind": self.kind, "name": self.name, "format": self.format, **more, **shown}


def blank() -> Identity:
    return Identity(BLANK, "blank")


def unreadable(why: str) -> Identity:
    return Identity(UNREADABLE, "unreadable", why)


def identify(blocks: t.Sequence[bytes]) -> Identity:
    """The tape that begins with these blocks. A drive's error is not a blank tape: say ``unreadable`` for that."""
    if not blocks:
        # A file mark and nothing before it: somebody's tape, though nobody knows whose.
        return Identity(FOREIGN, "mark", "begins with a file mark")
    first = blocks[0]
    if labels.kind_of(first) != "VOL1":
        digest = hashlib.sha256(first).hexdigest()[:8]
        known = next((name for start, magic, name in _FORMATS if first[start : start + len(magic)] == magic), "unknown format")
        return Identity(FOREIGN, f"foreign-{digest}", known, fingerprint=_fingerprint(blocks), media_name=_mtf_name(first))
    label = labels.volume_of(first)
    if not labels.is_ours(first):
        return Identity(FOREIGN, label, "ANSI label of another program", fingerprint=_fingerprint(blocks))
    info = labels.read_info(blocks[2]) if len(blocks) > 2 and labels.kind_of(blocks[1]) == "HDR1" else None
    if info is None or info.get("label") != label or not set(info) >= _NEEDED:
        return Identity(FOREIGN, label, "a label of Lockstep that is damaged")
    return Identity(OURS, label, "Lockstep", info)


_NEEDED = {"installation", "pool", "group", "label", "volume_id", "set_id", "written", "expires"}


def _fingerprint(blocks: t.Sequence[bytes]) -> str:
    """Blocks are told apart: the same bytes in blocks of other lengths are another tape."""
    digest = hashlib.sha256()
    for block in blocks:
        digest.update(f"{len(block)}:".encode("ascii") + block)
    return digest.hexdigest()


def _mtf_name(first: bytes) -> str:
    """The media name in a TAPE descriptor block, or nothing. Its string type is at byte 48 (2 is UTF-16), its length and place in
    the block at bytes 68 and 70. Source: Microsoft Tape Format Specification 1.00a."""
    if not first.startswith(_MTF) or len(first) < _MTF_HEADER:
        return ""
    size, start = struct.unpack_from("<HH", first, 68)
    text = first[start : start + size].decode("utf-16-le" if first[48] == _MTF_UNICODE else "cp1252", "replace")
    return "".join(filter(str.isprintable, text)).strip()
