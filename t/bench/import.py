#!/usr/bin/python3
"""exposure-import beside dcm2niix, as a command and as the service has it (a
tar in memory, the volume through a pipe), and with one processor and two.

Prints rows of scripts/bench as JSON: [label, value, format]. Programs take
turns, so that a busy machine is busy for all of them; medians. CPU seconds are
of all processes together. usage: import.py exposure-import
"""

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../import"))
import numpy as np  # noqa: E402
from dicoms import converted, picture, written  # noqa: E402

TOOL = os.path.abspath(sys.argv[1])
SLICES, EDGE, CODED, ROUNDS = 1000, 512, 48, 5


def slices(folder, count, *command):
    """A head-like series: smooth, with the noise of a scanner."""
    rng = np.random.default_rng(1)
    y, x = np.mgrid[-1:1:EDGE * 1j, -1:1:EDGE * 1j]
    head = np.where(x ** 2 + y ** 2 < 0.7, 40.0, -1000.0)
    noise = rng.normal(0, 12, (8, EDGE, EDGE))
    for k in range(count):
        d = picture((head + noise[k % 8] + k % 40).astype("i2"), k,
                    RescaleIntercept=0)
        data = written(d)
        if command:
            data = converted(data, *command)
        with open(os.path.join(folder, "%04d.dcm" % k), "wb") as f:
            f.write(data)


def timed(*command):
    """(seconds, CPU seconds, MiB of the largest process)."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.time()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0, command
    seconds = time.time() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (seconds, after.ru_utime + after.ru_stime - before.ru_utime
            - before.ru_stime, used.ru_maxrss / 1024)


def medians(runs):
    return [statistics.median(r[i] for r in runs) for i in range(3)]


def turns(*commands):
    """Medians of each command's seconds, CPU seconds and MiB."""
    runs = [[] for _ in commands]
    for _ in range(ROUNDS):
        for r, c in zip(runs, commands):
            r.append(timed(*c))
    return [medians(r) for r in runs]


with tempfile.TemporaryDirectory() as tmp:
    plain, coded, out = (os.path.join(tmp, n) for n in ("p", "c", "o"))
    for folder in (plain, coded, out):
        os.mkdir(folder)

    slices(plain, SLICES)
    tar = os.path.join(tmp, "tar")
    subprocess.run(["tar", "-C", plain, "-cf", tar, "."], check=True)
    ours, piped, theirs = turns(
        (TOOL, plain, "--out", os.path.join(out, "v.nrrd"), "--report",
         os.path.join(out, "r.json")),
        ("sh", "-c", '"$0" --pipe 3>&1 <"$1" | cat', TOOL, tar),
        ("dcm2niix", "-z", "n", "-b", "n", "-w", "1", "-f", "v", "-o", out,
         plain))

    slices(coded, CODED, "gdcmconv", "--j2k")
    command = (TOOL, coded, "--report", os.path.join(out, "r.json"))
    cpus = sorted(os.sched_getaffinity(0))
    two, one = turns(("taskset", "-c", ",".join(map(str, cpus[:2])), *command),
                     ("taskset", "-c", str(cpus[0]), *command))

json.dump([
    ["slices uncompressed", SLICES, "%d"],
    ["exposure-import s", ours[0], "%.2f"],
    ["dcm2niix s", theirs[0], "%.2f"],
    ["ratio to dcm2niix", ours[0] / theirs[0], "%.2f"],
    ["as the service s", piped[0], "%.2f"],
    ["as the service ratio", piped[0] / theirs[0], "%.2f"],
    ["exposure-import cpu s", ours[1], "%.2f"],
    ["dcm2niix cpu s", theirs[1], "%.2f"],
    ["exposure-import mib", ours[2], "%.0f"],
    ["dcm2niix mib", theirs[2], "%.0f"],
    ["jpeg 2000 slices", CODED, "%d"],
    ["jpeg 2000 one thread s", one[0], "%.2f"],
    ["jpeg 2000 two threads s", two[0], "%.2f"],
    ["jpeg 2000 two over one", one[0] / two[0], "%.2f"],
], sys.stdout)
