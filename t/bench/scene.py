"""The benchmark's scene: described once, for every renderer.

A description is a dict in world units, the longest edge of the volume being 1
and its centre 0: extinction is density_scale * opacity(v) a unit, albedo rgb(v),
v in 0..1 of the 16-bit voxels; radiances are linear. What lies outside of the
volume has the value 0.
"""

import json
import os

import numpy as np

# Where no other description is given: our own phantom.
PHANTOM = {
    "size": [512, 512],
    "camera": {"from": [0.7, 1.8, 0.4], "target": [0, 0, 0], "up": [0, 0, 1],
               "fov_y_deg": 28},
    "light": {"theta_deg": 40, "phi_deg": 45, "distance": 2, "width": 0.6,
              "height": 0.6, "radiance": [60, 57, 51]},
    "env": {"radiance": [0.6, 0.7, 0.9]},
    "density_scale": 400,
    "tf": [
        {"v": 0.00, "opacity": 0.00, "rgb": [0.80, 0.55, 0.45]},
        {"v": 0.20, "opacity": 0.00, "rgb": [0.80, 0.55, 0.45]},
        {"v": 0.26, "opacity": 0.02, "rgb": [0.85, 0.60, 0.50]},
        {"v": 0.33, "opacity": 0.30, "rgb": [0.92, 0.85, 0.75]},
        {"v": 0.40, "opacity": 1.00, "rgb": [0.95, 0.92, 0.88]},
        {"v": 1.00, "opacity": 1.00, "rgb": [0.95, 0.93, 0.90]},
    ],
}


def phantom(n=192):
    """Voxels [z][y][x]: a skull of two layers with orbits, skin around it."""
    at = (np.arange(n, dtype=np.float32) + 0.5) / n * 2 - 1
    z, y, x = np.meshgrid(at, at, at, indexing="ij")
    wave = 0.015 * np.sin(11 * x + 4 * z) * np.cos(8 * y - 5 * z)
    r = np.sqrt((x / 0.7) ** 2 + (y / 0.85) ** 2 + (z / 0.9) ** 2) + wave

    v = np.zeros_like(r)
    v[r < 1] = 0.25
    v[(r > 0.8) & (r < 0.9)] = 0.55
    v[(r > 0.83) & (r < 0.87)] = 0.38
    for side in (-1, 1):
        eye = np.sqrt((x - 0.28 * side) ** 2 + (y - 0.75) ** 2 + (z - 0.1) ** 2)
        v[eye < 0.17] = 0.22

    for axis in range(3):  # edges as soft as a scanner's
        v = (np.roll(v, 1, axis) + 2 * v + np.roll(v, -1, axis)) / 4
    v += np.random.default_rng(1).normal(0, 0.004, v.shape).astype(np.float32) * (v > 0.1)
    return np.round(np.clip(v, 0, 1) * 65535).astype("<u2")


class Scene:
    """Files of our renderer for a description, in a folder."""

    def __init__(self, description, voxels, spacing_mm, folder):
        self.size = description["size"][0]
        self.volume = os.path.join(folder, "volume.nrrd")
        self._settings = os.path.join(folder, "settings-%d.json")
        self.unit_mm = max(voxels.shape) * spacing_mm

        os.makedirs(folder, exist_ok=True)
        # Our volumes end at their faces; in the description they fade to 0.
        write_nrrd(self.volume, np.pad(voxels, 1), spacing_mm)
        for bounces in (0, 8):
            with open(self.settings(bounces), "w") as f:
                json.dump(_settings(description, self.unit_mm, bounces), f)

    def settings(self, bounces):
        """Path of the settings with so many further bounces: 0 or 8."""
        return self._settings % bounces


def write_nrrd(path, voxels, spacing_mm):
    """Cubic voxels about the origin; [z][y][x] along patient z, y, x."""
    sizes = voxels.shape[::-1]
    origin = [-(n - 1) / 2 * spacing_mm for n in sizes]
    header = ("NRRD0004\ntype: uint16\ndimension: 3\n"
              "space: left-posterior-superior\nsizes: %d %d %d\n"
              "space directions: (%r,0,0) (0,%r,0) (0,0,%r)\n"
              "space origin: (%r,%r,%r)\nendian: little\nencoding: raw\n\n"
              % (*sizes, *[spacing_mm] * 3, *origin))
    with open(path, "wb") as f:
        f.write(header.encode() + voxels.astype("<u2").tobytes())


def _settings(d, unit_mm, bounces):
    camera, light = d["camera"], d["light"]
    sky = _colour_and_intensity(d["env"]["radiance"])
    lamp = _colour_and_intensity(light["radiance"])

    return {
        "camera": {"position": [x * unit_mm for x in camera["from"]],
                   "target": [x * unit_mm for x in camera["target"]],
                   "up": camera["up"], "fov_deg": camera["fov_y_deg"],
                   "aperture_mm": 0, "focus_mm": 0, "projection": "perspective"},
        "clip": {"box": {"min": [-2 * unit_mm] * 3, "max": [2 * unit_mm] * 3},
                 "planes": []},
        "transfer": {"interpolation": "linear",
                     "density_scale": d["density_scale"] / unit_mm,
                     "points": _points(d["tf"])},
        "shading": {"mode": "phase", "g": 0, "gradient_factor": 1,
                    "max_bounces": bounces},
        # Theta counts from +y, our longitude from the patient's front, -y.
        "lights": [{"kind": "area", "longitude_deg": 180 - light["theta_deg"],
                    "latitude_deg": light["phi_deg"],
                    "distance_mm": light["distance"] * unit_mm,
                    "width_mm": light["width"] * unit_mm,
                    "height_mm": light["height"] * unit_mm,
                    "color": lamp[0], "intensity": lamp[1],
                    "visible": True, "follow_camera": False}],
        "environment": {"top": sky[0], "middle": sky[0], "bottom": sky[0],
                        "intensity": sky[1]},
        "background": {"mode": "environment", "color": [0, 0, 0]},
    }


def _points(tf):
    """Ours are sRGB between points and theirs linear: more points, where they
    are seen, until the difference is too small to matter."""
    at = [p["v"] for p in tf]
    first = max((p["v"] for p in tf if p["opacity"] == 0), default=at[0])
    last = min((p["v"] for p in tf if p["opacity"] == 1), default=at[-1])
    fine = sorted({*at, *np.linspace(first, last, 40).round(6)})

    def between(v, values):
        return float(np.interp(v, at, values))

    return [{"value": v * 65535,
             "opacity": between(v, [p["opacity"] for p in tf]),
             "color": [_srgb(between(v, [p["rgb"][c] for p in tf])) for c in range(3)],
             "specular": [0, 0, 0], "roughness": 1, "emission": [0, 0, 0]}
            for v in fine]


def _colour_and_intensity(radiance):
    most = max(radiance)
    return [_srgb(r / most) for r in radiance], most


def _srgb(linear):
    return 12.92 * linear if linear <= 0.0031308 else 1.055 * linear ** (1 / 2.4) - 0.055
