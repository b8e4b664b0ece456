/*
 * One group of pictures to a stack: lib/series_stack.c in the browser, without
 * the layers themselves, which only the server needs.
 */

import type { Picture } from './plan';
import { byTime } from './times';

export type Vector = [number, number, number];

/** Why a group is no volume. */
export type Drop = 'one_slice' | 'localizer' | 'no_geometry' | 'scattered' | 'too_large';

export type Warning =
    /** Layers are interpolated between neighbours. */
    | 'missing'
    /** Resampled to the median distance. */
    | 'irregular'
    /** Slanted, by a tilted gantry say; kept as it is. */
    | 'tilt'
    /** The same place twice: one is kept. */
    | 'duplicates'
    /** One identifier for pictures at two places. */
    | 'colliding'
    /** Placed by number and claimed distance. */
    | 'no_position'
    /** Shifted sideways against each other. */
    | 'shifted';

export interface Arranged {
    drop: Drop | null;
    warnings: Warning[];
    /** Distinct places. */
    positions: number;
    /** Pictures left out for lying where another lies. */
    duplicates: number;
    /** The picture of each place, in their order. */
    picked: number[];
    /** Layers that are not a picture of their own. */
    filled: number;
    /** Columns, rows, layers. */
    dims: Vector;
    spacing_mm: Vector;
    /** Between the stack's step and the normal. */
    tilt_deg: number;
}

const FAR_MM = 1e4;
const MM_MAX = 1e6;
const UNIT = 1e-2;
const TOLERANCE = 0.01;
const TOLERANCE_MM = 0.01;
const OFF_GRID = 0.1;
const TILT_PIXELS = 0.5;
const TILT_MAX_DEG = 45;
const STRETCH = 3;
const EDGE_MAX = 4096;
const VOXELS_MAX = 2 ** 31;

export interface Item {
    index: number;
    /** Along the normal, mm. */
    s: number;
}

export interface Frame {
    spacing_mm: [number, number];
    along: [Vector, Vector];
}

/** members: indexes into pictures, at least one. */
export function arrange(members: number[], pictures: Picture[]): Arranged {
    const first = pictures[members[0]!]!;
    const out: Arranged = {
        drop: null,
        warnings: [],
        positions: 0,
        duplicates: 0,
        picked: [],
        filled: 0,
        dims: [first.columns, first.rows, 0],
        spacing_mm: [0, 0, 0],
        tilt_deg: 0,
    };
    const frame = frameOf(first);
    const items = frame && itemsOf(members, pictures, frame);
    if (!items) {
        return { ...out, drop: 'no_geometry' };
    }
    if (!first.position) {
        out.warnings.push('no_position');
    }
    const kept = oneEach(out, items, pictures, nearOf(frame));
    out.positions = kept.length;
    space(out, kept, first.localizer);
    if (!out.drop) {
        place(out, kept, pictures, frame);
    }
    return out;
}

/** What the first header says; null when that is not enough. */
export function frameOf(first: Picture): Frame | null {
    const { spacing_mm, rows, columns, position, step_mm } = first;
    if (
        !spacing_mm?.every((s) => s > 0 && s <= FAR_MM) ||
        rows === 0 ||
        columns === 0 ||
        (!first.along && position)
    ) {
        return null;
    }
    const [row, column] = first.along ?? [
        [1, 0, 0],
        [0, 1, 0],
    ];
    const along: [Vector | null, Vector | null] = [unit(row as Vector), unit(column as Vector)];
    if (!along[0] || !along[1] || !(Math.abs(dot(along[0], along[1])) < UNIT)) {
        return null;
    }
    return position || (step_mm > 0 && step_mm < FAR_MM)
        ? { spacing_mm, along: along as [Vector, Vector] }
        : null;
}

/** Where each lies along the normal; null when one lies where nobody can. */
export function itemsOf(members: number[], pictures: Picture[], frame: Frame): Item[] | null {
    const { step_mm } = pictures[members[0]!]!;
    const normal = cross(...frame.along);
    const items = members.map((index) => {
        const { position, number } = pictures[index]!;
        return { index, s: position ? dot(position, normal) : number * step_mm };
    });
    return members.every((i) => finite(pictures[i]!.position)) ? items : null;
}

/** What is nearer lies at the same place. */
export function nearOf({ spacing_mm }: Frame): number {
    return Math.min(TOLERANCE_MM, TOLERANCE * Math.min(...spacing_mm));
}

/** The items of each place, in order of place. */
export function runs(items: Item[], near_mm: number): Item[][] {
    const sorted = [...items].sort((a, b) => a.s - b.s);
    const out: Item[][] = [];
    for (const item of sorted) {
        const run = out.at(-1);
        if (run && item.s - run[0]!.s <= near_mm) {
            run.push(item);
        } else {
            out.push([item]);
        }
    }
    return out;
}

