#!/usr/bin/env python3
"""Imports a folder of public scans and compares with known volumes.

An extra: runs where EXPO_DATA names the folder (with VOLUMES.json in it),
and says that it skips elsewhere. usage: volumes.py path/to/exposure-import
"""

import array
import hashlib
import json
import math
import os
import subprocess
import sys
import tempfile

TOOL = sys.argv[1] if len(sys.argv) > 1 else "build/exposure-import"
DATA = os.environ.get("EXPO_DATA")

# Series that are refused by name, and the reason that must be given.
REFUSED = {
    "awkward/mr-fmri-siemens-mosaic": "mosaic",
    "awkward/ct-4slice-same-position": "one_slice",
}

# Without known values: what is known of them besides.
UNKNOWN = {
    "awkward/mr-4slice-rgb-j2k": ([52, 77, 4], [0, 255]),
    "awkward/mr-enhanced-philips": ([256, 256, 8], None),
    "awkward/mr-enhanced-siemens": ([256, 256, 8], [0, 254]),
}

count = failed = 0


def check(ok, name, note=""):
    global count, failed
    count += 1
    failed += not ok
    print(("ok" if ok else "not ok"), count, "-", name)
    if not ok and note:
        print("#  ", note)


def near(a, b, tolerance):
    return all(abs(x - y) <= tolerance for x, y in zip(a, b))


def read_nrrd(path):
    with open(path, "rb") as f:
        raw = f.read()
    head, data = raw.split(b"\n\n", 1)
    fields = dict(l.split(": ", 1) for l in head.decode().split("\n")[1:]
                  if ": " in l)
    return fields, data


def layer_hash(data, layers, pixels):
    """SHA-256 of the layers that are pictures of their own."""
    h = hashlib.sha256()
    for k in layers:
        h.update(data[2 * k * pixels:2 * (k + 1) * pixels])
    return h.hexdigest()


def solve(columns, target):
    """The 3x3 system by Cramer's rule."""
    def det(a, b, c):
        return (a[0] * (b[1] * c[2] - b[2] * c[1])
                - b[0] * (a[1] * c[2] - a[2] * c[1])
                + c[0] * (a[1] * b[2] - a[2] * b[1]))

    a, b, c = columns
    d = det(a, b, c)
    return (det(target, b, c) / d, det(a, target, c) / d,
            det(a, b, target) / d)


def probe(values, dims, affine, lps):
    columns = [[affine[4 * r + c] for r in range(3)] for c in range(3)]
    ijk = solve(columns, [lps[r] - affine[4 * r + 3] for r in range(3)])
    i, j, k = (round(x) for x in ijk)
    if not (0 <= i < dims[0] and 0 <= j < dims[1] and 0 <= k < dims[2]):
        return None
    return values[(k * dims[1] + j) * dims[0] + i]


def compare(name, want, report, path):
    series = next(s for s in report["series"] if s["kept"])
    fields, data = read_nrrd(path)
    dims = [int(x) for x in fields["sizes"].split()]
    pixels = dims[0] * dims[1]

    check(dims[:2] == want["dims_cols_rows_slices"][:2], name + ": size")
    check(near(series["spacing_mm"][:2], want["pixel_spacing_col_row_mm"],
               1e-4), name + ": spacing")
    check(near(series["direction"][:6], want["iop"], 1e-4),
          name + ": direction")
    check(near([series["affine"][i] for i in (3, 7, 11)], want["ipp_first"],
               1e-3), name + ": origin")
    check(abs(series["tilt_deg"] - want.get("shear_angle_deg", 0)) < 0.1,
          name + ": tilt", series["tilt_deg"])

    step = want["slice_step_mm_min_max"][0]
    if step > 0:
        upright = math.cos(math.radians(series["tilt_deg"]))
        check(abs(series["spacing_mm"][2] * upright - step) < 2e-3,
              name + ": step", series["spacing_mm"])

    # Filled layers lie between pictures; the pictures keep their order.
    last = [series["affine"][4 * r + 3]
            + (dims[2] - 1) * series["affine"][4 * r + 2] for r in range(3)]
    check(near(last, want["ipp_last"], 2e-3), name + ": last picture", last)

    filled = set(series.get("filled", []))
    layers = [k for k in range(dims[2]) if k not in filled]
    check(len(layers) == series["positions"], name + ": one layer a picture")

    if series["positions"] == want["files"] and fields["type"] == "short":
        check(layer_hash(data, layers, pixels)
              == want["sha256_int16_le_sorted_along_normal"],
              name + ": every voxel")
        low, high, _ = want["value_min_max_mean"]
        check(series["range"] == [low, high], name + ": range",
              series["range"])

    if "probes" in want:
        values = array.array("h" if fields["type"] == "short" else "f")
        values.frombytes(data)
        got = [probe(values, dims, series["affine"], p["lps_mm"])
               for p in want["probes"]]
        check(got == [p["value"] for p in want["probes"]],
              name + ": probes", got)


