"""White tissue under a white sky: whatever the renderer, every pixel is 1."""

import json
import os

import numpy as np

import ours
import scene

SIZE = 128
# Enough that three standard errors are 0.1 % or less: a tracked path of matte
# tissue weighs 1 until it ends and has no noise here, the shadows of Woodcock's
# are all or nothing. What 2012 is off is seen at once.
SAMPLES = {"production": 32, "unbiased": 128, "woodcock": 768, "er2012": 16}
EDGE = 40  # voxels, 1 mm each

SHADINGS = {
    "phase": {"mode": "phase", "g": 0},
    "phase g 0.7": {"mode": "phase", "g": 0.7},
    "matte surface": {"mode": "brdf"},
    "matte hybrid": {"mode": "hybrid"},
    "glossy surface": {"mode": "brdf"},
}
GLOSSY = ("glossy surface",)


def errors(folder, modes):
    """{mode, shading: (error, its standard error)}: the mean over a picture that
    a soft ball fills, less 1. A glossy layer may keep light, never add any: of
    it only what is above 1 counts."""
    os.makedirs(folder, exist_ok=True)
    volume = os.path.join(folder, "ball.nrrd")
    scene.write_nrrd(volume, _ball(), 1.0)

    found = {}
    for name, shading in SHADINGS.items():
        settings = os.path.join(folder, name.replace(" ", "-") + ".json")
        with open(settings, "w") as f:
            json.dump(_settings(shading, name in GLOSSY), f)
        for mode in modes:
            samples = SAMPLES[mode]
            films, _, _ = ours.render(volume, settings, SIZE, samples, mode=mode)
            pixels = films[samples][:, :, 0]
            error = pixels.mean() - 1
            found[mode, name] = (max(error, 0) if name in GLOSSY else error,
                                 pixels.std() / SIZE)
    return found


def _ball():
    at = np.arange(EDGE) - (EDGE - 1) / 2
    z, y, x = np.meshgrid(at, at, at, indexing="ij")
    r = np.sqrt(x * x + y * y + z * z)
    return np.round(65535 * np.clip((18 - r) / 6, 0, 1)).astype("<u2")


def _settings(shading, glossy):
    """Some three mean free paths across: after 32 bounces next to nothing is
    left inside."""
    point = {"color": [1, 1, 1], "specular": [1, 1, 1] if glossy else [0, 0, 0],
             "roughness": 0.4 if glossy else 1, "emission": [0, 0, 0]}
    white = [1, 1, 1]
    return {
        "camera": {"position": [30, -90, 40], "target": [0, 0, 0], "up": [0, 0, 1],
                   "fov_deg": 8, "aperture_mm": 0, "focus_mm": 0,
                   "projection": "orthographic"},
        "clip": {"box": {"min": [-100] * 3, "max": [100] * 3}, "planes": []},
        "transfer": {"interpolation": "linear", "density_scale": 0.1,
                     "points": [{"value": 0, "opacity": 0, **point},
                                {"value": 65535, "opacity": 1, **point}]},
        "shading": {"g": 0, "gradient_factor": 10, "max_bounces": 32, **shading},
        "lights": [],
        "environment": {"top": white, "middle": white, "bottom": white,
                        "intensity": 1},
        "background": {"mode": "environment", "color": [0, 0, 0]},
    }
