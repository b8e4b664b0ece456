#!/usr/bin/env python3
"""Every kind of picture that is read gives the values that are in it.

The files are made by pydicom, GDCM and DCMTK, so that no code of ours is on
both sides. usage: kinds.py exposure-import
"""

import numpy as np
from pydicom.encaps import encapsulate, generate_pixel_data_frame
from pydicom.filereader import dcmread
from pydicom.uid import (ExplicitVRBigEndian, ExplicitVRLittleEndian,
                         ImplicitVRLittleEndian, RLELossless)
import io

from dicoms import *
from importing import Outcome, check, finish

ROWS, COLS, SLICES = 24, 32, 5
SHAPE = (SLICES, ROWS, COLS)


def ramp(kind, low=0, high=4000, shape=SHAPE):
    """Numbers that differ everywhere, from low to high."""
    n = int(np.prod(shape))
    at = np.arange(n, dtype=float) * 7919 % n / (n - 1)
    return (low + np.floor(at * (high - low))).astype(kind).reshape(shape)


def imported(files):
    outcome = Outcome(tar(files) if len(files) > 1 else files[0])
    outcome.made = Volume(outcome.volume) if outcome.code == 0 else None
    return outcome


def codes(outcome):
    return {w["code"] for w in outcome.report.get("warnings", [])}


def gives(name, files, values, says=(), within=0.0):
    """Checks the volume against values [z][y][x]; says: codes of notices."""
    o = imported(files)
    same = o.made is not None and o.made.values.shape == values.shape \
        and np.abs(o.made.values - values).max() <= within
    check(same, name, "%s %s" % (o, o.made and (
        o.made.dims, np.abs(o.made.values - values).max()
        if o.made.values.shape == values.shape else "shape")))
    if says:
        check(set(says) <= codes(o), name + ": says so", codes(o))
    return o


def refused(name, files, code, word=""):
    o = imported(files)
    check(o.code == 2 and o.failure == code and word in o.sentence
          and o.volume == b"", name, o)


def series(pixels, **values):
    return [picture(p, k, **values) for k, p in enumerate(pixels)]


def files(pixels, syntax=ExplicitVRLittleEndian, **values):
    return [written(d, syntax) for d in series(pixels, **values)]


# --- pixel formats ---

def formats():
    for kind, low, high in (("u1", 0, 255), ("i2", -900, 3000),
                            ("u2", 0, 4095), ("u4", 10 ** 6, 10 ** 6 + 4000),
                            ("i4", -70000, -60000)):
        p = ramp(kind, low, high)
        gives("plain " + kind, files(p, Modality="MR", SOPClassUID=MR,
                                     RescaleIntercept=0), p)

    p = ramp("u2", 0, 255)
    gives("implicit", files(p, ImplicitVRLittleEndian), p - 1000.0)
    gives("big-endian, 16 bits",
          files(p.byteswap(), ExplicitVRBigEndian), p - 1000.0)
    wide = ramp("u4", 0, 30000)
    gives("big-endian, 32 bits", files(wide.byteswap(), ExplicitVRBigEndian),
          wide - 1000.0)

    p = ramp("f4", -100, 100) / 8
    gives("float", files(p, Modality="PT", RescaleIntercept=0), p,
          ("rounded",), 200 / 8 / 65535)
    p = ramp("f8", 0, 1000)
    p[2, 3, 4] = np.nan
    gives("double, whole but for one", files(p, Modality="PT",
                                             RescaleIntercept=0),
          np.nan_to_num(p))

    # Bits beside the stored ones may hold anything.
    p = ramp("u2", 0, 4095)
    low = files(p | 0xf000, BitsStored=12, HighBit=11)
    gives("12 bits of 16, low", low, p - 1000.0)
    gives("12 bits of 16, high", files(p << 4 | 9, BitsStored=12, HighBit=15),
          p - 1000.0)
    signed = ramp("i2", -2048, 2047)
    gives("12 bits of 16, signed",
          files(signed & 0xfff, BitsStored=12, HighBit=11,
                PixelRepresentation=1), np.maximum(signed - 1000.0, -1024),
          ("clamped",))

    gives("each slice with its own scale",
          [written(picture(q, k, Modality="MR", SOPClassUID=MR,
                           RescaleSlope=0.5 * (k + 1), RescaleIntercept=k))
           for k, q in enumerate(p)],
          p * 0.5 * np.arange(1, 6)[:, None, None]
          + np.arange(5.)[:, None, None], ("rounded",), 0.1)

    gives("MONOCHROME1", files(p, Modality="MR", BitsStored=12, HighBit=11,
                               RescaleIntercept=0,
                               PhotometricInterpretation="MONOCHROME1"),
          4095.0 - p, ("inverted",))


