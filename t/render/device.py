#!/usr/bin/env python3
"""A device that is not there: one line says so, and the CPU's picture comes.

usage: device.py EXPOSURE-RENDER
"""

import os
import shutil
import struct
import subprocess
import sys
import tempfile

EDGE = 24
program = os.path.abspath(sys.argv[1])
count = 0


def ok(good, name):
    global count
    count += 1
    print(f"{'' if good else 'not '}ok {count} - {name}")


def scan(path):
    """A block of tissue in air."""
    inside = range(6, 18)
    with open(path, "wb") as f:
        f.write(
            b"NRRD0004\ntype: unsigned short\ndimension: 3\n"
            b"sizes: %d %d %d\nencoding: raw\nendian: little\n"
            b"spacings: 1 1 1\n\n" % (EDGE, EDGE, EDGE)
        )
        for z in range(EDGE):
            for y in range(EDGE):
                for x in range(EDGE):
                    f.write(
                        struct.pack(
                            "<H",
                            1000 if x in inside and y in inside and z in inside else 0,
                        )
                    )


def render(folder, device):
    out = os.path.join(folder, "out.pfm")
    done = subprocess.run(
        [program, "--volume", os.path.join(folder, "scan.nrrd"), "--modality", "CT",
         "--size", "32x32", "--samples", "2", "--device", device, "--out", out],
        capture_output=True, text=True, timeout=120,
    )
    with open(out, "rb") as f:
        return done, f.read()


with tempfile.TemporaryDirectory() as folder:
    scan(os.path.join(folder, "scan.nrrd"))
    cpu, picture = render(folder, "cpu")
    ok(cpu.returncode == 0 and cpu.stderr == "", "the CPU renders, and says nothing")

    # No machine has a hundredth card.
    other, same = render(folder, "cuda:99")
    ok(other.returncode == 0, "without the device there is a picture")
    ok(same == picture, "it is the CPU's")
    ok(other.stderr.count("\n") == 1, "one line says why: " + other.stderr.strip())

    auto = render(folder, "auto")[0]
    ok(auto.returncode == 0 and auto.stderr == "", "auto takes what there is")

    wrong = subprocess.run(
        [program, "--self-test", "--device", "cuda:99"],
        capture_output=True, text=True, timeout=120,
    )
    ok(wrong.returncode == 1, "a device that is not there passes no self-test")

    if shutil.which("nvcc") or os.path.exists("/usr/local/cuda/bin/nvcc"):
        ok("without CUDA" not in other.stderr, "CUDA is built in where nvcc is")
    else:
        print(f"ok {count + 1} - CUDA is built in where nvcc is # SKIP no nvcc here")
        count += 1

print(f"1..{count}")
