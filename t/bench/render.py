"""The renderer against its goals and its peers, in one run on this machine.

usage: scripts/bench render [--seeds N] [--only G1,G7] [--fresh-peers]

EXPO_PEERS names a folder with the peers' scripts, their scene and converged
pictures of it; without it a phantom is rendered and compared with a reference
of our own, and only peers that we have ourselves take part. Prints a table and
one line of JSON; pictures side by side are left in build/bench.
"""

import argparse
import functools
import hashlib
import json
import os
import sys
import textwrap

import numpy as np

import furnace
import goals
import ours
import pictures
import scene
from peers import Missing, Peers

FOLDER = "build/bench"
REFERENCES = 4
REFERENCE_SAMPLES = {0: 192, 8: 48}  # by further bounces; each of REFERENCES


class Bench:
    """What the goals are measured with."""

    def __init__(self, seeds, fresh_peers):
        self.folder, self.say = FOLDER, say
        self.no_peers = None  # or why
        self.peers = None
        try:
            if not os.environ.get("EXPO_PEERS"):
                raise Missing("EXPO_PEERS is not set")
            peers = Peers(os.environ["EXPO_PEERS"], FOLDER + "/peers", seeds, say,
                          fresh_peers)
            self.scene = scene.Scene(peers.description(), *peers.volume(),
                                     FOLDER + "/scene")
            self.peers = peers
        except Missing as e:
            self.no_peers = str(e)
            self.scene = scene.Scene(scene.PHANTOM, scene.phantom(), 1.0,
                                     FOLDER + "/phantom")

        self.ours = ours.Measured(self.scene, self.reference, seeds, say)

    @functools.cache
    def reference(self, bounces):
        """Converged; made or read once a goal asks for it."""
        if self.peers:
            return self.peers.reference(bounces, self.scene.size)
        return pictures.Reference([self._reference_picture(bounces, 100 + i)
                                   for i in range(REFERENCES)])

    def _reference_picture(self, bounces, seed):
        """Unbiased; kept until volume or settings change."""
        samples = REFERENCE_SAMPLES[bounces]
        h = hashlib.sha256(b"%d" % samples)
        for path in self.scene.volume, self.scene.settings(bounces):
            with open(path, "rb") as f:
                h.update(f.read())
        kept = "%s/phantom/reference_%d_%d_%s.npy" % (FOLDER, bounces, seed,
                                                      h.hexdigest()[:16])
        if not os.path.exists(kept):
            say("reference, %d further bounces, seed %d (minutes; kept for later runs)"
                % (bounces, seed))
            films, _, _ = ours.render(self.scene.volume, self.scene.settings(bounces),
                                      self.scene.size, samples, seed, "unbiased")
            np.save(kept, films[samples].astype(np.float32))
        return np.load(kept).astype(np.float64)

    def cycles(self, bounces):
        return self._need_peers().cycles(bounces, self.reference(bounces))

    def cycles_bias(self):
        return self.reference(0).bias(self.peers.films[0, 16])[0]

    def vtk(self):
        return self._need_peers().vtk()

    def _need_peers(self):
        if not self.peers:
            raise Missing(self.no_peers)
        return self.peers

    def bias(self, mode, bounces, samples):
        """(relative, standard error) of the mean radiance over all seeds."""
        return self.reference(bounces).bias(
            self.ours.films[mode, bounces, False][samples])

    def exact_modes(self):
        """Those that promise to keep energy."""
        return ["production", "unbiased", "woodcock"]

    def furnace_2012(self):
        """What the 2012 estimator makes of the furnace, in words."""
        found = furnace.errors(self.folder + "/furnace", ["er2012"])
        return "2012, which scatters once: " + ", ".join("%s %+.0f %%" % (shading, 100 * error)
                                    for (_, shading), (error, _) in found.items())

    def paths_per_second(self, device):
        """Wall time. Refused where there is no such device."""
        for samples in (1, 64):  # the first says where it runs
            _, line, _ = ours.render(self.scene.volume, self.scene.settings(0),
                                     self.scene.size, samples, device=device)
            if not line["device"].startswith(device.split(":")[0]):
                raise ours.Refused("no %s here" % device)
        return line["paths_per_second"]


def say(text):
    print("  ...", text, file=sys.stderr, flush=True)