def padding():
    p = ramp("i2", -900, 3000)
    padded = p.copy()
    padded[:, :, :4] = -2000
    want = p + 0.0
    want[:, :, :4] = p[:, :, 4:].min()
    gives("padding", files(padded, RescaleIntercept=0, PixelPaddingValue=-2000),
          want, ("padding",))
    padded[:, :, 2:4] = -1990
    gives("a range of padding",
          files(padded, RescaleIntercept=0, PixelPaddingValue=-2000,
                PixelPaddingRangeLimit=-1990), want, ("padding",))


def tables():
    p = ramp("u1", 0, 255)
    entries = (np.arange(200) ** 2 % 5000).astype("u2")
    lut = sequence(LUTDescriptor=[200, 20, 16], ModalityLUTType="US",
                   LUTData=entries.tobytes())
    lut[0]["LUTData"].VR = "OW"
    gives("modality LUT", files(p, ModalityLUTSequence=lut),
          entries[np.clip(p.astype(int) - 20, 0, 199)], ("modality_lut",))

    palette = [(np.arange(256) * m % 65536).astype("u2")
               for m in (255, 7919, 40000)]
    d = dict(PhotometricInterpretation="PALETTE COLOR", Modality="OT")
    for name, t in zip(("Red", "Green", "Blue"), palette):
        d[name + "PaletteColorLookupTableDescriptor"] = [256, 0, 16]
        d[name + "PaletteColorLookupTableData"] = t.tobytes()
    bright = np.round(0.299 * palette[0] + 0.587 * palette[1]
                      + 0.114 * palette[2])
    gives("palette", files(p, **d), bright[p], ("colour",), 1)

    d["RedPaletteColorLookupTableData"] = palette[0].tobytes()[:100]
    refused("a palette too short", files(p, **d), "damaged")
    refused("a segmented palette",
            files(p, SegmentedRedPaletteColorLookupTableData=b"\0\0\1\0", **d),
            "colour")


