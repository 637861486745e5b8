#!/usr/bin/env bash
# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The first process of a user-mode Linux whose root is the host's own file system. It lays a file system in memory over that (the
# host's files stay as they are), gives the machine two tape drives and a changer, runs a command, and switches the machine off.
#
# From the kernel's command line: LOCKSTEP_MODULES (a folder with lib/modules) and LOCKSTEP_SHARED (the host's folder for what goes
# in and out: `command` is run, `output` and `exit_code` are left there).
set -euo pipefail
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8

overlay() {
    mount -t proc proc /proc
    mount -t tmpfs tmpfs /run
    modprobe -d "$LOCKSTEP_MODULES" overlay
    mkdir /run/upper /run/work /run/root
    mount -t overlay -o lowerdir=/,upperdir=/run/upper,workdir=/run/work overlay /run/root
    cd /run/root
    mount -t proc proc proc
    mount -t sysfs sys sys
    mount -t devtmpfs dev dev
    mkdir -p dev/pts
    mount -t devpts devpts dev/pts
    mount -t tmpfs tmpfs run
    mount -t hostfs -o "$LOCKSTEP_SHARED" none ".$LOCKSTEP_SHARED"
    exec chroot . "$0" inside
}

inside() {
    mkdir -p /run/lock
    ip link set lo up
    modprobe -d "$LOCKSTEP_MODULES" -a scsi_mod st sg iscsi_tcp
    library
    initiator
    local code=0
    "$LOCKSTEP_SHARED/command" >"$LOCKSTEP_SHARED/output" 2>&1 || code=$?
    echo "$code" >"$LOCKSTEP_SHARED/exit_code"
}

off() {
    sync
    poweroff -f
}

unit() { tgtadm --lld iscsi --mode logicalunit --tid 1 "$@"; }

tape() { tgtimg --op new --device-type tape --barcode="$1" --size="$2" --type=data --file="/run/tapes/$1" --thin-provisioning >/dev/null; }

# Two drives (logical units 1 and 2) and a changer (3) with six slots, of which one has a cleaning tape, and two for import and
# export.
library() {
    mkdir /run/tapes
    tgtd --foreground --iscsi portal=127.0.0.1:3260 >/run/tgtd.log 2>&1 &
    until tgtadm --lld iscsi --mode sys --op show >/dev/null 2>&1; do sleep 0.05; done
    tgtadm --lld iscsi --mode target --op new --tid 1 --targetname iqn.2026-11.test.lockstep:library
    tape none 1
    local drive number
    for drive in 1 2; do
        unit --op new --lun $drive --backing-store /run/tapes/none --device-type tape
        unit --op update --lun $drive --params removable=1,online=0
    done
    truncate --size 1K /run/tapes/changer
    unit --op new --lun 3 --backing-store /run/tapes/changer --device-type changer
    unit --op update --lun 3 --params media_home=/run/tapes
    unit --op update --lun 3 --params element_type=4,start_address=1,quantity=2
    unit --op update --lun 3 --params element_type=4,address=1,tid=1,lun=1
    unit --op update --lun 3 --params element_type=4,address=2,tid=1,lun=2
    unit --op update --lun 3 --params element_type=1,start_address=16,quantity=1
    unit --op update --lun 3 --params element_type=2,start_address=1001,quantity=6
    unit --op update --lun 3 --params element_type=3,start_address=1101,quantity=2
    for number in 1 2 3; do
        tape "EXP00${number}L6" 4
        unit --op update --lun 3 --params "element_type=2,address=100$number,barcode=EXP00${number}L6,sides=1"
    done
    tape CLN001L6 1
    unit --op update --lun 3 --params element_type=2,address=1004,barcode=CLN001L6,sides=1
    tgtadm --lld iscsi --mode target --op bind --tid 1 --initiator-address ALL
}

initiator() {
    mkdir -p /run/iscsi /etc/iscsi
    mount --bind /run/iscsi /etc/iscsi
    echo "InitiatorName=iqn.2026-11.test.lockstep:initiator" >/etc/iscsi/initiatorname.iscsi
    echo "iscsid.startup = /bin/false" >/etc/iscsi/iscsid.conf
    iscsid --foreground >/run/iscsid.log 2>&1 &
    local node=(iscsiadm --mode node --targetname iqn.2026-11.test.lockstep:library --portal 127.0.0.1:3260)
    until "${node[@]}" --op new >/dev/null 2>&1; do sleep 0.05; done
    "${node[@]}" --login >/dev/null
    until [[ -e /dev/nst0 && -e /dev/nst1 && -e /dev/sg3 ]]; do sleep 0.05; done
}

if [[ ${1-} == inside ]]; then
    trap off EXIT
    inside
else
    overlay
fi
