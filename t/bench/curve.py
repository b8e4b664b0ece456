"""Error against CPU time of one renderer, measured at several sample counts."""

import math
from dataclasses import dataclass
from statistics import median


@dataclass
class Point:
    samples: int
    cpu: float  # seconds
    mse: float


class Curve:
    """Medians over seeds, rising in samples and time."""

    def __init__(self, points):
        """points: of all seeds, in any order."""
        by_samples = {}
        for p in points:
            by_samples.setdefault(p.samples, []).append(p)
        self.points = [Point(n, median(p.cpu for p in same),
                             median(p.mse for p in same))
                       for n, same in sorted(by_samples.items())]

    def at(self, samples):
        return next(p for p in self.points if p.samples == samples)

    def cpu_for(self, mse):
        """CPU seconds to an error, and whether that is no extrapolation. Less than
        the first point is not to be had: where that is better than asked, its
        time is the answer."""
        first = self.points[0]
        if first.mse <= mse:
            return first.cpu, True
        return _power_law([(p.mse, p.cpu) for p in self.points], mse)

    def mse_after(self, cpu):
        """Error after so many CPU seconds, and whether that was between points."""
        return _power_law([(p.cpu, p.mse) for p in self.points], cpu)

    def slope(self, low, high):
        """Of log error over log samples; -1 is independent random numbers."""
        a, b = self.at(low), self.at(high)
        return math.log(b.mse / a.mse) / math.log(high / low)


def _power_law(points, x):
    """y at x by straight lines in the logarithms; beyond the ends the last one
    goes on. (y, x lies between measured points)"""
    points = sorted(points)
    inside = points[0][0] <= x <= points[-1][0]
    if len(points) == 1:
        return points[0][1] * points[0][0] / x, inside

    i = next((i for i in range(1, len(points)) if x <= points[i][0]), len(points) - 1)
    (x0, y0), (x1, y1) = points[i - 1], points[i]
    t = math.log(x / x0) / math.log(x1 / x0)
    return y0 * (y1 / y0) ** t, inside
