"""What the tests of exposure-import share: TAP, and one import of one body."""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time

TOOL = os.path.abspath(sys.argv[1] if len(sys.argv) > 1
                       else "build/exposure-import")
DEMO = os.path.join(os.path.dirname(TOOL), "exposure-demo")

_count = _failed = 0


def check(ok, name, note=""):
    global _count, _failed
    _count += 1
    _failed += not ok
    print("ok" if ok else "not ok", _count, "-", name, flush=True)
    if not ok and note:
        print("#  ", note)
    return ok


def skip(name, why):
    global _count
    _count += 1
    print("ok", _count, "-", name, "# SKIP", why)


def finish():
    print("1..%d" % _count)
    sys.exit(_failed > 0)


class Outcome:
    """code, volume, report, seconds and mib of one exposure-import --pipe."""

    def __init__(self, body):
        # Descriptor 3 is what the shell has as its standard error.
        start = time.monotonic()
        with tempfile.TemporaryFile() as upload:
            upload.write(body)
            upload.flush()
            upload.seek(0)
            child = subprocess.Popen(
                ["sh", "-c", 'exec "$0" --pipe 3>&2 2>/dev/null', TOOL],
                stdin=upload, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        said = [b"", b""]

        def hear(i, pipe):
            said[i] = pipe.read()

        work = [threading.Thread(target=hear, args=(0, child.stdout)),
                threading.Thread(target=hear, args=(1, child.stderr))]
        for w in work:
            w.start()
        for w in work:
            w.join()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = 0
        self.seconds = time.monotonic() - start
        self.mib = usage.ru_maxrss / 1024
        self.code = os.waitstatus_to_exitcode(status)
        self.volume = said[0]
        try:
            self.report = json.loads(said[1].splitlines()[-1])["report"]
        except (IndexError, KeyError, ValueError):
            self.report = {}
        self.failure = self.report.get("failure", {}).get("code", "")
        self.sentence = self.report.get("failure", {}).get("detail", "")

    def __str__(self):
        return "exit %d, %s %r, %.1f s, %.0f MiB" % (
            self.code, self.failure, self.sentence, self.seconds, self.mib)


def phantom(*options):
    """The files of a DICOM series of exposure-demo, as bytes, in order."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([DEMO, "phantom", "--out", folder, *options],
                       check=True, stdout=subprocess.DEVNULL)
        paths = sorted(os.path.join(d, f)
                       for d, _, files in os.walk(folder) for f in files)
        return [open(p, "rb").read() for p in paths]