def chosen(groups, report):
    """The known group that the import took: the one of its direction."""
    series = next(s for s in report["series"] if s["kept"])
    return next((g for g in groups
                 if near(g["iop"], series["direction"][:6], 1e-3)), groups[0])


def main():
    if not DATA:
        print("ok 1 - known volumes # SKIP EXPO_DATA names no folder of scans")
        print("1..1")
        return 0

    with open(os.path.join(DATA, "VOLUMES.json")) as f:
        volumes = json.load(f)

    with tempfile.TemporaryDirectory() as tmp:
        for name, known in volumes.items():
            folder = os.path.join(DATA, name)
            if name == "ct-enhanced-multiframe":
                folder = os.path.join(folder, "single")

            out = os.path.join(tmp, "v.nrrd")
            rc = subprocess.run([TOOL, folder, "--out", out, "--report",
                                 os.path.join(tmp, "r.json")],
                                stderr=subprocess.DEVNULL).returncode
            with open(os.path.join(tmp, "r.json")) as f:
                report = json.load(f)

            code = report.get("failure", {}).get("code")
            if name in REFUSED:
                check(rc == 2 and code == REFUSED[name],
                      name + ": refused by name", (rc, code))
                continue

            check(rc == 0, name + ": imported", (rc, code))
            if rc == 0 and name in UNKNOWN:
                series = next(s for s in report["series"] if s["kept"])
                dims, span = UNKNOWN[name]
                check(series["dims"] == dims and span in (None,
                                                          series["range"]),
                      name + ": size and range", series)
            elif rc == 0:
                compare(name, chosen(known["groups"], report), report, out)

        same_as_single_files(tmp)
        nothing_else_crashes(tmp)

    print("1..%d" % count)
    return failed > 0


def imported(path, tmp):
    """(exit code, report, volume's data) of one file or folder."""
    out, told = os.path.join(tmp, "v.nrrd"), os.path.join(tmp, "r.json")
    rc = subprocess.run([TOOL, path, "--out", out, "--report", told],
                        stderr=subprocess.DEVNULL, timeout=300).returncode
    with open(told) as f:
        report = json.load(f)
    return rc, report, read_nrrd(out)[1] if rc == 0 else b""


def same_as_single_files(tmp):
    folder = os.path.join(DATA, "ct-enhanced-multiframe")
    single = imported(os.path.join(folder, "single"), tmp)
    many = imported(os.path.join(folder, "volume.dcm"), tmp)
    check(single[0] == many[0] == 0 and single[2] == many[2],
          "ct-enhanced-multiframe: one file gives what single files give")


def nothing_else_crashes(tmp):
    """What has no known values: imported, or refused with a sentence."""
    for kind in ("awkward", "hostile", "single-files", "volumes-nifti"):
        for name in sorted(os.listdir(os.path.join(DATA, kind))):
            rc, report, _ = imported(os.path.join(DATA, kind, name), tmp)
            why = report.get("failure", {})
            check(rc == 0 or (rc in (2, 3) and len(why.get("detail", "")) > 20
                              and "stopped the import" not in why["detail"]),
                  "%s/%s: %s" % (kind, name, why.get("code", "imported")),
                  (rc, why))


sys.exit(main())
