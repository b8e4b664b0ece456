#!/usr/bin/env python3
"""NIfTI, NRRD and MetaImage come in as DICOM does: alone or in an archive.

usage: volume_formats.py exposure-import
"""

import gzip
import io
import os
import struct
import subprocess
import tarfile
import tempfile
import zipfile

import numpy as np

from dicoms import Volume, picture, tar, written
from importing import TOOL, Outcome, check, finish

SHAPE = (5, 7, 9)
VALUES = (np.arange(np.prod(SHAPE)) * 37 % 1000 - 200).astype("<i2") \
    .reshape(SHAPE)


def nifti():
    """Rows of the sform: RAS, 2 mm, 3 mm, 4 mm, from (10, 20, 30)."""
    head = bytearray(352)
    struct.pack_into("<i", head, 0, 348)
    struct.pack_into("<8h", head, 40, 3, *SHAPE[::-1], 1, 1, 1, 1)
    struct.pack_into("<2h", head, 70, 4, 16)
    struct.pack_into("<8f", head, 76, 1, 2, 3, 4, 0, 0, 0, 0)
    struct.pack_into("<3f", head, 108, 352, 1, 0)
    head[123] = 2
    struct.pack_into("<2h", head, 252, 0, 1)
    struct.pack_into("<12f", head, 280, 2, 0, 0, 10, 0, 3, 0, 20, 0, 0, 4, 30)
    head[344:348] = b"n+1\0"
    return bytes(head) + VALUES.tobytes()


def nrrd(more="", encoding="raw", data=None):
    return ("NRRD0004\ntype: short\ndimension: 3\nspace: RAS\nsizes: 9 7 5\n"
            "space directions: (2,0,0) (0,3,0) (0,0,4)\n"
            "space origin: (10,20,30)\nendian: little\nencoding: %s\n%s\n"
            % (encoding, more)).encode() \
        + (VALUES.tobytes() if data is None else data)


def metaimage():
    return (b"ObjectType = Image\nNDims = 3\nDimSize = 9 7 5\n"
            b"ElementType = MET_SHORT\nElementSpacing = 2 3 4\n"
            b"Offset = -10 -20 30\nTransformMatrix = -1 0 0 0 -1 0 0 0 1\n"
            b"BinaryDataByteOrderMSB = False\nElementDataFile = LOCAL\n"
            + VALUES.tobytes())


def gives(name, body):
    o = Outcome(body)
    v = Volume(o.volume) if o.code == 0 else None
    # RAS to LPS: x and y turn over.
    check(v is not None and np.array_equal(v.values, VALUES)
          and np.allclose(v.affine, [[-2, 0, 0, -10], [0, -3, 0, -20],
                                     [0, 0, 4, 30]]), name, o)
    check("orientation_unsure" in str(o.report.get("warnings")),
          name + ": sides may be exchanged, and that is said")
    return o


def refused(name, body, code, word=""):
    o = Outcome(body)
    check(o.code == 2 and o.failure == code and word in o.sentence
          and o.volume == b"", name, o)
    check("Mueller" not in str(o.report), name + ": nothing is quoted")


gives("NIfTI", nifti())
gives("NIfTI, gzipped", gzip.compress(nifti()))
gives("NRRD", nrrd())
gives("NRRD, gzipped within",
      nrrd(encoding="gzip", data=gzip.compress(VALUES.tobytes())))
gives("MetaImage", metaimage())
gives("alone in an archive", tar([gzip.compress(nifti())]))
o = gives("beside a text", tar([b"read me\n", nrrd()]))
check("not_dicom" in str(o.report["warnings"]), "which is ignored and said")

small = nrrd().replace(b"sizes: 9 7 5", b"sizes: 9 7 2")
o = gives("the one with more layers", tar([small, nrrd()]))
check([s["kept"] for s in o.report["series"]] == [False, True]
      and "other_series" in str(o.report["warnings"]), "and names the other",
      o.report["series"])

pixels = np.arange(3 * 16, dtype="u2").reshape(3, 4, 4)
o = Outcome(tar([written(picture(p, k)) for k, p in enumerate(pixels)]
                + [nrrd()]))
check(o.code == 0 and Volume(o.volume).dims == (4, 4, 3)
      and "beside_dicom" in str(o.report["series"]), "DICOM goes first", o)