def table(rows):
    """Columns as wide as their widest cell, long ones in several lines."""
    widths = (6, 34, 7, 38, 38, 6)
    head = ("goal", "what", "target", "measured", "peer", "")
    for row in (head, *rows):
        cells = [textwrap.wrap(text, w) or [""] for text, w in zip(row, widths)]
        for i in range(max(map(len, cells))):
            print("  ".join((c[i] if i < len(c) else "").ljust(w)
                            for c, w in zip(cells, widths)).rstrip())


def curves(bench):
    """{name: [[samples, CPU seconds, MSE], ...]} of all that was rendered."""
    named = {"%s, %d bounces%s" % (mode, bounces, ", filtered" if filtered else ""): curve
             for (mode, bounces, filtered), curve in bench.ours.curves.items()}
    if bench.peers:
        named.update(("Cycles, %d bounces" % bounces, curve)
                     for bounces, curve in bench.peers.curves.items())
    return {name: [[p.samples, round(p.cpu, 4), float("%.4g" % p.mse)]
                   for p in curve.points] for name, curve in named.items()}


def beside(bench, bounces):
    """A PNG a peer; rows of its picture, ours after no more CPU time, and the
    converged one."""
    films = bench.ours.films.get(("production", bounces, False))
    if not films:
        return
    curve = bench.ours.curves["production", bounces, False]
    converged = pictures.shown(bench.reference(bounces).picture)
    rows, told = {}, {}
    for name, samples, cpu, picture in _peer_pictures(bench, bounces):
        fit = [p for p in curve.points if p.cpu <= cpu]
        if fit:
            own = pictures.shown(films[fit[-1].samples][0])
            rows.setdefault(name, []).append(
                np.concatenate([pictures.shown(picture), own, converged], 1))
            told.setdefault(name, []).append(
                "%d samples, %.1f s | ours %d, %.1f s"
                % (samples, cpu, fit[-1].samples, fit[-1].cpu))
    for name in rows:
        path = "%s/beside-%s-%d.png" % (FOLDER, name.lower(), bounces)
        pictures.write_png(path, np.concatenate(rows[name], 0))
        print("%s, %d further bounces, from the top: %s | converged"
              % (path, bounces, "; ".join(told[name])))


def _peer_pictures(bench, bounces):
    """(name, samples, CPU seconds, picture) of what has been measured."""
    if bench.peers:
        curve = bench.peers.curves.get(bounces)
        for p in curve.points if curve else ():
            yield ("Cycles", p.samples, p.cpu,
                   bench.peers.films[bounces, p.samples][0])
    for mode, name in ("er2012", "2012"), ("woodcock", "Woodcock"):
        curve = bench.ours.curves.get((mode, bounces, False))
        for p in curve.points if curve else ():
            yield (name, p.samples, p.cpu,
                   bench.ours.films[mode, bounces, False][p.samples][0])


def machine():
    with open("/proc/cpuinfo") as f:
        flags = next((line for line in f if line.startswith("flags")), "").split()
    return "%d cores%s" % (os.cpu_count(), ", AVX2" if "avx2" in flags else "")


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench render")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", default="", help="goals, such as G1,G7")
    parser.add_argument("--fresh-peers", action="store_true",
                        help="run Cycles again")
    args = parser.parse_args()

    load = os.getloadavg()[0]
    bench = Bench(args.seeds, args.fresh_peers)
    rows, record = [], {}
    for name, what, target, result in goals.measure(bench, args.only):
        met = {None: "-", True: "met", False: "missed"}[result.met]
        rows.append((name, what, target, result.measured, result.peer, met))
        record[name] = {"value": None if result.value is None else float(result.value),
                        "met": None if result.met is None else bool(result.met),
                        "measured": result.measured, "peer": result.peer}

    print("%s; load %.1f before, %.1f after; CPU seconds, median of %d seeds"
          % (machine(), load, os.getloadavg()[0], args.seeds))
    print("scene: " + (os.path.join(os.environ["EXPO_PEERS"], "scene.json")
                       if bench.peers else "our phantom; peers: %s" % bench.no_peers))
    if bench.peers and bench.peers.cycles_age_s:
        print("Cycles was measured %.1f hours ago on this machine (--fresh-peers)"
              % (bench.peers.cycles_age_s / 3600))
    table(rows)
    print("~: beyond the measured points, by their last slope.")
    for bounces in (0, 8):
        beside(bench, bounces)
    print(json.dumps({"bench": "render", "machine": machine(), "seeds": args.seeds,
                      "load": load, "goals": record, "curves": curves(bench)}))


main()
