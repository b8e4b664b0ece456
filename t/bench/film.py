"""build/t/bench/film: moving pictures, measured in one process."""

import json
import os
import subprocess

from ours import Refused

TOOL = "build/t/bench/film"


def measure(scene, what):
    """Its findings about one thing, as a dict: see t/bench/film.c."""
    if not os.path.exists(TOOL):
        raise Refused("make bench builds " + TOOL)
    done = subprocess.run([TOOL, "--volume", scene.volume,
                           "--settings", scene.settings(0), what],
                          capture_output=True, text=True)
    if done.returncode:
        raise Refused(done.stderr.strip())
    return json.loads(done.stdout)[what]
