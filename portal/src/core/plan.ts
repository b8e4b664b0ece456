/*
 * Which pictures belong together, in which order, how far apart, and what is
 * wrong with them: the server's rules (lib/series.h, where each is explained),
 * so that nobody uploads for minutes to be told then. t/vectors/series holds
 * both to the same answers.
 */

import { type Arranged, arrange, dot, type Vector } from './stack';
import { splitTimes } from './times';

/** One picture; lengths in mm, LPS. */
export interface Picture {
    series: string;
    /** '' when unknown, as frame and person. */
    instance: string;
    /** Frame of reference. */
    frame: string;
    person: string;
    /** All else that sets pictures of a series apart. */
    kind: string;
    rows: number;
    columns: number;
    /** Between columns, between rows. */
    spacing_mm: [number, number] | null;
    /** Centre of the first pixel. */
    position: Vector | null;
    /** Directions in which the column and the row index grow. */
    along: [Vector, Vector] | null;
    /** What the header claims, 0 for nothing; the last resort. */
    step_mm: number;
    /** Dearest first; NaN where unknown. */
    time: number[];
    number: number;
    /** ImageType calls it a localizer. */
    localizer: boolean;
}

export interface Group extends Arranged {
    /** Indexes into the pictures given. */
    members: number[];
    /** Time points that there are, 1 for no recording, and which of them this is. */
    times: number;
    time: number;
    /** The same for all time points of one recording, and for no other group. */
    recording: number;
}

const PARALLEL = 1e-4;
const MANY = 10;

/** All groups, in the order of their first picture. */
export function plan(given: Picture[]): Group[] {
    const pictures = ignoreTorn(ignoreTorn(given, 'frame'), 'person');
    const series = new Map<string, number[][]>();
    const all: number[][] = [];
    for (const [i, picture] of pictures.entries()) {
        const groups = series.get(picture.series) ?? [];
        series.set(picture.series, groups);
        const own = groups.find((members) => belongs(pictures[members[0]!]!, picture));
        if (own) {
            own.push(i);
        } else {
            groups.push([i]);
            all.push(groups.at(-1)!);
        }
    }
    return all.flatMap((members, recording) => {
        const parts = splitTimes(members, pictures);
        return parts.map((part, time) => ({
            ...judged(arrange(part, pictures), pictures[part[0]!]!),
            members: part,
            times: parts.length,
            time,
            recording,
        }));
    });
}

/** ImageType alone is unreliable: it only speaks of few pictures. */
function judged(stack: Arranged, first: Picture): Arranged {
    const overview = first.localizer && stack.positions < MANY;
    return { ...stack, drop: stack.drop ?? (overview ? 'localizer' : null) };
}

/** Says nothing where most pictures of a series have one of their own. */
function ignoreTorn(pictures: Picture[], field: 'frame' | 'person'): Picture[] {
    const count = new Map<string, number>();
    const told = new Map<string, Set<string>>();
    for (const picture of pictures) {
        const { series } = picture;
        count.set(series, (count.get(series) ?? 0) + 1);
        told.set(series, (told.get(series) ?? new Set()).add(picture[field]));
    }
    return pictures.map((p) =>
        2 * told.get(p.series)!.size > count.get(p.series)! ? { ...p, [field]: '' } : p,
    );
}

/** Headers round directions, so that their length is only near 1. */
function parallel(a: Vector, b: Vector): boolean {
    return dot(a, b) > (1 - PARALLEL) * Math.sqrt(dot(a, a) * dot(b, b));
}

function belongs(a: Picture, b: Picture): boolean {
    const same =
        a.frame === b.frame &&
        a.person === b.person &&
        a.kind === b.kind &&
        a.rows === b.rows &&
        a.columns === b.columns &&
        a.localizer === b.localizer &&
        !a.spacing_mm === !b.spacing_mm &&
        !a.position === !b.position &&
        !a.along === !b.along;
    return (
        same &&
        (!a.spacing_mm ||
            a.spacing_mm.every((s, i) => Math.abs(s - b.spacing_mm![i]!) <= 1e-3 * Math.abs(s))) &&
        (!a.along || a.along.every((v, i) => parallel(v, b.along![i]!)))
    );
}
