"""Runs of exposure-render, and what they took."""

import json
import os
import subprocess
import tempfile

import pictures
from curve import Curve, Point

TOOL = "build/exposure-render"


class Refused(Exception):
    """exposure-render does not do this here; the text says why."""


def render(volume, settings, size, samples, seed=1, mode="production",
           device="cpu", checkpoints=(), filtered=False):
    """({samples: picture}, the JSON line, peak memory in bytes)"""
    marks = [n for n in checkpoints if n < samples]
    with tempfile.TemporaryDirectory(prefix="exposure-") as folder:
        command = [TOOL, "--volume", volume, "--settings", settings,
                   "--size", "%dx%d" % (size, size), "--samples", str(samples),
                   "--seed", str(seed), "--mode", mode, "--device", device,
                   "--out", folder + "/out.pfm"]
        if marks:
            command += ["--checkpoints", ",".join(map(str, marks))]
        if filtered:
            command += ["--filter"]

        process = subprocess.Popen(command, stdout=subprocess.PIPE,
                                   stderr=open(folder + "/errors", "w"), text=True)
        out = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            with open(folder + "/errors") as f:
                raise Refused(f.readline().strip())

        films = {n: pictures.read(folder + "/out_%d.pfm" % n, size) for n in marks}
        films[samples] = pictures.read(folder + "/out.pfm", size)
    return films, json.loads(out.splitlines()[-1]), 1024 * usage.ru_maxrss


def cpu_seconds(line, samples):
    """Of the paths up to so many samples, from the JSON line of a run."""
    if samples == line["samples"]:
        return line["cpu_seconds"]
    return next(c["cpu_seconds"] for c in line["checkpoints"]
                if c["samples"] == samples)


class Measured:
    """Our pictures of one scene, each made once and kept."""

    def __init__(self, scene, reference, seeds, say):
        """reference: further bounces -> Reference; say: called with a line
        before each longer piece of work."""
        self.scene, self.reference = scene, reference
        self.seeds, self.say = seeds, say
        self.films = {}  # (mode, bounces, filtered): {samples: [picture a seed]}
        self.curves = {}
        self.lines = []
        self.peak_bytes = 0

    def curve(self, samples, mode="production", bounces=0, filtered=False,
              alone=False):
        """samples: counts to measure at, rising. Unfiltered counts are halts of
        one run unless each is to be made alone, as what is filtered always is."""
        alone = alone or filtered
        key = mode, bounces, filtered
        if (key, alone) not in self.curves:
            runs = [(n,) for n in samples] if alone else [samples]
            points = []
            films = {} if alone and not filtered else self.films.setdefault(key, {})
            for seed in range(1, self.seeds + 1):
                self.say("ours: %s, %d further bounces%s, seed %d"
                         % (mode, bounces, ", filtered" if filtered else "", seed))
                for run in runs:
                    points += self._run(run, mode, bounces, filtered, seed, films)
            self.curves[key, alone] = Curve(points)
        return self.curves[key, alone]

    def _run(self, samples, mode, bounces, filtered, seed, films):
        made, line, peak = render(self.scene.volume, self.scene.settings(bounces),
                                  self.scene.size, samples[-1], seed, mode,
                                  checkpoints=samples, filtered=filtered)
        self.lines.append(line)
        self.peak_bytes = max(self.peak_bytes, peak)
        after = line["filter_cpu_seconds"] if filtered else 0
        for n, picture in made.items():
            films.setdefault(n, []).append(picture)
        return [Point(n, cpu_seconds(line, n) + after,
                      self.reference(bounces).mse(picture))
                for n, picture in made.items()]
