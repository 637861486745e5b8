# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Win32 errors that the simulated machine answers with, and their English texts."""

from __future__ import annotations

import typing as t

FILE_NOT_FOUND = 2
PATH_NOT_FOUND = 3
ACCESS_DENIED = 5
WRITE_PROTECT = 19
NOT_READY = 21
CRC = 23
SHARING_VIOLATION = 32
BAD_NETWORK_PATH = 53
DISK_FULL = 112
INVALID_NAME = 123
DIRECTORY_NOT_EMPTY = 145
ALREADY_EXISTS = 183
MORE_DATA = 234
SERVICE_ALREADY_RUNNING = 1056
SERVICE_NOT_ACTIVE = 1062
END_OF_MEDIA = 1100
FILEMARK_DETECTED = 1101
NO_DATA_DETECTED = 1104
UNABLE_TO_UNLOAD_MEDIA = 1109
MEDIA_CHANGED = 1110
BUS_RESET = 1111
NO_MEDIA_IN_DRIVE = 1112
IO_DEVICE = 1117
EOM_OVERFLOW = 1129
DEVICE_REQUIRES_CLEANING = 1165

TEXTS: t.Mapping[int, str] = {
    FILE_NOT_FOUND: "The system cannot find the file specified.",
    PATH_NOT_FOUND: "The system cannot find the path specified.",
    ACCESS_DENIED: "Access is denied.",
    WRITE_PROTECT: "The media is write protected.",
    NOT_READY: "The device is not ready.",
    CRC: "Data error (cyclic redundancy check).",
    SHARING_VIOLATION: "The process cannot access the file because it is being used by another process.",
    BAD_NETWORK_PATH: "The network path was not found.",
    DISK_FULL: "There is not enough space on the disk.",
    INVALID_NAME: "The filename, directory name, or volume label syntax is incorrect.",
    DIRECTORY_NOT_EMPTY: "The directory is not empty.",
    ALREADY_EXISTS: "Cannot create a file when that file already exists.",
    MORE_DATA: "More data is available.",
    1051: "A stop control has been sent to a service that other running services are dependent on.",
    1052: "The requested control is not valid for this service.",
    1053: "The service did not respond to the start or control request in a timely fashion.",
    SERVICE_ALREADY_RUNNING: "An instance of the service is already running.",
    1058: "The service cannot be started, either because it is disabled or because it has no enabled devices associated with it.",
    1060: "The specified service does not exist as an installed service.",
    1061: "The service cannot accept control messages at this time.",
    SERVICE_NOT_ACTIVE: "The service has not been started.",
    1068: "The dependency service or group failed to start.",
    1069: "The service did not start due to a logon failure.",
    END_OF_MEDIA: "The physical end of the tape has been reached.",
    FILEMARK_DETECTED: "A tape access reached a filemark.",
    NO_DATA_DETECTED: "No more data is on the tape.",
    UNABLE_TO_UNLOAD_MEDIA: "Unable to unload the media.",
    MEDIA_CHANGED: "The media in the drive may have changed.",
    BUS_RESET: "The I/O bus was reset.",
    NO_MEDIA_IN_DRIVE: "No media in drive.",
    IO_DEVICE: "The request could not be performed because of an I/O device error.",
    EOM_OVERFLOW: "The physical end of the tape has been reached.",
    DEVICE_REQUIRES_CLEANING: "The device has indicated that cleaning is required before further operations are attempted.",
}


class WinError(Exception):
    """A Win32 error: ``code`` and its text."""

    def __init__(self, code: int, path: str = "") -> None:
        super().__init__(f"{TEXTS[code]} {path}".strip())
        self.code = code
        self.text = TEXTS[code]
        self.path = path
