"""Pictures as arrays [height][width][3] of linear radiance, and their errors."""

import math
import struct
import zlib

import numpy as np


def read(path, size):
    """A .pfm, .npy or raw float32 (.f32) picture; size: pixels an edge."""
    if path.endswith(".npy"):
        return np.load(path).astype(np.float64)

    if path.endswith(".f32"):
        return np.fromfile(path, "<f4").reshape(size, size, 3).astype(np.float64)

    with open(path, "rb") as f:
        assert f.readline() == b"PF\n", path
        width, height = map(int, f.readline().split())
        f.readline()
        rows = np.frombuffer(f.read(), "<f4").reshape(height, width, 3)
    return rows[::-1].astype(np.float64)  # a .pfm starts at the bottom


class Reference:
    """The mean of independent converged pictures, and how noisy it still is."""

    def __init__(self, pictures):
        n = len(pictures)
        self.picture = np.mean(pictures, 0)
        # Of the mean of n: their scatter about it is (n - 1) / n of one's noise.
        self.noise = (sum(((p - self.picture) ** 2).mean() for p in pictures)
                      / (n * (n - 1)))

    def mse(self, picture):
        """Mean square error, the reference's own noise taken off."""
        return ((picture - self.picture) ** 2).mean() - self.noise

    def bias(self, pictures):
        """Relative error of the mean radiance, and its standard error."""
        mean = self.picture.mean()
        k = len(pictures)
        noise = self.noise
        if k > 1:
            noise += (sum(((p - np.mean(pictures, 0)) ** 2).mean()
                          for p in pictures) / (k * (k - 1)))
        # Channels of a pixel share a path: a third as many independent values.
        error = math.sqrt(noise / (self.picture.size / 3)) / mean
        return np.mean(pictures) / mean - 1, error


def shown(picture):
    """8-bit display values: an exposure curve and a gamma of 2.2."""
    light = 1 - np.exp(-1.2 * np.maximum(picture, 0))
    return np.round(255 * light ** (1 / 2.2)).astype(np.uint8)


def write_png(path, rgb):
    """rgb: uint8 [height][width][3]."""
    height, width, _ = rgb.shape
    rows = np.concatenate([np.zeros((height, 1), np.uint8),
                           rgb.reshape(height, width * 3)], 1)

    def chunk(name, data):
        body = name + data
        return (struct.pack(">I", len(data)) + body
                + struct.pack(">I", zlib.crc32(body)))

    with open(path, "wb") as f:
        f.write(b"\x89PNG\r\n\x1a\n"
                + chunk(b"IHDR", struct.pack(">2I5B", width, height, 8, 2, 0, 0, 0))
                + chunk(b"IDAT", zlib.compress(rows.tobytes(), 6))
                + chunk(b"IEND", b""))
