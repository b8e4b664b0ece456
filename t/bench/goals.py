"""The renderer's goals: what each is, what counts as met, how it is measured."""

from collections import namedtuple

import film
import furnace
from ours import Refused
from peers import Missing

# measured, peer: text. value: a number for the line of JSON. met: None where
# nothing was measured; then measured says why.
Result = namedtuple("Result", "measured peer value met")

SINGLE = (1, 2, 4, 8, 16, 32, 64)
FURTHER = (1, 2, 4, 8, 16)
FILTERED = (1, 2, 4, 8)
FEW = (4,)  # asked for alone
# Samples of ours at whose CPU time errors are compared, plain and filtered.
EQUAL, EQUAL_FILTERED = 16, 4


def measure(bench, only):
    """Yields (goal, what, target, Result). only: names with commas; empty: all."""
    for name, what, target, run in GOALS:
        if only and name not in only.split(","):
            continue
        try:
            yield name, what, target, run(bench)
        except (Missing, Refused) as e:
            yield name, what, target, Result(str(e), "", None, None)


def _single(bench):
    return bench.ours.curve(SINGLE)


def _filtered(bench):
    return bench.ours.curve(FILTERED, filtered=True)


def _to_their_error(bench, ours, target):
    theirs = bench.cycles(0).at(16)
    seconds, inside = ours.cpu_for(theirs.mse)
    ratio = theirs.cpu / seconds
    return Result("%s in %.2f s" % (_times(ratio, inside), seconds),
                  "Cycles %.1f s to RMSE %.4f" % (theirs.cpu, theirs.mse ** 0.5),
                  ratio, ratio >= target)


def g1(bench):
    return _to_their_error(bench, bench.ours.curve(FEW, alone=True), 30)


def g2(bench):
    return _to_their_error(bench, _filtered(bench), 80)


def _equal_time(ours, theirs, name, target, samples=EQUAL):
    """Their error over ours, in the CPU time of our picture of so many samples."""
    own = ours.at(samples)
    mse, inside = theirs.mse_after(own.cpu)
    ratio = mse / own.mse
    return Result("%s after %.1f s" % (_times(ratio, inside), own.cpu),
                  "%s RMSE %.4f, ours %.4f" % (name, mse ** 0.5, own.mse ** 0.5),
                  ratio, ratio >= target)


def g3(bench):
    return _equal_time(bench.ours.curve(FURTHER, bounces=8), bench.cycles(8),
                       "Cycles", 12)


def g4(bench):
    return _equal_time(_single(bench), bench.ours.curve((4, 16, 80), "er2012"),
                       "2012", 16)


def g5(bench):
    return _equal_time(_filtered(bench),
                       bench.ours.curve((4, 8, 16, 32), "er2012", filtered=True),
                       "2012", 16, EQUAL_FILTERED)


def g6(bench):
    return _equal_time(_single(bench), bench.ours.curve((1, 4, 16), "woodcock"),
                       "Woodcock", 80)


def g7(bench):
    ours, theirs = _single(bench).at(1).cpu, bench.vtk()
    return Result("%.1fx, %.3f s" % (theirs / ours, ours), "VTK %.3f s" % theirs,
                  theirs / ours, theirs / ours >= 6)


def g8(bench):
    _single(bench)
    bench.ours.curve(FURTHER, bounces=8)
    bias, error = bench.bias("production", 0, SINGLE[-1])
    further, further_error = bench.bias("production", 8, FURTHER[-1])
    peers = []
    for name, mode, samples in ("2012", "er2012", 80), ("Woodcock", "woodcock", 16):
        if bench.ours.films.get((mode, 0, False)):
            peers.append("%s %+.2f %%" % (name, 100 * bench.bias(mode, 0, samples)[0]))
    if bench.peers:
        bench.cycles(0)
        peers.insert(0, "Cycles %+.2f %%" % (100 * bench.cycles_bias()))
    return Result("%+.3f ± %.3f %%, 8 bounces %+.3f ± %.3f %%"
                  % tuple(100 * x for x in (bias, error, further, further_error)),
                  ", ".join(peers), 100 * bias, max(abs(bias), abs(further)) <= 0.001)


def g9(bench):
    ours = _single(bench)
    slopes = ours.slope(4, 16), ours.slope(16, 64)
    return Result("%.2f, %.2f" % slopes, "random numbers -1", max(slopes),
                  max(slopes) <= -1.3)