def colours():
    p = ramp("u1", 0, 255, SHAPE + (3,))
    bright = np.floor(p @ [0.299, 0.587, 0.114] + 0.5)
    kind = dict(SOPClassUID=SC, Modality="OT", RescaleIntercept=0)
    gives("RGB", files(p, **kind), bright, ("colour",), 1e-9)

    planes = []
    for d, q in zip(series(p, PlanarConfiguration=1, **kind), p):
        d.PixelData = np.moveaxis(q, 2, 0).tobytes()
        planes.append(written(d))
    gives("RGB in planes", planes, bright, ("colour",), 1e-9)

    gives("YBR_FULL", files(p, PhotometricInterpretation="YBR_FULL", **kind),
          p[..., 0], ("colour",))

    halved = []
    for d, q in zip(series(p, PhotometricInterpretation="YBR_FULL_422",
                           **kind), p):
        pairs = np.zeros((ROWS, COLS // 2, 4), "u1")
        pairs[..., 0], pairs[..., 1] = q[:, 0::2, 0], q[:, 1::2, 0]
        d.PixelData = pairs.tobytes()
        halved.append(written(d))
    gives("YBR_FULL_422", halved, p[..., 0], ("colour",))

    refused("CMYK", files(p, PhotometricInterpretation="CMYK", **kind),
            "colour")


# --- coded ---

def coded():
    signed, natural = ramp("i2", -900, 3000), ramp("u2", 0, 4095)
    wide = ramp("u2", 0, 65535)

    for name, command, syntax in (
            ("JPEG 2000", ("gdcmconv", "--j2k"), ".4.90"),
            ("RLE", ("dcmcrle",), ".5"),
            ("JPEG lossless", ("dcmcjpeg", "+e1"), ".4.70"),
            ("JPEG-LS", ("dcmcjpls",), ".4.80")):
        for kind, p, bits in (("signed", signed, 16), ("12 bits", natural, 12),
                              ("16 bits", wide, 16)):
            made = [converted(f, *command) for f in files(
                p, BitsStored=bits, HighBit=bits - 1, Modality="MR",
                RescaleIntercept=0)]
            assert dcmread(io.BytesIO(made[0])).file_meta.TransferSyntaxUID \
                .endswith(syntax)
            gives(name + ", " + kind, made, p)

    smooth = np.add.outer(np.arange(SLICES) * 9., np.add.outer(
        np.arange(ROWS) * 5., np.arange(COLS) * 3.))
    lossy = [converted(f, "gdcmconv", "--j2k", "--lossy", "-q", "60")
             for f in files(smooth.astype("u2"), Modality="MR",
                            RescaleIntercept=0)]
    gives("JPEG 2000 with loss, as GDCM decodes it", lossy,
          np.stack([dcmread(io.BytesIO(converted(f, "gdcmconv", "--raw")))
                    .pixel_array for f in lossy]), ("lossy",))
    gives("JPEG baseline", [
        converted(f, "dcmcjpeg", "+eb")
        for f in files((smooth / 2).astype("u1"), Modality="MR",
                       RescaleIntercept=0)], smooth / 2, ("lossy",), 6)

    p = ramp("u1", 0, 255, SHAPE + (3,))
    bright = np.floor(p @ [0.299, 0.587, 0.114] + 0.5)
    for name, command in (("JPEG 2000", ("gdcmconv", "--j2k")),
                          ("RLE", ("dcmcrle",)),
                          ("JPEG lossless", ("dcmcjpeg", "+e1"))):
        gives(name + " in colour",
              [converted(f, *command) for f in files(
                  p, SOPClassUID=SC, Modality="OT",
                  RescaleIntercept=0)], bright, ("colour",), 1)

    fragments(files(signed))


def fragments(plain):
    """One frame in many pieces, of even length as the standard wants."""
    for command, name in ((("gdcmconv", "--j2k"), "JPEG 2000"),
                          (("dcmcjpeg", "+e1"), "JPEG lossless")):
        made = []
        for f in plain:
            d = dcmread(io.BytesIO(converted(f, *command)))
            code = list(generate_pixel_data_frame(d.PixelData, 1))
            d.PixelData = encapsulate(code, fragments_per_frame=5)
            made.append(again(d))
        gives(name + " in five fragments", made,
              np.maximum(ramp("i2", -900, 3000) - 1000.0, -1024))

        # Cut within: the picture is named as cut or damaged, never half shown.
        refused(name + " cut", [m[:-300] for m in made], "truncated")


def again(d):
    out = io.BytesIO()
    d.save_as(out, write_like_original=True)
    return out.getvalue()


# --- many frames in a file ---

def enhanced(pixels, order=None, **values):
    """All slices in one file; order: which slice each frame is."""
    order = range(len(pixels)) if order is None else order
    d = picture(pixels[0], **{"SOPClassUID": ENHANCED_CT, **values})
    for name in ("ImagePositionPatient", "ImageOrientationPatient",
                 "PixelSpacing", "RescaleSlope", "RescaleIntercept"):
        delattr(d, name)
    d.NumberOfFrames = len(order)
    d.PixelData = b"".join(pixels[k].tobytes() for k in order)
    d.SharedFunctionalGroupsSequence = sequence(
        PixelMeasuresSequence=sequence(PixelSpacing=SPACING,
                                       SliceThickness=99),
        PlaneOrientationSequence=sequence(
            ImageOrientationPatient=[1, 0, 0, 0, 1, 0]))
    d.PerFrameFunctionalGroupsSequence = Sequence([item(
        FrameContentSequence=sequence(StackID="1",
                                      InStackPositionNumber=k + 1),
        PlanePositionSequence=sequence(
            ImagePositionPatient=[-3, 4, STEP * k]),
        PixelValueTransformationSequence=sequence(
            RescaleSlope=1, RescaleIntercept=-1000, RescaleType="HU"))
        for k in order])
    return d


def many():
    p = ramp("i2", -20, 3000)
    want = p - 1000.0
    shuffled = [3, 0, 4, 1, 2]
    classic = gives("single files", files(p), want)
    whole = gives("enhanced CT", [written(enhanced(p, shuffled))], want)
    check(np.allclose(whole.made.affine, classic.made.affine)
          and whole.made.unit == "HU", "lies where single files lie")
    for uid, name in ((LEGACY_CT, "legacy converted CT"),
                      (ENHANCED_MR, "enhanced MR")):
        gives(name, [written(enhanced(p, shuffled, SOPClassUID=uid))], want)

    two = [written(enhanced(p, [0, 2, 4])),
           written(enhanced(p, [1, 3], SOPInstanceUID="2.25.77"))]
    gives("a concatenation of two files", two, want)

    d = enhanced(p)
    for k, f in enumerate(d.PerFrameFunctionalGroupsSequence):
        f.PixelValueTransformationSequence[0].RescaleIntercept = 10 * k
    gives("each frame with its own scale", [written(d)],
          p + 10.0 * np.arange(SLICES)[:, None, None])

    for command, name in ((("gdcmconv", "--j2k"), "JPEG 2000"),
                          (("dcmcrle",), "RLE"),
                          (("dcmcjpeg", "+e1"), "JPEG lossless"),
                          (("dcmcjpls",), "JPEG-LS")):
        gives("enhanced, " + name,
              [converted(written(enhanced(p, shuffled)), *command)], want)

    d = dcmread(io.BytesIO(converted(written(enhanced(p)), "gdcmconv",
                                     "--j2k")))
    frames = list(generate_pixel_data_frame(d.PixelData, SLICES))
    for table in (True, False):
        d.PixelData = encapsulate(frames, fragments_per_frame=3, has_bot=table)
        gives("three fragments a frame, " +
              ("by table" if table else "by mark"), [again(d)], want)

    slices = 1400
    small = ramp("i2", 0, 3000, (slices, 4, 4))
    gives("more items than any nesting has",
          [written(enhanced(small))], small - 1000.0)

    cut = written(enhanced(p))[:-(ROWS * COLS * 2 * 2)]
    o = imported([cut])
    check(o.made is not None and o.made.dims[2] == 3
          and "skipped_truncated" in codes(o), "frames behind a cut are left "
          "out", o)


def divided():
    """What sets frames of one file apart."""
    p = ramp("i2", -20, 3000, (2 * SLICES, ROWS, COLS))

    def parted(change):
        d = enhanced(p)
        d.NumberOfFrames = 2 * SLICES
        for k, f in enumerate(d.PerFrameFunctionalGroupsSequence):
            f.PlanePositionSequence[0].ImagePositionPatient = \
                [-3, 4, STEP * (k % SLICES)]
            change(f, k // SLICES)
        return [written(d)]

    def of(part):
        return p[part * SLICES:][:SLICES] - 1000.0

    def time(f, part):
        f.FrameContentSequence[0].TemporalPositionIndex = 2 - part

    o = gives("the earlier of two times", parted(time), of(1),
              ("time_points",))
    check([s["reason"] for s in o.report["series"] if not s["kept"]]
          == ["other_time"], "and the other is named", o.report["series"])

    def stack(f, part):
        f.FrameContentSequence[0].StackID = str(part)

    gives("one of two stacks", parted(stack), of(0), ("other_series",))

    def weighted(f, part):
        f.MRDiffusionSequence = sequence(DiffusionBValue=1000.0 * part)

    gives("one of two b-values", parted(weighted), of(0), ("other_series",))

    def contrast(f, part):
        f.FrameContentSequence[0].DimensionIndexValues = [part + 1, 1]

    gives("without a name, in order", parted(contrast), of(0),
          ("time_points",))


def nuclear():
    p = ramp("u2", 0, 3000)
    d = enhanced(p, SOPClassUID=NM, Modality="NM", PixelSpacing=SPACING,
                 ImageType=["ORIGINAL", "PRIMARY", "RECON TOMO"],
                 SpacingBetweenSlices=3.0, SliceVector=[1, 2, 3, 4, 5],
                 DetectorInformationSequence=sequence(
                     ImagePositionPatient=[1, 2, 3],
                     ImageOrientationPatient=[1, 0, 0, 0, 1, 0]))
    del d.PerFrameFunctionalGroupsSequence, d.SharedFunctionalGroupsSequence
    d.PixelSpacing = SPACING
    o = gives("reconstructed SPECT", [written(d)], p)
    check(np.allclose(o.made.affine[:, 2:].T, [[0, 0, 3], [1, 2, 3]]),
          "its slices lie along the normal", o.made.affine)

    d.ImageType = ["ORIGINAL", "PRIMARY", "TOMO"]
    refused("projections are no slices", [written(d)], "multiframe")


def unplaced():
    p = ramp("u1", 0, 255)
    d = enhanced(p, SOPClassUID=SC_FRAMES, Modality="OT")
    del d.PerFrameFunctionalGroupsSequence, d.SharedFunctionalGroupsSequence
    refused("frames that lie nowhere", [written(d)], "multiframe")

    d = enhanced(p)
    for f in d.PerFrameFunctionalGroupsSequence:
        del f.PlanePositionSequence
    del d.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence
    refused("enhanced without places", [written(d)], "no_geometry")


# --- series ---

def grouped():
    p = ramp("i2", -20, 3000)
    other = ramp("i2", 0, 100, (3, ROWS, COLS))

    for name, values in (("kernel", dict(ConvolutionKernel="B70")),
                         ("echo", dict(EchoTime=30)),
                         ("image type", dict(ImageType=["DERIVED", "PRIMARY",
                                                        "PHASE"])),
                         ("person", dict(PatientID="another"))):
        more = [written(picture(q, 50 + k, **values,
                                ImagePositionPatient=[-3, 4, STEP * k + 1]))
                for k, q in enumerate(other)]
        o = gives("another " + name + " is another volume", files(p) + more,
                  p - 1000.0, ("other_series",))
        if name == "person":
            check("several_people" in codes(o), "and is spoken of")

    scout = picture(p[0], 90, ImageOrientationPatient=[0, 1, 0, 0, 0, -1],
                    ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    gives("a scout in the series is left out", files(p) + [written(scout)],
          p - 1000.0)
    gives("one identifier for all", files(p, SOPInstanceUID="2.25.5"),
          p - 1000.0, ("colliding_ids",))


def planted():
    p = ramp("i2", -20, 3000)
    made = []
    for d in series(p):
        d.PatientName = "PLANTED^NAME"
        d.PatientBirthDate = "19500101"
        d.InstitutionName = "PLANTED HOSPITAL"
        d.RequestAttributesSequence = sequence(
            RequestedProcedureDescription="PLANTED")
        d.private_block(0x9, "PLANTED", create=True).add_new(1, "LO",
                                                             "PLANTED")
        made.append(written(d))
    o = gives("with names planted", made, p - 1000.0)
    # Name, date, hospital, sequence, its item's element, creator, element.
    check(o.report["removed"] == {"elements": 7 * SLICES,
                                  "private": 2 * SLICES},
          "what no list allows is counted", o.report["removed"])
    check(b"PLANTED" not in o.volume and "PLANTED" not in str(o.report),
          "and is nowhere")


def unread():
    p = ramp("u1", 0, 255)
    for uid, word in (("1.2.840.10008.1.2.4.201", "High-Throughput"),
                      ("1.2.840.10008.1.2.4.102", "video"),
                      ("1.2.840.10008.1.2.4.92", "Multi-component")):
        made = [relabelled(f, uid) for f in files(p)]
        refused(word + " is refused by name", made, "unsupported_syntax", word)

    refused("packed bits are refused by name",
            files(p, BitsAllocated=1, BitsStored=1, HighBit=0),
            "unsupported_bits")
    refused("a mosaic is refused by name",
            files(p, ImageType=["ORIGINAL", "PRIMARY", "M", "MOSAIC"]),
            "mosaic")


formats()
padding()
tables()
colours()
coded()
many()
divided()
nuclear()
unplaced()
grouped()
planted()
unread()
finish()