times = bytearray(nifti())
struct.pack_into("<8h", times, 40, 4, *SHAPE[::-1], 2, 1, 1, 1)
o = gives("the first of two times", bytes(times) + VALUES.tobytes())
said = [w["detail"] for w in o.report["warnings"] if w["code"] == "reader"]
check(len(said) == 1 and said[0][0].isupper() and said[0][-1] == ".",
      "and that is a sentence", said)



def members(*files, zipped=False):
    out = io.BytesIO()
    if zipped:
        with zipfile.ZipFile(out, "w") as z:
            for name, data in files:
                z.writestr(name, data)
    else:
        with tarfile.open(fileobj=out, mode="w") as t:
            for name, data in files:
                entry = tarfile.TarInfo(name)
                entry.size = len(data)
                t.addfile(entry, io.BytesIO(data))
    return out.getvalue()


raw = VALUES.tobytes()
pair = bytearray(nifti()[:348])
pair[344:348] = b"ni1\0"
struct.pack_into("<f", pair, 108, 0)
mhd = metaimage()[:-len(raw)].replace(b"LOCAL", b"scan.raw")
nhdr = nrrd("data file: scan.raw\n", data=b"")
o = gives("NRRD and its voxels' file",
          members(("a/scan.nhdr", nhdr), ("a/scan.raw", raw)))
check("not_dicom" not in str(o.report["warnings"]), "which is not ignored", o)
gives("of two folders the voxels beside it",
      members(("a/scan.raw", b"\0" * len(raw)), ("b/scan.raw", raw),
              ("b/scan.nhdr", nhdr)))
gives("in a zip with other slashes",
      members(("a\\scan.nhdr", nhdr), ("a\\scan.raw", raw), zipped=True))
gives("voxels that are gzipped, before their header",
      members(("scan.gz", gzip.compress(raw)),
              ("scan.nhdr", nrrd("data file: scan.gz\n", "gzip", b""))))
gives("MetaImage and its voxels' file",
      members(("./scan.mhd", mhd), ("scan.raw", raw)))
gives("NIfTI of two files", members(("x.hdr", bytes(pair)), ("x.img", raw)))
refused("voxels in another folder",
        members(("a/scan.nhdr", nhdr), ("b/scan.raw", raw)),
        "unsupported_volume", "not there")
refused("a path out of the folder",
        members(("a/scan.nhdr", nrrd("data file: ../Mueller.raw\n", data=b"")),
                ("Mueller.raw", raw)), "unsupported_volume")
refused("voxels' file too short",
        members(("a/scan.nhdr", nhdr), ("a/scan.raw", raw[:-1])), "damaged")
refused("voxels' file cut off",
        members(("scan.nhdr", nhdr), ("scan.raw", raw))[:1800], "truncated")

with tempfile.TemporaryDirectory() as folder:
    for name, data in (("scan.mhd", mhd), ("scan.raw", raw)):
        with open(os.path.join(folder, name), "wb") as f:
            f.write(data)
    out = os.path.join(folder, "out.nrrd")
    done = subprocess.run([TOOL, folder, "--out", out, "--report",
                           os.path.join(folder, "report")])
    with open(out, "rb") as f:
        written_values = f.read().split(b"\n\n", 1)[1]
    check(done.returncode == 0 and written_values == raw,
          "a folder of both, by the command")

refused("cut", nrrd()[:-9], "damaged")
refused("cut while gzipped", gzip.compress(nifti())[:-40], "damaged")
refused("voxels in another file", nrrd("data file: Mueller.raw\n"),
        "unsupported_volume", "another file")
refused("a line that is not understood", nrrd("kinds: 4\nspace: Mueller\n"),
        "unsupported_volume", "not understood")
refused("lengths in seconds", nrrd('space units: "s" "s" "s"\n'),
        "unsupported_volume")
refused("one layer", nrrd().replace(b"sizes: 9 7 5", b"sizes: 9 7 1"),
        "one_slice")
o = Outcome(nrrd("modality:=Mueller\nunit:=Mueller\n"))
check(o.code == 0 and b"Mueller" not in o.volume
      and "Mueller" not in str(o.report), "a name is no modality and no unit")
finish()
