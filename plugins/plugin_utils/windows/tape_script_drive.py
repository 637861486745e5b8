# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The first half of the tape script's C#: the Win32 tape API. Private to lockstep.backup: not a public interface.

Facts about the API are from Microsoft's reference for winbase.h (Tape Backup), and from what Hercules' w32stape.c found out: in
the zone before the end of the tape each call fails with ERROR_END_OF_MEDIA although it was done, and some drives only say so after
a size of that zone was asked for, even where they refuse to set it.
"""

from __future__ import annotations

DRIVE = r"""
using System;
using System.Collections;
using System.Collections.Generic;
using System.ComponentModel;
using System.IO;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using System.Web.Script.Serialization;

namespace Lockstep
{
    internal static class Native
    {
        [DllImport("kernel32.dll", SetLastError = true, CharSet = CharSet.Unicode)]
        internal static extern IntPtr CreateFileW(string name, uint access, uint share, IntPtr security, uint creation,
            uint flags, IntPtr template);

        [DllImport("kernel32.dll")]
        internal static extern int CloseHandle(IntPtr handle);

        [DllImport("kernel32.dll")]
        internal static extern uint GetTapeStatus(IntPtr device);

        [DllImport("kernel32.dll")]
        internal static extern uint GetTapeParameters(IntPtr device, uint operation, ref uint size, [In, Out] byte[] information);

        [DllImport("kernel32.dll")]
        internal static extern uint SetTapeParameters(IntPtr device, uint operation, byte[] information);

        [DllImport("kernel32.dll")]
        internal static extern uint PrepareTape(IntPtr device, uint operation, int immediate);

        [DllImport("kernel32.dll")]
        internal static extern uint SetTapePosition(IntPtr device, uint method, uint partition, uint low, uint high,
            int immediate);

        [DllImport("kernel32.dll")]
        internal static extern uint WriteTapemark(IntPtr device, uint type, uint count, int immediate);

        [DllImport("kernel32.dll", SetLastError = true)]
        internal static extern int ReadFile(IntPtr file, [Out] byte[] buffer, uint size, out uint done, IntPtr overlapped);

        [DllImport("kernel32.dll", SetLastError = true)]
        internal static extern int WriteFile(IntPtr file, byte[] buffer, uint size, out uint done, IntPtr overlapped);
    }

    // Ends the request. With a path it is a file of this machine that cannot be used, else the drive or its tape.
    public class Trouble : Exception
    {
        public readonly string Call;
        public readonly uint Code;
        public readonly string Path;

        public Trouble(string call, uint code, string path, string text) : base(text)
        {
            Call = call;
            Code = code;
            Path = path;
        }

        public Trouble(string call, uint code) : this(call, code, null, new Win32Exception((int)code).Message)
        {
        }

        public static Trouble OfFile(string path, Exception error)
        {
            return new Trouble("file", (uint)Marshal.GetHRForException(error) & 0xFFFF, path, error.Message);
        }
    }

    // Ends a list of steps.
    public class Stop : Exception
    {
        public readonly string End;

        public Stop(string end, string text) : base(text)
        {
            End = end;
        }
    }

    public class Drive : IDisposable
    {
        private const uint WriteProtect = 19, NotReady = 21, MoreData = 234;
        private const uint EndOfMedia = 1100, FileMark = 1101, SetMark = 1103, NoData = 1104, InvalidBlock = 1106;
        private const uint MediaChanged = 1110, BusReset = 1111, NoMedia = 1112, Overflow = 1129, Cleaning = 1165, DoorOpen = 1166;
        private const int WarningZone = 128 << 10;

        private readonly IntPtr device;
        private readonly byte[] buffer;
        private bool wrote;
        private bool inZone;

        public Drive(string name, bool writing, int largest)
        {
            // Nobody shares a tape. What only reads cannot write by mistake.
            uint access = writing ? 0xC0000000 : 0x80000000;
            device = Native.CreateFileW(name, access, 0, IntPtr.Zero, 3, 0, IntPtr.Zero);
            if (device == new IntPtr(-1))
                throw new Trouble("CreateFile", (uint)Marshal.GetLastWin32Error());
            buffer = new byte[largest];
        }

        public void Dispose()
        {
            try
            {
                EndWriting();
            }
            finally
            {
                Native.CloseHandle(device);
            }
        }

        // A change of tapes and a reset of the bus are told once each: ask again.
        private uint StatusCode()
        {
            uint code = 0;
            for (int asked = 0; asked < 10; asked++)
            {
                code = Native.GetTapeStatus(device);
                if (code != MediaChanged && code != BusReset)
                    break;
            }
            return code;
        }

        public Dictionary<string, object> Status()
        {
            Dictionary<string, object> told = new Dictionary<string, object>();
            uint code = StatusCode();
            bool loaded = code == 0 || code == Cleaning || code == WriteProtect;
            if (!loaded && code != NoMedia && code != NotReady && code != DoorOpen)
                throw new Trouble("GetTapeStatus", code);
            told["needs_cleaning"] = code == Cleaning;
            told["write_protected"] = false;
            told["capacity"] = null;
            if (loaded)
            {
                byte[] media = new byte[32];
                uint size = (uint)media.Length;
                uint failed = Native.GetTapeParameters(device, 0, ref size, media);
                if (failed == NoMedia)
                    loaded = false;
                else if (failed == 0)
                {
                    long capacity = BitConverter.ToInt64(media, 0);
                    told["write_protected"] = code == WriteProtect || media[24] != 0;
                    if (capacity > 0)
                        told["capacity"] = capacity;
                }
                else if (code == 0)
                    throw new Trouble("GetTapeParameters", failed);
            }
            told["loaded"] = loaded;
            return told;
        }