/** The earliest picture of each place stands for it. */
function oneEach(out: Arranged, items: Item[], pictures: Picture[], near_mm: number): Item[] {
    const places = new Map<string, number>();
    let collides = false;
    for (const { index, s } of items) {
        const { instance } = pictures[index]!;
        const known = places.get(instance) ?? s;
        places.set(instance, known);
        if (instance !== '' && Math.abs(known - s) > near_mm) {
            collides = true;
        }
    }
    if (collides) {
        out.warnings.push('colliding');
    }
    const kept = runs(items, near_mm).map((run) =>
        run.reduce((a, b) => (byTime(pictures[b.index]!, pictures[a.index]!) < 0 ? b : a)),
    );
    out.picked = kept.map((item) => item.index);
    out.duplicates = items.length - kept.length;
    if (out.duplicates > 0) {
        out.warnings.push('duplicates');
    }
    return kept;
}

function space(out: Arranged, items: Item[], localizer: boolean): void {
    const n = items.length;
    if (n < 2) {
        out.drop = localizer ? 'localizer' : 'one_slice';
        return;
    }
    const step = medianStep(items);
    const extent = items[n - 1]!.s - items[0]!.s;
    if (!(extent / step < STRETCH * n + 1)) {
        out.drop = 'scattered';
        return;
    }
    fill(out, items, step);
    const [columns, rows, layers] = out.dims;
    if (Math.max(...out.dims) > EDGE_MAX || columns * rows * layers > VOXELS_MAX) {
        out.drop = 'too_large';
    }
}

function medianStep(items: Item[]): number {
    const steps = items.slice(1).map((item, i) => item.s - items[i]!.s);
    return steps.sort((a, b) => a - b)[(steps.length - 1) >> 1]!;
}

/** How many layers: a picture each, whole gaps filled, or all resampled. */
function fill(out: Arranged, items: Item[], median: number): void {
    const n = items.length;
    const start = items[0]!.s;
    const extent = items[n - 1]!.s - start;
    const regular = even(items);
    const whole =
        regular ||
        items.slice(1).every((item, i) => {
            const gap = item.s - items[i]!.s;
            const steps = Math.max(1, Math.round(gap / median));
            return Math.abs(gap - steps * median) <= Math.max(TOLERANCE * gap, TOLERANCE_MM);
        });
    let count = Math.round(extent / median) + 1;
    if (count < 2 || regular) {
        count = n;
    }
    out.dims[2] = count;
    if (!whole) {
        out.warnings.push('irregular');
    }
    if (whole && count === n) {
        return;
    }
    if (whole) {
        out.warnings.push('missing');
    }

    const step = extent / (count - 1);
    const close = Math.max(TOLERANCE * step, TOLERANCE_MM);
    let below = 0;
    for (let k = 0; k < count; k++) {
        const s = start + k * step;
        while (below + 2 < n && items[below + 1]!.s <= s) {
            below++;
        }
        const off = Math.min(Math.abs(s - items[below]!.s), Math.abs(s - items[below + 1]!.s));
        out.filled += off > close ? 1 : 0;
    }
}

/** Positions that were only rounded. */
function even(items: Item[]): boolean {
    const start = items[0]!.s;
    const step = (items.at(-1)!.s - start) / (items.length - 1);
    return items.every((item, i) => Math.abs(item.s - start - i * step) <= OFF_GRID * step);
}

function place(out: Arranged, items: Item[], pictures: Picture[], frame: Frame): void {
    const start = items[0]!;
    const end = items.at(-1)!;
    const extent = end.s - start.s;
    const from = pictures[start.index]!.position;
    const to = pictures[end.index]!.position;
    const normal = cross(...frame.along);
    const step = normal.map((n, i) => (from && to ? to[i]! - from[i]! : n * extent)) as Vector;

    const side = frame.along.map((axis) => dot(step, axis)) as [number, number];
    const far = (mm: number, axis: number) => Math.abs(mm) > TILT_PIXELS * frame.spacing_mm[axis]!;
    const shifted = ({ index, s }: Item, a: number) =>
        dot(pictures[index]!.position!, frame.along[a]!) -
        dot(from!, frame.along[a]!) -
        (side[a]! * (s - start.s)) / extent;
    if (side.some(far)) {
        out.warnings.push('tilt');
    }
    if (from && [0, 1].some((a) => items.slice(1, -1).some((item) => far(shifted(item, a), a)))) {
        out.warnings.push('shifted');
    }
    out.tilt_deg = (Math.atan2(Math.hypot(...side), extent) * 180) / Math.PI;
    if (out.tilt_deg > TILT_MAX_DEG) {
        out.drop = 'scattered';
    }
    out.spacing_mm = [...frame.spacing_mm, Math.hypot(...step) / (out.dims[2] - 1)];
}

export function dot(a: Vector, b: Vector): number {
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

export function cross(a: Vector, b: Vector): Vector {
    return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
}

/** Places are finite and within a patient's reach; none at all is fine too. */
function finite(v: Vector | null): boolean {
    return !v || v.every((n) => Math.abs(n) <= MM_MAX);
}

/** Null when it is no direction. */
function unit(v: Vector): Vector | null {
    const length = Math.hypot(...v);
    return Math.abs(length - 1) < UNIT ? (v.map((n) => n / length) as Vector) : null;
}