def g10(bench):
    found = film.measure(bench.scene, "first")
    ms, text = found["median_ms"], ""
    met = ms <= 250
    if bench.peers:
        theirs = bench.peers.cycles_first_cpu()
        ratio = 1000 * theirs / found["median_cpu_ms"]
        text = "Cycles %.1f CPU s, %.0fx" % (theirs, ratio)
        met = met and ratio >= 20
    return Result("%.0f ms, %.0f of CPU; film %dx%d"
                  % (ms, found["median_cpu_ms"], *found["film"]), text, ms, met)


def g11(bench):
    found = film.measure(bench.scene, "edit")
    ms = found["median_cpu_ms"]
    return Result("%.2f ms of CPU, %d cells" % (ms, found["cells"]), "", ms, ms <= 2)


def g12(bench):
    found = film.measure(bench.scene, "latency")
    ms = found["p99_ms"]
    return Result("%.0f ms, %.0f of CPU; median %.0f, %.0f; film %dx%d"
                  % (ms, found["p99_cpu_ms"], found["median_ms"],
                     found["median_cpu_ms"], *found["film"]), "", ms, ms <= 80)


def g14(bench):
    found = film.measure(bench.scene, "orbit")
    return Result("%+.1f dB, to %.1f; without noise %.1f"
                  % (found["gain_db"], found["psnr_db"], found["blur_db"]),
                  "each frame alone %.1f dB; without noise %.1f"
                  % (found["alone_db"], found["alone_blur_db"]),
                  found["gain_db"], found["gain_db"] >= 3)


def g15(bench):
    gpu = bench.paths_per_second("cuda:0")
    cpu = bench.paths_per_second("cpu")
    return Result("%.0fx, %.0f M paths/s" % (gpu / cpu, gpu / 1e6),
                  "CPU %.2f M paths/s" % (cpu / 1e6), gpu / cpu, gpu / cpu >= 300)


def g16(bench):
    found = film.measure(bench.scene, "bits")
    return Result("1/%.1f at %.1f dB" % (1 / found["ratio"], found["filtered_db"]),
                  "unfiltered %.1f dB" % found["unfiltered_db"],
                  found["ratio"], found["ratio"] <= 1 / 6)


def g17(bench):
    bench.say("furnace")
    found = furnace.errors(bench.folder + "/furnace", bench.exact_modes())
    where, (worst, error) = max(found.items(), key=lambda item: abs(item[1][0]))
    told = 3 * max(e for _, e in found.values()) <= 0.001
    return Result("%+.3f ± %.3f %% at worst: %s, %s%s"
                  % (100 * worst, 100 * error, *where,
                     "" if told else "; too noisy to tell"), bench.furnace_2012(),
                  100 * abs(worst), told and abs(worst) <= 0.001)


def memory(bench):
    found = film.measure(bench.scene, "memory")
    ratio = 1 + found["beside"] / found["voxels"]
    return Result("%.3f; %.1f MB and a film of %.1f MB"
                  % (ratio, (found["voxels"] + found["beside"]) / 1e6,
                     found["film"] / 1e6), "", ratio, ratio <= 1.15)


def _times(ratio, inside):
    return "%s%.1fx" % ("" if inside else "~", ratio)


GOALS = (
    ("G1", "CPU time to Cycles' own 16-sample error", "30x", g1),
    ("G2", "the same, filtered, the filter's time counted", "80x", g2),
    ("G3", "equal-time MSE against Cycles, 8 further bounces", "12x", g3),
    ("G4", "equal-time MSE against the 2012 estimator", "16x", g4),
    ("G5", "the same, both filtered their way", "16x", g5),
    ("G6", "equal-time MSE against global Woodcock", "80x", g6),
    ("G7", "one lit, shadowed sample against VTK's frame without shadows", "6x", g7),
    ("G8", "bias of the mean radiance", "0.1 %", g8),
    ("G9", "slope of MSE over samples, 4 to 16 and 16 to 64", "-1.3", g9),
    ("G10", "volume in memory to first picture, encoded", "250 ms, 20x", g10),
    ("G11", "new transfer function to bounds of all cells", "2 ms", g11),
    ("G12", "input to its picture, encoded, 99 %", "80 ms", g12),
    ("G14", "orbit: gain from the pictures before", "3 dB", g14),
    ("G15", "GPU over CPU, paths a second", "300x", g15),
    ("G16", "bits of a moving sequence, filtered over not", "1/6", g16),
    ("G17", "furnace error, all modes but 2012", "0.1 %", g17),
    ("memory", "a session's but its film, over its voxels'", "1.15", memory),
)