        public void Load()
        {
            StatusCode();
            // Whether there is a tape the status tells, and not every drive can load.
            Native.PrepareTape(device, 0, 0);
        }

        public void Unload()
        {
            if (!(bool)Status()["loaded"])
                return;
            uint code = Native.PrepareTape(device, 1, 0);
            if (code != 0 && code != NoMedia)
                throw new Trouble("PrepareTape", code);
        }

        public void Begin(bool writing)
        {
            Dictionary<string, object> status = Status();
            if ((bool)status["needs_cleaning"])
                throw new Trouble("GetTapeStatus", Cleaning);
            if (!(bool)status["loaded"])
                throw new Trouble("GetTapeStatus", NoMedia);
            if (writing && (bool)status["write_protected"])
                throw new Trouble("GetTapeStatus", WriteProtect);
            // Blocks of variable length.
            uint code = Native.SetTapeParameters(device, 0, new byte[4]);
            if (code != 0)
                throw new Trouble("SetTapeParameters", code);
            if (writing)
                AskForWarning();
        }

        private void AskForWarning()
        {
            byte[] drive = new byte[32];
            uint size = (uint)drive.Length;
            if (Native.GetTapeParameters(device, 1, ref size, drive) != 0)
                return;
            byte[] wanted = new byte[8];
            Array.Copy(drive, wanted, 4);
            Array.Copy(BitConverter.GetBytes(WarningZone), 0, wanted, 4, 4);
            Native.SetTapeParameters(device, 1, wanted);
        }

        private static Exception Failed(string call, uint code)
        {
            if (code == WriteProtect || code == NotReady || code == NoMedia || code == Cleaning || code == MediaChanged)
                return new Trouble(call, code);
            return new Stop("error", call + " failed with Win32 error " + code + ": " + new Win32Exception((int)code).Message);
        }

        public void Rewind()
        {
            EndWriting();
            uint code = Native.SetTapePosition(device, 0, 0, 0, 0, 0);
            if (code != 0)
                throw Failed("SetTapePosition", code);
            inZone = false;
        }

        public void SpaceFiles(uint count)
        {
            uint code = Native.SetTapePosition(device, 6, 0, count, 0, 0);
            if (code == NoData)
                throw new Stop("end_of_data", "");
            if (code != 0 && code != EndOfMedia)
                throw Failed("SetTapePosition", code);
        }

        // The block's bytes in the buffer; -1 at a mark, -2 behind all data.
        public int Read()
        {
            uint done;
            uint code = 0;
            if (Native.ReadFile(device, buffer, (uint)buffer.Length, out done, IntPtr.Zero) == 0)
                code = (uint)Marshal.GetLastWin32Error();
            if (code == FileMark || code == SetMark)
                return -1;
            if (code == 0 || (code == EndOfMedia && done > 0))
                return done > 0 ? (int)done : -1;
            if (code == NoData || code == EndOfMedia || code == Overflow)
                return -2;
            if (code == MoreData || code == InvalidBlock)
                throw new Stop("error", "a block is larger than " + buffer.Length + " bytes");
            throw Failed("ReadFile", code);
        }

        public byte[] Copy(int length)
        {
            byte[] block = new byte[length];
            Array.Copy(buffer, block, length);
            return block;
        }

        public byte[] Buffer
        {
            get { return buffer; }
        }

        public bool InZone
        {
            get { return inZone; }
        }

        // False when it was not written, for want of room.
        public bool Write(byte[] block, int length)
        {
            uint done;
            uint code = 0;
            if (Native.WriteFile(device, block, (uint)length, out done, IntPtr.Zero) == 0)
                code = (uint)Marshal.GetLastWin32Error();
            inZone = inZone || code == EndOfMedia;
            if (done == length && (code == 0 || code == EndOfMedia))
            {
                wrote = true;
                return true;
            }
            if (code == EndOfMedia || code == Overflow)
                return false;
            if (code == 0)
                throw new Stop("error", "only " + done + " bytes of a block of " + length + " were written");
            throw Failed("WriteFile", code);
        }

        private uint Mark()
        {
            uint code = Native.WriteTapemark(device, 1, 1, 0);
            // A drive may only know long ones.
            return code == 1 || code == 50 ? Native.WriteTapemark(device, 3, 1, 0) : code;
        }

        public void WriteMark()
        {
            uint code = Mark();
            if (code == Overflow)
                throw new Stop("end_of_tape", "");
            if (code != 0 && code != EndOfMedia)
                throw Failed("WriteTapemark", code);
            inZone = inZone || code == EndOfMedia;
            wrote = false;
        }

        // What was written last ends with a mark. What is missing at the end is found when it is read back.
        private void EndWriting()
        {
            if (!wrote)
                return;
            wrote = false;
            Mark();
        }
    }
"""
