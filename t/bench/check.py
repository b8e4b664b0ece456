"""The figures of scripts/bench render, where the answer is known. Prints TAP."""

import math
import os
import struct
import sys
import tempfile
import zlib

try:
    import numpy as np
except ImportError:
    print("ok 1 # SKIP python3-numpy is not installed\n1..1")
    sys.exit()

import pictures
import scene
from curve import Curve, Point

count = failed = 0


def check(ok, name):
    global count, failed
    count += 1
    failed += not ok
    print("ok" if ok else "not ok", count, "-", name)


def near(a, b):
    return math.isclose(a, b, rel_tol=1e-9)


def curves():
    # Error 1/n^2 in n seconds; of two more seeds one is luckier, one is not.
    points = [Point(n, n * k, k / n ** 2) for n in (1, 4, 16) for k in (0.5, 1, 2)]
    c = Curve(points)
    check(near(c.at(4).cpu, 4) and near(c.at(4).mse, 1 / 16), "a point is the seeds' median")
    check(near(c.slope(4, 16), -2), "a slope is of logarithms")
    seconds, inside = c.cpu_for(1 / 64)
    check(near(seconds, 8) and inside, "time to an error lies on the power law")
    seconds, inside = c.cpu_for(1 / 1024)
    check(near(seconds, 32) and not inside, "beyond the last point is said to be so")
    check(c.cpu_for(2) == (1, True), "no picture takes less than the first point")
    mse, inside = c.mse_after(2)
    check(near(mse, 1 / 4) and inside, "error after a time lies on the power law")


def references():
    random = np.random.default_rng(1)
    truth = random.uniform(0, 1, (64, 64, 3))
    made = [truth + random.normal(0, 0.1, truth.shape) for _ in range(4)]
    reference = pictures.Reference(made)
    check(abs(reference.noise / (0.01 / 4) - 1) < 0.05, "a reference knows its noise")
    check(abs(reference.mse(truth)) < 1e-4, "the truth has no error")
    check(abs(reference.mse(truth + 0.1) - 0.01) < 3e-4, "an offset is its square")
    bias, error = reference.bias([1.01 * truth])
    check(abs(bias - 0.01) < 4 * error, "bias is found within its standard error")


def files():
    rows = np.arange(2 * 3 * 3, dtype="<f4").reshape(2, 3, 3)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "a.pfm")
        with open(path, "wb") as f:
            f.write(b"PF\n3 2\n-1.0\n" + rows[::-1].tobytes())
        check((pictures.read(path, 3) == rows).all(), "a .pfm is turned top row first")

        path = os.path.join(folder, "a.png")
        pictures.write_png(path, rows.astype(np.uint8))
        with open(path, "rb") as f:
            png = f.read()
        size = struct.unpack(">II", png[16:24])
        at = png.index(b"IDAT")
        data = png[at + 4:at + 4 + struct.unpack(">I", png[at - 4:at])[0]]
        check(size == (3, 2) and zlib.decompress(data)[1:10] == bytes(range(9)),
              "a PNG holds its pixels")


def settings():
    with tempfile.TemporaryDirectory() as folder:
        voxels = np.full((2, 3, 4), 65535, "<u2")
        made = scene.Scene(scene.PHANTOM, voxels, 0.5, folder)
        check(made.unit_mm == 2, "the unit is the longest edge")
        with open(made.volume, "rb") as f:
            header, data = f.read().split(b"\n\n", 1)
        padded = np.frombuffer(data, "<u2").reshape(4, 5, 6)
        check(b"sizes: 6 5 4" in header and b"origin: (-1.25,-1.0,-0.75)" in header
              and padded.sum() == int(voxels.sum()) and not padded[0].any(),
              "one voxel of nothing lies around the volume, about the same centre")


curves()
references()
files()
settings()
print("1..%d" % count)
sys.exit(failed > 0)
