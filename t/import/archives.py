#!/usr/bin/env python3
"""The same series in every packing that people upload gives the same volume.

Packed by Python, tar and Info-ZIP's zip. usage: archives.py exposure-import
"""

import gzip
import io
import json
import os
import subprocess
import tarfile
import tempfile
import zipfile

from importing import TOOL, Outcome, check, finish, phantom

SLICES = phantom("--size", "32", "--slices", "6")


def tar_of(files, form=tarfile.USTAR_FORMAT):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as tar:
        for name, data in files:
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return out.getvalue()


def zip_of(files, method=zipfile.ZIP_DEFLATED, sink=None):
    out = sink or io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as z:
        for name, data in files:
            z.writestr(name, data)
    return out.getvalue()


class Stream(io.BytesIO):
    """Cannot go back: sizes come behind the data, as in a zip from a pipe."""

    def seekable(self):
        return False

    def seek(self, *_):
        raise io.UnsupportedOperation()

    def tell(self):
        raise io.UnsupportedOperation()


def zip64_of(files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        for name, data in files:
            with z.open(zipfile.ZipInfo(name), "w", force_zip64=True) as f:
                f.write(data)
    return out.getvalue()


NAMED = [("IM%04d" % i, s) for i, s in enumerate(SLICES)]
PLAIN = Outcome(tar_of(NAMED))


def same(body, name):
    got = Outcome(body)
    return check(got.code == 0 and got.volume == PLAIN.volume, name, got)


check(PLAIN.code == 0 and PLAIN.volume[:4] != b"", "a tar is imported", PLAIN)
same(tar_of(NAMED, tarfile.GNU_FORMAT), "a GNU tar")
same(tar_of([("x" * 150 + "/" + n, d) for n, d in NAMED],
            tarfile.PAX_FORMAT), "a pax tar with long names")
same(gzip.compress(tar_of(NAMED)), "a gzipped tar")
same(gzip.compress(tar_of(NAMED)) + bytes(1000), "a gzipped tar with padding")
same(zip_of(NAMED), "a zip")
same(zip_of(NAMED, zipfile.ZIP_STORED), "a zip that stores")
same(zip_of(NAMED, sink=Stream()), "a zip whose sizes come behind the data")
same(zip64_of(NAMED), "a zip with zip64 fields")
same(zip_of(NAMED[::-1] + [("readme.txt", b"hello"), ("a/b/", b"")]),
     "a zip in another order, with strangers and folders")
same(zip_of([("../../" + n, d) for n, d in NAMED]),
     "a zip whose names climb: they are only names")
same(zip_of(NAMED + [("again/" + n, d) for n, d in NAMED]),
     "a zip with everything twice")
same(tar_of([("one.zip", zip_of(NAMED))]), "a tar of one zip, as forms send it")
same(tar_of([("one.tgz", gzip.compress(tar_of(NAMED)))]),
     "a tar of one gzipped tar")

with tempfile.TemporaryDirectory() as folder:
    for n, d in NAMED:
        os.makedirs(os.path.join(folder, "DICOM"), exist_ok=True)
        with open(os.path.join(folder, "DICOM", n), "wb") as f:
            f.write(d)
    os.symlink("/etc/passwd", os.path.join(folder, "DICOM", "link"))

    def made(*command):
        return subprocess.run(command, cwd=folder, check=True,
                              stdout=subprocess.PIPE).stdout

    def zipped(*options):
        made("sh", "-c", "rm -f a.*")
        made("zip", *options, "a.zip", "DICOM")
        with open(os.path.join(folder, "a.zip"), "rb") as f:
            return f.read()

    same(made("tar", "-cf", "-", "DICOM"), "tar's tar")
    same(made("tar", "-czf", "-", "DICOM"), "tar's tar.gz")
    same(made("zip", "-qr", "-", "DICOM"), "zip's zip from a pipe")
    same(zipped("-qry"), "zip's zip with its links kept")
    same(zipped("-qr0"), "stored")
    same(zipped("-qr", "-fz"), "with zip64 fields")

    got = Outcome(zipped("-qr", "-P", "secret"))
    check(got.failure == "encrypted" and "password" in got.sentence,
          "zip's locked zip is refused by name", got)

    got = Outcome(zipped("-qr")[:-30])
    check(got.code == 3 and got.failure == "truncated_archive",
          "a zip cut off is refused by name", got)

    zipped("-qr")
    report = json.loads(made(TOOL, "a.zip"))
    check(report["files"]["dicom"] == len(SLICES),
          "the command takes a zip as it takes a folder", report)

finish()
