/*
 * Editing the transfer function's points, and the curve that the renderer will
 * draw through them (the same as lib/curve.c).
 */

import type { Settings } from '../generated/settings';

export type Transfer = Settings['transfer'];
export type TransferPoint = Transfer['points'][number];

export const POINTS_MAX = 64;
const POINTS_MIN = 2;

/** Smallest distance of two points, as a part of the range shown. */
const GAP = 1e-3;

const clamp = (x: number, low: number, high: number) => Math.min(high, Math.max(low, x));

/**
 * Moves a point; it stays between its neighbours and within [low, high].
 * Returns the new points.
 */
export function movePoint(
    points: TransferPoint[],
    index: number,
    value: number,
    opacity: number,
    [low, high]: [number, number],
): TransferPoint[] {
    const gap = (high - low) * GAP;
    const left = index > 0 ? points[index - 1]!.value + gap : low;
    const right = index + 1 < points.length ? points[index + 1]!.value - gap : high;
    return points.map((p, i) =>
        i === index
            ? {
                  ...p,
                  value: left < right ? clamp(value, left, right) : p.value,
                  opacity: clamp(opacity, 0, 1),
              }
            : p,
    );
}

/**
 * Adds a point that has the looks of the curve at value. Returns the new
 * points and its index, or null when there is no room.
 */
export function addPoint(
    points: TransferPoint[],
    value: number,
    opacity: number,
    [low, high]: [number, number],
): { points: TransferPoint[]; index: number } | null {
    const gap = (high - low) * GAP;
    const full = points.length >= POINTS_MAX;
    if (full || points.some((p) => Math.abs(p.value - value) < gap)) {
        return null;
    }
    const next = points.findIndex((p) => p.value > value);
    const index = next === -1 ? points.length : next;
    const a = points[Math.max(0, index - 1)]!;
    const b = points[Math.min(points.length - 1, index)]!;
    const t = b.value > a.value ? clamp((value - a.value) / (b.value - a.value), 0, 1) : 0;
    const mix = (x: number, y: number) => x + t * (y - x);
    const mix3 = (x: number[], y: number[]): [number, number, number] => [
        mix(x[0]!, y[0]!),
        mix(x[1]!, y[1]!),
        mix(x[2]!, y[2]!),
    ];
    const point: TransferPoint = {
        value,
        opacity: clamp(opacity, 0, 1),
        color: mix3(a.color, b.color),
        specular: mix3(a.specular, b.specular),
        roughness: mix(a.roughness, b.roughness),
        emission: mix3(a.emission, b.emission),
    };
    return { points: points.toSpliced(index, 0, point), index };
}

/** Two points always stay. */
export function removePoint(points: TransferPoint[], index: number): TransferPoint[] {
    return points.length > POINTS_MIN ? points.toSpliced(index, 1) : points;
}

export function paintPoint(
    points: TransferPoint[],
    index: number,
    color: [number, number, number],
): TransferPoint[] {
    return points.map((p, i) => (i === index ? { ...p, color } : p));
}

/** Value to opacity: monotone cubic (Fritsch and Carlson, 1980), or linear. */
export function opacityCurve(transfer: Transfer): (value: number) => number {
    const x = transfer.points.map((p) => p.value);
    const y = transfer.points.map((p) => p.opacity);
    const m = slopes(x, y);
    const last = x.length - 1;
    return (value) => {
        if (!(value > x[0]!)) {
            return y[0]!;
        }
        if (value >= x[last]!) {
            return y[last]!;
        }
        const high = x.findIndex((v) => v > value);
        const low = high - 1;
        const h = x[high]! - x[low]!;
        const t = (value - x[low]!) / h;
        if (transfer.interpolation === 'linear') {
            return y[low]! + t * (y[high]! - y[low]!);
        }
        const s = 1 - t;
        return (
            s * s * (1 + 2 * t) * y[low]! +
            t * t * (1 + 2 * s) * y[high]! +
            h * s * t * (s * m[low]! - t * m[high]!)
        );
    };
}

function slopes(x: number[], y: number[]): number[] {
    const n = x.length;
    const h = x.slice(1).map((v, i) => v - x[i]!);
    const d = h.map((step, i) => (y[i + 1]! - y[i]!) / step);
    if (n === 2) {
        return [d[0]!, d[0]!];
    }
    return x.map((_, i) => {
        if (i === 0) {
            return endSlope(h[0]!, h[1]!, d[0]!, d[1]!);
        }
        if (i === n - 1) {
            return endSlope(h[n - 2]!, h[n - 3]!, d[n - 2]!, d[n - 3]!);
        }
        if (d[i - 1]! * d[i]! <= 0) {
            return 0;
        }
        const w0 = 2 * h[i]! + h[i - 1]!;
        const w1 = h[i]! + 2 * h[i - 1]!;
        return (w0 + w1) / (w0 / d[i - 1]! + w1 / d[i]!);
    });
}

function endSlope(h0: number, h1: number, d0: number, d1: number): number {
    const s = ((2 * h0 + h1) * d0 - h0 * d1) / (h0 + h1);
    if (s * d0 <= 0) {
        return 0;
    }
    return d0 * d1 <= 0 && Math.abs(s) > 3 * Math.abs(d0) ? 3 * d0 : s;
}

/** sRGB 0..1 to "#rrggbb". */
export function toHex(color: readonly number[]): string {
    return `#${color
        .map((c) =>
            Math.round(clamp(c, 0, 1) * 255)
                .toString(16)
                .padStart(2, '0'),
        )
        .join('')}`;
}

export function fromHex(hex: string): [number, number, number] {
    const n = Number.parseInt(hex.slice(1), 16);
    return [(n >> 16) / 255, ((n >> 8) & 255) / 255, (n & 255) / 255];
}
