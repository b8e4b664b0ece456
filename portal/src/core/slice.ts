/*
 * The plane of a slice, in patient space (mm, LPS), and how hands move it. All
 * functions return what changed.
 */

import { ranges, type Settings } from '../generated/settings';
import type { Vec } from './camera';

export type Slice = Settings['technique']['slice'];
export type Plane = 'axial' | 'coronal' | 'sagittal';

/* As radiologists look: from the feet, from the front, from the left. */
const PLANES: Record<Plane, Pick<Slice, 'normal' | 'up'>> = {
    axial: { normal: [0, 0, -1], up: [0, -1, 0] },
    coronal: { normal: [0, -1, 0], up: [0, 0, 1] },
    sagittal: { normal: [1, 0, 0], up: [0, 0, 1] },
};

const along = (a: Vec, b: Vec, s: number): Vec => [
    a[0] + s * b[0],
    a[1] + s * b[1],
    a[2] + s * b[2],
];
const dot = (a: Vec, b: Vec) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const cross = (a: Vec, b: Vec): Vec => [
    a[1] * b[2] - a[2] * b[1],
    a[2] * b[0] - a[0] * b[2],
    a[0] * b[1] - a[1] * b[0],
];
const unit = (a: Vec) => along([0, 0, 0], a, 1 / Math.sqrt(dot(a, a)));

export function turnTo(plane: Plane): Pick<Slice, 'normal' | 'up'> {
    return PLANES[plane];
}

/** Which of the three it is; null: another one. */
export function planeOf({ normal }: Slice): Plane | null {
    const n = unit(normal);
    const names = Object.keys(PLANES) as Plane[];
    return names.find((p) => Math.abs(dot(PLANES[p].normal, n)) > 0.9999) ?? null;
}

/** Moves what is seen by fractions of the picture's shorter edge. */
export function panSlice(slice: Slice, dx: number, dy: number): Pick<Slice, 'point'> {
    const normal = unit(slice.normal);
    const right = unit(cross(slice.up, normal));
    const up = cross(normal, right);
    const moved = along(slice.point, right, -dx * slice.width_mm);
    return { point: along(moved, up, dy * slice.width_mm) };
}

/** Comes closer by factor > 1. */
export function zoomSlice(slice: Slice, factor: number): Pick<Slice, 'width_mm'> {
    const { min, max } = ranges['technique.slice.width_mm'];
    return { width_mm: Math.min(max, Math.max(min, slice.width_mm / factor)) };
}

/** How far along its normal the plane can be and is, mm, with the box's ends. */
export function depthOf(
    slice: Slice,
    low: Vec,
    high: Vec,
): { at: number; min: number; max: number } {
    const n = unit(slice.normal);
    const middle = dot(n, along(low, along(high, low, -1), 0.5));
    const reach = n.reduce((sum, c, i) => sum + Math.abs(c) * (high[i]! - low[i]!), 0) / 2;
    return { at: dot(n, slice.point), min: middle - reach, max: middle + reach };
}

/** Moves the plane along its normal, no farther than the box. */
export function moveSlice(slice: Slice, by_mm: number, low: Vec, high: Vec): Pick<Slice, 'point'> {
    const { at, min, max } = depthOf(slice, low, high);
    const to = Math.min(max, Math.max(min, at + by_mm));
    return { point: along(slice.point, unit(slice.normal), to - at) };
}
