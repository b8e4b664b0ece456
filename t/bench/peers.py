"""Cycles and VTK on the benchmark's scene, by the scripts of EXPO_PEERS.

Nothing is installed here: what a machine lacks is named and left out. Cycles
takes minutes, so its results are kept in a folder until the machine or the
scripts change.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time

import pictures
from curve import Curve, Point

CYCLES_SAMPLES = (1, 4, 16)
CRANIUM = "/usr/share/doc/invesalius-examples/examples/Cranium.inv3"
FILES = ("scene.json", "make_volume.py", "make_vdb.py", "cycles_bench.py",
         "vtk_bench.py", "reference")


class Missing(Exception):
    """Something a peer needs is not on this machine; the text names it."""


class Peers:
    def __init__(self, scripts, folder, seeds, say, fresh=False):
        """scripts: EXPO_PEERS. folder: for results, ours. fresh: forget them."""
        gone = [f for f in FILES if not os.path.exists(os.path.join(scripts, f))]
        if gone:
            raise Missing("EXPO_PEERS has no " + ", ".join(gone))

        self.scripts, self.folder = os.path.abspath(scripts), folder
        self.seeds, self.say = seeds, say
        self.cycles_age_s = 0
        self.films = {}  # (further bounces, samples): [picture a seed]
        self.curves = {}  # by further bounces
        self._vtk = None

        stamp = self._stamp()
        kept = os.path.join(folder, "stamp")
        if fresh or not os.path.exists(kept) or open(kept).read() != stamp:
            shutil.rmtree(folder, ignore_errors=True)
            os.makedirs(folder)
            with open(kept, "w") as f:
                f.write(stamp)

    def description(self):
        with open(self._script("scene.json")) as f:
            return json.load(f)

    def volume(self):
        """(voxels [z][y][x], spacing in mm)"""
        import numpy as np

        if not os.path.exists(CRANIUM):
            raise Missing("package invesalius-examples")
        head = os.path.join(self.folder, "head")
        if not os.path.exists(head + ".json"):
            self._python("make_volume.py", "--inv3", CRANIUM, "--out", head)
        with open(head + ".json") as f:
            meta = json.load(f)
        voxels = np.fromfile(head + ".raw", "<u2").reshape(meta["dims"][::-1])
        return voxels, meta["spacing_mm"][0]

    def reference(self, bounces, size):
        folder = self._script("reference")
        kind = "ref_ms_" if bounces else "ref_ss_"
        return pictures.Reference([pictures.read(os.path.join(folder, f), size)
                                   for f in sorted(os.listdir(folder))
                                   if f.startswith(kind)])

    def cycles(self, bounces, reference):
        """Its error against CPU time, scene data already in memory."""
        if bounces not in self.curves:
            points = []
            for seed in range(1, self.seeds + 1):
                for row in self._cycles_rows(bounces, seed):
                    if row.get("cold"):
                        continue
                    picture = pictures.read(
                        os.path.join(self.folder, "out", row["file"]), row["size"][0])
                    self.films.setdefault((bounces, row["spp"]), []).append(picture)
                    points.append(Point(row["spp"], row["cpu_seconds"],
                                        reference.mse(picture)))
            self.curves[bounces] = Curve(points)
        return self.curves[bounces]

    def cycles_first_cpu(self):
        """CPU seconds from a volume in memory to Cycles' first picture: the
        least of all its runs."""
        return min(row["cpu_seconds"] for seed in range(1, self.seeds + 1)
                   for row in self._cycles_rows(0, seed) if row.get("cold"))

    def vtk(self):
        """CPU seconds a shaded frame of VTK's fixed-point caster."""
        if self._vtk is None:
            self._need_program("xvfb-run", "package xvfb")
            self._need_module("vtk", "package python3-vtk9")
            self.volume()
            self.say("VTK, fixed-point caster")
            rows = [json.loads(line) for _ in range(self.seeds)
                    for line in self._rows(
                        ["xvfb-run", "-a", sys.executable, self._script("vtk_bench.py"),
                         os.path.join(self.folder, "head"), self._script("scene.json"),
                         "--mapper", "fixed", "--frames", "8"])]
            times = sorted(row["frame_cpu_s"] for row in rows)
            self._vtk = times[len(times) // 2]
        return self._vtk

    def _cycles_rows(self, bounces, seed):
        kind = "ms" if bounces else "ss"
        kept = os.path.join(self.folder, "cycles_%s_%d.jsonl" % (kind, seed))
        if not os.path.exists(kept):
            self._run_cycles(kind, bounces, seed, kept)
        else:
            self.cycles_age_s = max(self.cycles_age_s,
                                    time.time() - os.path.getmtime(kept))
        with open(kept) as f:
            return [json.loads(line.replace("-nan", "NaN")) for line in f]

    def _run_cycles(self, kind, bounces, seed, kept):
        self._need_program("blender", "package blender")
        self._need_module("pyopenvdb", "package python3-openvdb")
        self.volume()
        head = os.path.join(self.folder, "head")
        if not os.path.exists(head + ".vdb"):
            self._python("make_vdb.py", head, self._script("scene.json"), head + ".vdb")

        self.say("Cycles, %d further bounces, seed %d (minutes; kept for later runs)"
                 % (bounces, seed))
        rows = self._rows(
            ["nice", "-n", "5", "blender", "-b", "--factory-startup", "-P",
             self._script("cycles_bench.py"), "--", head + ".vdb", head + ".json",
             self._script("scene.json"), os.path.join(self.folder, "out"), "--reuse",
             "--tag", kind, "--bounces", str(bounces), "--seed", str(seed),
             "--spp", ",".join(map(str, CYCLES_SAMPLES))])
        if len(rows) != 1 + len(CYCLES_SAMPLES):
            raise Missing("Cycles stopped early")
        with open(kept + ".new", "w") as f:
            f.write("\n".join(rows) + "\n")
        os.rename(kept + ".new", kept)

    def _script(self, name):
        return os.path.join(self.scripts, name)

    def _python(self, script, *args):
        subprocess.run([sys.executable, self._script(script), *args], check=True,
                       stdout=subprocess.DEVNULL)

    @staticmethod
    def _rows(command):
        """What the peers' scripts print after "R "."""
        out = subprocess.run(command, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, text=True).stdout
        return [line[2:] for line in out.splitlines() if line.startswith("R ")]

    @staticmethod
    def _need_program(name, what):
        if shutil.which(name) is None:
            raise Missing(what)

    @staticmethod
    def _need_module(name, what):
        if subprocess.run([sys.executable, "-c", "import " + name],
                          stderr=subprocess.DEVNULL).returncode:
            raise Missing(what)

    def _stamp(self):
        """What kept results depend on: the processor, the scripts, the scene."""
        with open("/proc/cpuinfo") as f:
            cpu = next((line for line in f if line.startswith("model name")), "")
        h = hashlib.sha256(("%s %d" % (cpu, os.cpu_count())).encode())
        for name in FILES[:-1]:
            with open(self._script(name), "rb") as f:
                h.update(f.read())
        return h.hexdigest() + "\n"
