#!/usr/bin/env python3
"""Bodies made to harm an importer: each is answered, within its limits.

Every case makes its own bytes. EXPO_MUTANTS is how many series are changed at
random, 120 if not told. An extra: EXPO_DATA names a folder with more of
them in hostile/. usage: hostile.py exposure-import
"""

import gzip
import io
import os
import random
import struct
import tarfile
import zipfile
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np

import dicoms
from importing import Outcome, check, finish, skip

SECONDS = 60  # of a machine that does other things, too
MIB = 4096

EXPLICIT = b"1.2.840.10008.1.2.1"
IMPLICIT = b"1.2.840.10008.1.2"
DEFLATED = b"1.2.840.10008.1.2.1.99"
RLE = b"1.2.840.10008.1.2.5"
JPEG = b"1.2.840.10008.1.2.4.70"
EDGE = 16


# --- DICOM, as far as it takes to break it ---

def element(group, number, vr, value):
    value += b"\0" * (len(value) % 2) if vr in (b"UI", b"OB") else \
        b" " * (len(value) % 2)
    tag = struct.pack("<HH", group, number)
    if vr in (b"OB", b"OW", b"SQ", b"UN", b"UT"):
        return tag + vr + b"\0\0" + struct.pack("<I", len(value)) + value
    return tag + vr + struct.pack("<H", len(value)) + value


def meta(syntax):
    body = element(2, 2, b"UI", b"1.2.840.10008.5.1.4.1.1.2") + \
        element(2, 3, b"UI", b"2.25.1") + element(2, 0x10, b"UI", syntax)
    return bytes(128) + b"DICM" + \
        element(2, 0, b"UL", struct.pack("<I", len(body))) + body


def us(n):
    return struct.pack("<H", n)


def picture(k, **change):
    """Data set of slice k; change: tag name to (vr, bytes), or None."""
    known = {
        "class": (8, 0x16, b"UI", b"1.2.840.10008.5.1.4.1.1.2"),
        "instance": (8, 0x18, b"UI", b"2.25.9.%d" % k),
        "modality": (8, 0x60, b"CS", b"CT"),
        "patient": (0x10, 0x20, b"LO", b"one"),
        "study": (0x20, 0xd, b"UI", b"2.25.2"),
        "series": (0x20, 0xe, b"UI", b"2.25.3"),
        "number": (0x20, 0x13, b"IS", b"%d" % k),
        "position": (0x20, 0x32, b"DS", b"0\\0\\%d" % (3 * k)),
        "orientation": (0x20, 0x37, b"DS", b"1\\0\\0\\0\\1\\0"),
        "frame": (0x20, 0x52, b"UI", b"2.25.4"),
        "samples": (0x28, 2, b"US", us(1)),
        "photometric": (0x28, 4, b"CS", b"MONOCHROME2"),
        "frames": (0x28, 8, b"IS", b"1"),
        "rows": (0x28, 0x10, b"US", us(EDGE)),
        "cols": (0x28, 0x11, b"US", us(EDGE)),
        "spacing": (0x28, 0x30, b"DS", b"1\\1"),
        "allocated": (0x28, 0x100, b"US", us(16)),
        "stored": (0x28, 0x101, b"US", us(16)),
        "high": (0x28, 0x102, b"US", us(15)),
        "sign": (0x28, 0x103, b"US", us(0)),
        "intercept": (0x28, 0x1052, b"DS", b"-1024"),
        "slope": (0x28, 0x1053, b"DS", b"1"),
        "pixels": (0x7fe0, 0x10, b"OW",
                   struct.pack("<%dH" % EDGE ** 2, *range(EDGE ** 2))),
    }
    out = b""
    for name, (group, number, vr, value) in known.items():
        value = change.get(name, value)
        if name == "pixels":
            out += change.get("before", b"")
        if isinstance(value, tuple):
            out += value[0]
        elif value is not None:
            out += element(group, number, vr, value)
    return out


def file(k, syntax=EXPLICIT, **change):
    return meta(syntax) + picture(k, **change)


def series(n=6, **change):
    return [file(k, **change) for k in range(n)]


# --- archives ---

