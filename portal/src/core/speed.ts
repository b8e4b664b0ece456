const WINDOW_MS = 3000;

/** Bytes per second over a sliding window. */
export class Speed {
    private points: Array<{ time: number; bytes: number }> = [];

    add(time_ms: number, bytes: number): number {
        this.points.push({ time: time_ms, bytes });
        while (this.points.length > 2 && time_ms - this.points[0]!.time > WINDOW_MS) {
            this.points.shift();
        }
        const first = this.points[0]!;
        const seconds = (time_ms - first.time) / 1000;
        return seconds > 0 ? (bytes - first.bytes) / seconds : 0;
    }
}
