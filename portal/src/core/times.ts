/*
 * Recordings over time: pictures that lie several at each place become a group
 * for each time point. The server's rules: lib/series_times.c.
 */

import type { Picture } from './plan';
import { frameOf, type Item, itemsOf, nearOf, runs } from './stack';

const LEAST = 4;

/** Members of each time point, the earliest first; all of them together if there is one. */
export function splitTimes(members: number[], pictures: Picture[]): number[][] {
    const first = pictures[members[0]!]!;
    const frame = frameOf(first);
    const items = frame && itemsOf(members, pictures, frame);
    if (members.length < LEAST || !first.position || !items) {
        return [members];
    }
    const places = runs(items, nearOf(frame)).map((run) => setCopiesAside(run, pictures));
    const counts = places.map((place) => place.single.length);
    const most = Math.max(...counts);
    if (places.length < 2 || most < 2) {
        return [members];
    }
    if (Math.min(...counts) < most) {
        return byLabel(items, pictures, most) ?? [members];
    }
    return Array.from({ length: most }, (_, time) =>
        places.flatMap(({ single, copies }) =>
            time === 0 ? [single[0]!, ...copies] : [single[time]!],
        ),
    );
}

/** In order of time; the same picture twice is no time point, and goes with the first. */
function setCopiesAside(run: Item[], pictures: Picture[]) {
    const seen = new Set<string>();
    const single: number[] = [];
    const copies: number[] = [];
    for (const index of run.map((item) => item.index).sort((a, b) => a - b)) {
        const { instance } = pictures[index]!;
        const again = instance !== '' && seen.has(instance);
        seen.add(instance);
        (again ? copies : single).push(index);
    }
    single.sort((a, b) => byTime(pictures[a]!, pictures[b]!));
    return { single, copies };
}

/**
 * Where some pictures of some times are missing, only a label can say which:
 * one that names as many times as the fullest place has pictures.
 */
function byLabel(items: Item[], pictures: Picture[], most: number): number[][] | null {
    const labels = new Map<number, number[]>();
    for (const { index } of items) {
        const label = pictures[index]!.time[0]!;
        if (Number.isNaN(label)) {
            return null;
        }
        const own = labels.get(label);
        if (own) {
            own.push(index);
        } else {
            labels.set(label, [index]);
        }
    }
    const times = [...labels].sort(([a], [b]) => a - b).map(([, members]) => members);
    return times.length === most ? times : null;
}

export function byTime(a: Picture, b: Picture): number {
    for (const [i, t] of a.time.entries()) {
        const u = b.time[i]!;
        if (t < u || t > u) {
            return t < u ? -1 : 1;
        }
    }
    return a.number - b.number;
}