def tar(files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as t:
        for i, data in enumerate(files):
            entry = tarfile.TarInfo("%06d" % i)
            entry.size = len(data)
            t.addfile(entry, io.BytesIO(data))
    return out.getvalue()


def zipped(files, names=None):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        for i, data in enumerate(files):
            z.writestr(names[i] if names else "%06d" % i, data)
    return out.getvalue()


def deflated_zeros(megabytes, wbits=-15):
    z = zlib.compressobj(9, zlib.DEFLATED, wbits)
    chunk = bytes(1 << 20)
    return b"".join(z.compress(chunk) for _ in range(megabytes)) + z.flush()


def directory_of(z):
    """Of a zip: members, directory, its end."""
    end = z.rindex(b"PK\5\6")
    at = struct.unpack("<I", z[end + 16:end + 20])[0]
    return z[:at], z[at:end], z[end:]


def with_directory(members, directory, count):
    return members + directory + b"PK\5\6" + struct.pack(
        "<HHHHIIH", 0, 0, count, count, len(directory), len(members), 0)


# --- judging ---

def answered(o):
    return o.code in (0, 2, 3) and o.seconds < SECONDS and o.mib < MIB and (
        (o.code == 0 and not o.failure and len(o.volume) > 512) or
        (o.code != 0 and o.failure and o.sentence.endswith(".")))


def refused(body, codes, name):
    o = Outcome(body)
    codes = (codes,) if isinstance(codes, str) else codes
    check(answered(o) and o.code != 0 and o.failure in codes, name, o)


def imported(body, slices, name):
    o = Outcome(body)
    check(answered(o) and o.code == 0 and
          struct.unpack("<I", o.volume[20:24])[0] == slices, name, o)


def survived(bodies, name):
    """Imported or refused, but answered: how many are not."""
    bad = [(what, o) for what, o in ((w, Outcome(b)) for w, b in bodies)
           if not answered(o)]
    check(not bad, name, "; ".join("%s: %s" % b for b in bad[:3]))


# --- cases ---

imported(tar(series()), 6, "what is not hostile is imported")

# Bombs.
bomb = deflated_zeros(300)
refused(tar([meta(DEFLATED) + bomb]), ("too_large", "damaged"),
        "a deflated data set of 300 MB of zeros")
refused(zipped([bytes(100 << 20)] * 4), "archive_bomb",
        "a zip of 400 MB of zeros")
refused(gzip.compress(tar([bytes(400 << 20)])), "archive_bomb",
        "a gzip of 400 MB of zeros")
refused(tar([zipped([bytes(100 << 20)] * 4)]), "archive_bomb",
        "the same in a tar, alone")
refused(zipped([zipped([bytes(100 << 20)] * 4)] * 4), "no_dicom",
        "zips in a zip stay closed")

members, directory, _ = directory_of(zipped(series()))
refused(with_directory(members, directory * 1000, 6000), "damaged_archive",
        "a zip whose members overlap")
huge = bytearray(directory)
at = 0
while at < len(huge):
    huge[at + 24:at + 28] = struct.pack("<I", 0xfffffff0)
    at += 46 + struct.unpack("<H", huge[at + 28:at + 30])[0] + \
        struct.unpack("<H", huge[at + 30:at + 32])[0]
refused(with_directory(members, bytes(huge), 6), ("archive_bomb", "too_large"),
        "a zip that says it is far larger")
refused(with_directory(members, directory, 6)[:-100], "truncated_archive",
        "a zip without its end")
locked = bytearray(zipped(series()))
for mark, offset in ((b"PK\1\2", 8), (b"PK\3\4", 6)):
    locked[locked.index(mark) + offset] |= 1
refused(bytes(locked), "encrypted", "a zip with a locked member")
refused(b"PK\3\4" + bytes(1000), "truncated_archive", "a zip of nothing")
refused(os.urandom(5000), "unknown_file", "noise")
refused(b"", "empty", "nothing")

evil = "/tmp/exposure-hostile-%d" % os.getpid()
names = ["../../../../.." + evil, evil, "..\\..\\x", "C:\\x", "CON", "a/../../b"]
imported(zipped(series(), names), 6, "names that climb are only names")
check(not os.path.exists(evil), "and nothing is written")

entry = tar([b"x"])[:512]
imported(tar(series())[:-1024] + entry[:156] + b"2" + entry[157:], 6,
         "a header whose sum is wrong ends a tar")
imported(tar(series()) + os.urandom(2000), 6, "what follows a tar is ignored")
one = tar([b"x"])[:1024]
refused(one * 100000, "no_dicom", "100,000 files of one byte")

# Nesting and lengths.
for undefined in (1, 0):
    deep = b""
    for _ in range(20000 if undefined else 2000):
        if undefined:
            deep = struct.pack("<HHI", 0x8, 0x1140, 0xffffffff) + \
                struct.pack("<HHI", 0xfffe, 0xe000, 0xffffffff) + deep
        else:
            item = struct.pack("<HHI", 0xfffe, 0xe000, len(deep)) + deep
            deep = struct.pack("<HHI", 0x8, 0x1140, len(item)) + item
    survived([("nested", tar([meta(IMPLICIT) + deep] * 3)),
              ("beside a scan", tar(series() + [meta(IMPLICIT) + deep]))],
             "20,000 nested sequences" if undefined
             else "2,000 nested sequences of known length")
wide = b"".join(struct.pack("<HHI", 0xfffe, 0xe000, 0) for _ in range(10 ** 6))
survived([("wide", tar([file(0, before=element(8, 0x1140, b"SQ", wide))]))],
         "a million items in a row")
survived([(hex(n), tar([file(0, before=struct.pack("<HH", 9, 0x1001) + b"UN\0\0"
                             + struct.pack("<I", n))]))
          for n in (0xfffffffe, 0xffffffff, 0x80000000, 0x7fffffff)],
         "elements as long as a number can say")

# Pictures.
for rows, cols in ((65535, 65535), (65535, 1), (1, 65535), (0, 16), (16, 0)):
    o = Outcome(tar(series(rows=us(rows), cols=us(cols))))
    check(answered(o) and o.code != 0, "pictures of %d x %d" % (rows, cols), o)
survived([("%s %s" % c, tar(series(**{c[0]: c[1]}))) for c in (
    ("allocated", us(0)), ("allocated", us(3)), ("allocated", us(24)),
    ("allocated", us(65535)), ("stored", us(0)), ("stored", us(17)),
    ("high", us(65535)), ("samples", us(0)), ("samples", us(65535)),
    ("frames", b"2147483647"), ("frames", b"-1"), ("frames", b"99999999999"),
    ("photometric", b"RGB"), ("photometric", b"PALETTE COLOR"),
    ("pixels", b""), ("pixels", b"x"), ("pixels", bytes(10 ** 6)))],
    "pictures that describe themselves wrongly")


def fragments(*pieces, table=b"", end=True):
    out = struct.pack("<HH", 0x7fe0, 0x10) + b"OB\0\0\xff\xff\xff\xff"
    for piece in (table,) + pieces:
        out += struct.pack("<HHI", 0xfffe, 0xe000, len(piece)) + piece
    return out + (struct.pack("<HHI", 0xfffe, 0xe0dd, 0) if end else b"")


def encapsulated(syntax, *pieces, **how):
    return tar([file(k, syntax, pixels=(fragments(*pieces, **how),))
                for k in range(3)])


offsets = struct.pack("<4I", 0, 0xfffffff0, 4, 4)
bad_rle = struct.pack("<16I", 15, *range(0, 15 << 27, 1 << 27))
bomb_rle = struct.pack("<16I", 2, 64, 64, *[0] * 13) + b"\x81\0" * 100000
survived([(name + " " + syntax.decode(), encapsulated(syntax, *p, **h))
          for syntax in (RLE, JPEG) for name, p, h in (
              ("none", (), {}),
              ("empty", (b"",), {}),
              ("noise", (os.urandom(4000),), {}),
              ("many", (b"xx",) * 100000, {}),
              ("offsets", (b"xx", b"yy"), {"table": offsets}),
              ("no end", (b"xx",), {"end": False}),
              ("segments", (bad_rle,), {}),
              ("overlapping", (bomb_rle,), {}))],
         "fragments too many, overlapping, endless and empty")

# Geometry.
numbers = [b"nan\\nan\\nan", b"inf\\0\\0", b"1e400\\0\\0", b"-1e308\\1e308\\0",
           b"a\\b\\c", b"", b"0", b"0\\0", b"9" * 60, b"0\\0\\0\\0\\0\\0\\0"]
survived([("%s %r" % (tag, n), tar(series(**{tag: n})))
          for tag in ("position", "orientation", "spacing", "slope",
                      "intercept") for n in numbers],
         "numbers that are none, in every place of geometry")
mixed = series(12)
mixed[5] = file(5, position=b"nan\\nan\\nan")
survived([("one", tar(mixed))], "one position of twelve is no number")

# Series and persons.
tiny = [file(k, series=b"2.25.3.%d" % s, instance=b"2.25.9.%d.%d" % (s, k))
        for s in range(1000) for k in range(2)]
survived([("tiny", tar(tiny))], "a thousand tiny series")
imported(tar(series(6) + [file(k, patient=b"two", series=b"2.25.5",
                               frame=b"2.25.6", instance=b"2.25.8.%d" % k)
                          for k in range(4)]), 6, "two persons in one folder")
survived([("same series", tar(series(6) + [
    file(k, patient=b"two", frame=b"2.25.6", position=b"%d\\9\\%d" % (k, k))
    for k in range(6)])),
    ("same instance", tar([file(k, instance=b"2.25.9") for k in range(6)])),
    ("no UID", tar([file(k, instance=b"", series=b"") for k in range(6)]))],
    "UIDs that collide")
imported(tar(series(6) + series(6)), 6, "every file twice")

# Cut and changed.
whole = {"tar": tar(series()), "zip": zipped(series()),
         "tgz": gzip.compress(tar(series())), "dicom": series(1)[0]}
chance = random.Random(1)
for kind, body in whole.items():
    survived([("at %d" % n, body[:n]) for n in
              sorted(chance.sample(range(len(body)), 20))],
             "a %s cut anywhere" % kind)


def changed(b, chance):
    """One change: of bytes, of a length, or of what lies where."""
    if len(b) < 140:
        return
    at, n = chance.randrange(132, len(b)), 1 << chance.randrange(9)
    kind = chance.randrange(6)
    if kind < 2:
        b[at] = chance.randrange(256)
    elif kind == 2:
        b[at & ~1:(at & ~1) + 4] = chance.choice(
            [b"\xff" * 4, b"\0" * 4, b"\xfe\xff\xff\x7f", b"\1\0\0\x80"])
    elif kind == 3:
        del b[at:at + n]
    elif kind == 4:
        b[at:at] = b[at:at + n]
    else:
        other = chance.randrange(132, len(b))
        b[at:at + n] = b[other:other + n]


def mutant(i):
    """The i-th, in whatever order they are made."""
    chance = random.Random(i)
    files = [bytearray(b) for b in BASES[i % len(BASES)]]
    for b in files:
        for _ in range(1 << chance.randrange(6)):
            changed(b, chance)
    return tar([bytes(b) for b in files])


def coded(how):
    """Three pictures as a converter writes them."""
    pixels = np.arange(EDGE * EDGE, dtype="u2").reshape(EDGE, EDGE)
    return [dicoms.converted(dicoms.written(dicoms.picture(pixels + k, k)),
                             "gdcmconv", how) for k in range(3)]


BASES = [series(3)] + [coded(how) for how in (
    "--implicit", "--rle", "--jpeg", "--jpegls", "--j2k")]
MUTANTS = int(os.environ.get("EXPO_MUTANTS", "120"))
with ThreadPoolExecutor(os.cpu_count()) as pool:
    bad = [(i, o) for i, o in enumerate(
        pool.map(lambda i: Outcome(mutant(i)), range(MUTANTS)))
        if not answered(o)]
check(not bad, "%d series changed at random" % MUTANTS,
      "; ".join("mutant %d: %s" % b for b in bad[:3]))

folder = os.path.join(os.environ.get("EXPO_DATA", ""), "hostile")
if "EXPO_DATA" in os.environ and os.path.isdir(folder):
    paths = sorted(os.path.join(d, f) for d, _, fs in os.walk(folder)
                   for f in fs)
    files = [(p, open(p, "rb").read()) for p in paths]
    survived(files, "%d public hostile files, each alone" % len(files))
    survived([("all", tar([b for _, b in files])),
              ("beside a scan", tar(series() + [b for _, b in files]))],
             "all of them in one folder")
else:
    skip("public hostile files", "EXPO_DATA is not set")

finish()
