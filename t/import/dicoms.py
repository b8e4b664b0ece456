"""DICOM series for the tests, made by pydicom, GDCM and DCMTK: nothing of ours
writes them. And our volume, read back."""

import io
import os
import struct
import subprocess
import tempfile

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import (ExplicitVRBigEndian, ExplicitVRLittleEndian,
                         ImplicitVRLittleEndian)

CT = "1.2.840.10008.5.1.4.1.1.2"
ENHANCED_CT = "1.2.840.10008.5.1.4.1.1.2.1"
LEGACY_CT = "1.2.840.10008.5.1.4.1.1.2.2"
MR = "1.2.840.10008.5.1.4.1.1.4"
ENHANCED_MR = "1.2.840.10008.5.1.4.1.1.4.1"
NM = "1.2.840.10008.5.1.4.1.1.20"
SC = "1.2.840.10008.5.1.4.1.1.7"
SC_FRAMES = "1.2.840.10008.5.1.4.1.1.7.2"

STEP = 2.5
SPACING = [0.5, 0.75]  # between rows, between columns


def item(**values):
    d = Dataset()
    for name, value in values.items():
        setattr(d, name, value)
    return d


def sequence(**values):
    return Sequence([item(**values)])


def picture(pixels, k=0, **values):
    """One data set whose pixels are a numpy array [rows][cols](samples)."""
    d = item(SOPClassUID=CT, SOPInstanceUID="2.25.%d" % (1000 + k),
             SeriesInstanceUID="2.25.7", StudyInstanceUID="2.25.8",
             FrameOfReferenceUID="2.25.9", Modality="CT",
             ImageType=["ORIGINAL", "PRIMARY", "AXIAL"],
             PatientID="label", InstanceNumber=k,
             ImagePositionPatient=[-3, 4, STEP * k],
             ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
             PixelSpacing=SPACING, RescaleSlope=1, RescaleIntercept=-1000)
    stored(d, pixels)
    for name, value in values.items():
        setattr(d, name, value)
    return d


def stored(d, pixels, bits=None):
    """Sets the image pixel module by the array's type and shape."""
    bytes_each = pixels.dtype.itemsize
    d.Rows, d.Columns = pixels.shape[-3:-1] if pixels.shape[-1] == 3 \
        else pixels.shape[-2:]
    colour = pixels.shape[-1] == 3
    d.SamplesPerPixel = 3 if colour else 1
    d.PhotometricInterpretation = "RGB" if colour else "MONOCHROME2"
    if colour:
        d.PlanarConfiguration = 0
    d.BitsAllocated = 8 * bytes_each
    if pixels.dtype.kind == "f":
        setattr(d, "FloatPixelData" if bytes_each == 4
                else "DoubleFloatPixelData", pixels.tobytes())
        return
    d.BitsStored = bits or 8 * bytes_each
    d.HighBit = d.BitsStored - 1
    d.PixelRepresentation = int(pixels.dtype.kind == "i")
    raw = pixels.tobytes()
    d.PixelData = raw + b"\0" * (len(raw) % 2)


def written(d, syntax=ExplicitVRLittleEndian):
    """A file's bytes. Pixels of big-endian ones are the caller's to swap."""
    d.file_meta = FileMetaDataset()
    d.file_meta.TransferSyntaxUID = syntax
    d.file_meta.MediaStorageSOPClassUID = d.SOPClassUID
    d.file_meta.MediaStorageSOPInstanceUID = d.SOPInstanceUID
    d.is_little_endian = syntax != ExplicitVRBigEndian
    d.is_implicit_VR = syntax == ImplicitVRLittleEndian
    big = d.BitsAllocated > 8 if "PixelData" in d else False
    if "PixelData" in d:
        d["PixelData"].VR = "OW" if big or d.is_implicit_VR else "OB"
    out = io.BytesIO()
    d.save_as(out, write_like_original=False)
    return out.getvalue()


def relabelled(data, syntax):
    """The same file with another transfer syntax in its meta header."""
    meta = 144 + struct.unpack_from("<I", data, 140)[0]
    uid = syntax.encode() + b"\0" * (len(syntax) % 2)
    return (b"\0" * 128 + b"DICM\2\0\x10\0UI" + struct.pack("<H", len(uid))
            + uid + data[meta:])


def converted(data, *command):
    """What a converter makes of a file: command, then input and output."""
    with tempfile.TemporaryDirectory() as folder:
        a, b = (os.path.join(folder, n) for n in "ab")
        with open(a, "wb") as f:
            f.write(data)
        subprocess.run([*command, a, b], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with open(b, "rb") as f:
            return f.read()


def tar(files):
    """A ustar archive of files without names."""
    out = []
    for k, data in enumerate(files):
        head = bytearray(512)
        head[0:6] = b"%06d" % k
        head[100:108] = b"0000600\0"
        head[124:136] = b"%011o\0" % len(data)
        head[148:156] = b" " * 8
        head[156:157] = b"0"
        head[257:265] = b"ustar\0" + b"00"
        head[148:156] = b"%06o\0 " % sum(head)
        out += [bytes(head), data, b"\0" * (-len(data) % 512)]
    return b"".join(out) + b"\0" * 1024


class Volume:
    """dims (x, y, z), affine [3][4], values [z][y][x], unit."""

    def __init__(self, data):
        self.dims = struct.unpack_from("<3I", data, 12)
        self.affine = np.frombuffer(data, "<f8", 12, 24).reshape(3, 4)
        self.scale, self.offset = struct.unpack_from("<2d", data, 120)
        self.unit = data[144:160].rstrip(b"\0").decode()
        voxels = np.frombuffer(data, "<u2", offset=512)
        self.values = (self.offset + self.scale * voxels.astype(float)) \
            .reshape(self.dims[::-1])
