# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The script that drives a tape on Windows, by the Win32 tape API. Private to lockstep.backup: not a public interface.

Its one argument is a request in JSON, or the path of a file that holds it. It prints JSON lines: ``{"progress": …}`` while it
works with a file, and at last ``{"status": …}``, ``{"outcomes": […]}`` or ``{"error": {"call", "code", "text", "path"}}``. Nearly
all of it is C#, kept to the second version of that language: P/Invoke needs C# anyway, and PowerShell's own loops would not keep a
drive streaming.
"""

from __future__ import annotations

from ansible_collections.lockstep.backup.plugins.plugin_utils.windows.powershell import Script
from ansible_collections.lockstep.backup.plugins.plugin_utils.windows.tape_script_drive import DRIVE

_WORK = r"""
    public class Work
    {
        private const int ProgressSeconds = 10;

        private readonly Drive drive;
        private readonly int group;
        private readonly bool tells;
        private DateTime told = DateTime.UtcNow;

        public Work(Drive drive, int group, bool tells)
        {
            this.drive = drive;
            this.group = group;
            this.tells = tells;
        }

        private static Dictionary<string, object> Outcome(string step, string end)
        {
            Dictionary<string, object> outcome = new Dictionary<string, object>();
            outcome["step"] = step;
            outcome["end"] = end;
            return outcome;
        }

        public List<object> Perform(IEnumerable steps)
        {
            List<object> outcomes = new List<object>();
            foreach (object item in steps)
            {
                IDictionary<string, object> step = (IDictionary<string, object>)item;
                Dictionary<string, object> outcome;
                try
                {
                    outcome = One(step, outcomes.Count);
                }
                catch (Stop stop)
                {
                    outcome = Outcome((string)step["step"], stop.End);
                    outcome["error"] = stop.Message;
                }
                outcomes.Add(outcome);
                string end = (string)outcome["end"];
                if (end == "end_of_tape" || end == "end_of_data" || end == "error")
                    break;
            }
            return outcomes;
        }

        private Dictionary<string, object> One(IDictionary<string, object> step, int number)
        {
            string name = (string)step["step"];
            switch (name)
            {
                case "rewind":
                    drive.Rewind();
                    return Outcome(name, null);
                case "space_files":
                    if ((int)step["count"] > 0)
                        drive.SpaceFiles((uint)(int)step["count"]);
                    return Outcome(name, null);
                case "read_group":
                    return ReadGroup(name);
                case "read_file":
                    return ReadFile(name, (string)step["path"], Convert.ToInt64(step["offset"]), number);
                case "write_blocks":
                    return WriteBlocks(name, (IEnumerable)step["blocks"]);
                case "write_file":
                    return WriteFile(name, (string)step["path"], Convert.ToInt64(step["offset"]), (int)step["block_size"], number);
                case "write_mark":
                    drive.WriteMark();
                    return Outcome(name, null);
                default:
                    throw new Trouble("request", 0, null, "unknown step " + name);
            }
        }

        private Dictionary<string, object> ReadGroup(string name)
        {
            List<string> blocks = new List<string>();
            string end = null;
            while (blocks.Count < group)
            {
                int length = drive.Read();
                if (length < 0)
                {
                    end = length == -1 ? "file_mark" : "end_of_data";
                    break;
                }
                blocks.Add(Convert.ToBase64String(drive.Buffer, 0, length));
            }
            Dictionary<string, object> outcome = Outcome(name, end);
            outcome["blocks"] = blocks;
            return outcome;
        }

        private Dictionary<string, object> WriteBlocks(string name, IEnumerable blocks)
        {
            int count = 0;
            foreach (object pieces in blocks)
            {
                StringBuilder text = new StringBuilder();
                foreach (object piece in (IEnumerable)pieces)
                    text.Append((string)piece);
                byte[] block = Convert.FromBase64String(text.ToString());
                // The early warning may refuse one write, so that whoever writes can end with labels.
                if (!drive.Write(block, block.Length) && !drive.Write(block, block.Length))
                    return Outcome(name, "end_of_tape");
                count++;
            }
            Dictionary<string, object> outcome = Outcome(name, null);
            outcome["count"] = count;
            return outcome;
        }

        private Dictionary<string, object> ReadFile(string name, string path, long offset, int number)
        {
            Stream target = path == null ? Stream.Null : Opened(path, offset, true);
            long size = 0;
            int count = 0;
            string end = "file_mark";
            string problem = "";
            using (SHA256 digest = new SHA256CryptoServiceProvider())
            using (target)
            {
                while (true)
                {
                    int length;
                    try
                    {
                        length = drive.Read();
                    }
                    catch (Stop stop)
                    {
                        end = stop.End;
                        problem = stop.Message;
                        break;
                    }
                    if (length < 0)
                    {
                        end = length == -1 ? "file_mark" : "end_of_data";
                        break;
                    }
                    digest.TransformBlock(drive.Buffer, 0, length, null, 0);
                    try
                    {
                        target.Write(drive.Buffer, 0, length);
                    }
                    catch (IOException error)
                    {
                        throw Trouble.OfFile(path, error);
                    }
                    size += length;
                    count++;
                    Progress(number, size);
                }
                return Moved(name, end, problem, size, count, digest);
            }
        }

        private Dictionary<string, object> WriteFile(string name, string path, long offset, int blockSize, int number)
        {
            byte[] block = new byte[blockSize];
            long size = 0;
            int count = 0;
            string end = "end_of_file";
            string problem = "";
            using (SHA256 digest = new SHA256CryptoServiceProvider())
            using (Stream source = Opened(path, offset, false))
            {
                while (true)
                {
                    int length = Full(source, block, path);
                    if (length == 0)
                        break;
                    try
                    {
                        if (drive.InZone || !drive.Write(block, length))
                        {
                            end = "end_of_tape";
                            break;
                        }
                    }
                    catch (Stop stop)
                    {
                        end = stop.End;
                        problem = stop.Message;
                        break;
                    }
                    digest.TransformBlock(block, 0, length, null, 0);
                    size += length;
                    count++;
                    Progress(number, size);
                }
                return Moved(name, end, problem, size, count, digest);
            }
        }

        private static Dictionary<string, object> Moved(string name, string end, string problem, long size, int count,
            SHA256 digest)
        {
            digest.TransformFinalBlock(new byte[0], 0, 0);
            Dictionary<string, object> outcome = Outcome(name, end);
            outcome["error"] = problem;
            outcome["bytes"] = size;
            outcome["count"] = count;
            outcome["sha256"] = BitConverter.ToString(digest.Hash).Replace("-", "").ToLowerInvariant();
            return outcome;
        }

        private static int Full(Stream source, byte[] block, string path)
        {
            int length = 0;
            try
            {
                while (length < block.Length)
                {
                    int more = source.Read(block, length, block.Length - length);
                    if (more == 0)
                        break;
                    length += more;
                }
            }
            catch (IOException error)
            {
                throw Trouble.OfFile(path, error);
            }
            return length;
        }

        private static Stream Opened(string path, long offset, bool writing)
        {
            try
            {
                FileMode mode = !writing || offset > 0 ? FileMode.Open : FileMode.Create;
                FileAccess access = writing ? FileAccess.Write : FileAccess.Read;
                FileStream file = new FileStream(path, mode, access, FileShare.Read);
                file.Seek(offset, SeekOrigin.Begin);
                return file;
            }
            catch (IOException error)
            {
                throw Trouble.OfFile(path, error);
            }
            catch (UnauthorizedAccessException error)
            {
                throw Trouble.OfFile(path, error);
            }
        }

        private void Progress(int number, long size)
        {
            if (!tells || (DateTime.UtcNow - told).TotalSeconds < ProgressSeconds)
                return;
            told = DateTime.UtcNow;
            Dictionary<string, object> progress = new Dictionary<string, object>();
            progress["step"] = number;
            progress["bytes"] = size;
            Program.Tell("progress", progress);
        }
    }

    public static class Program
    {
        public static void Tell(string name, object value)
        {
            JavaScriptSerializer serializer = new JavaScriptSerializer();
            serializer.MaxJsonLength = int.MaxValue;
            Dictionary<string, object> line = new Dictionary<string, object>();
            line[name] = value;
            StringBuilder ascii = new StringBuilder();
            foreach (char character in serializer.Serialize(line))
            {
                if (character < 128)
                    ascii.Append(character);
                else
                    ascii.Append("\\u").Append(((int)character).ToString("x4"));
            }
            Console.Out.WriteLine(ascii.ToString());
            Console.Out.Flush();
        }

        public static int Run(string[] arguments)
        {
            try
            {
                bool inFile = !arguments[0].StartsWith("{");
                string text = inFile ? File.ReadAllText(arguments[0]) : arguments[0];
                JavaScriptSerializer serializer = new JavaScriptSerializer();
                serializer.MaxJsonLength = int.MaxValue;
                Execute(serializer.Deserialize<Dictionary<string, object>>(text), inFile);
            }
            catch (Trouble trouble)
            {
                Dictionary<string, object> error = new Dictionary<string, object>();
                error["call"] = trouble.Call;
                error["code"] = trouble.Code;
                error["text"] = trouble.Message;
                error["path"] = trouble.Path;
                Tell("error", error);
            }
            return 0;
        }

        private static void Execute(Dictionary<string, object> request, bool tells)
        {
            string operation = (string)request["operation"];
            bool writing = (bool)request["writing"];
            using (Drive drive = new Drive((string)request["device"], writing, (int)request["largest_block"]))
            {
                if (operation == "perform")
                {
                    drive.Begin(writing);
                    Work work = new Work(drive, (int)request["largest_group"], tells);
                    List<object> outcomes = work.Perform((IEnumerable)request["steps"]);
                    Tell("outcomes", outcomes);
                    return;
                }
                if (operation == "load")
                    drive.Load();
                else if (operation == "unload")
                    drive.Unload();
                else if (operation != "status")
                    throw new Trouble("request", 0, null, "unknown operation " + operation);
                Tell("status", drive.Status());
            }
        }
    }
}
"""

SOURCE = f"{DRIVE.strip()}\n\n{_WORK.strip()}\n"

SCRIPT = Script(
    "tape",
    f"""$ErrorActionPreference = 'Stop'
Add-Type -ReferencedAssemblies System.Core, System.Web.Extensions -TypeDefinition @'
{SOURCE}'@
exit [Lockstep.Program]::Run([string[]]$args)
""",
)
