import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type Group, type Picture, plan } from '../src/core/plan';

const folder = new URL('../../t/vectors/series/', import.meta.url);

interface Case {
    name: string;
    base: Partial<Picture>;
    pictures: Partial<Picture>[];
    groups: Expected[];
}

type Expected = ReturnType<typeof told>;

const places = (n: number) => Number(n.toFixed(6));

function told(g: Group) {
    return {
        members: [...g.members].sort((a, b) => a - b),
        drop: g.drop,
        warnings: [...g.warnings].sort(),
        positions: g.positions,
        duplicates: g.duplicates,
        times: g.times,
        time: g.time,
        filled: g.filled,
        picked: g.picked,
        dims: g.dims,
        spacing_mm: g.spacing_mm.map(places),
        tilt_deg: places(g.tilt_deg),
    };
}

const TIMES = 4;

function picture(...parts: Partial<Picture>[]): Picture {
    const p = Object.assign({}, ...parts) as Picture;
    const time = Array.from({ length: TIMES }, (_, i) => p.time[i] ?? Number.NaN);
    return { ...p, time };
}

for (const file of readdirSync(folder)) {
    const { base, cases } = JSON.parse(readFileSync(new URL(file, folder), 'utf8'));
    describe(`as the server has it: ${file}`, () => {
        it.each<Case>(cases)('$name', (c) => {
            const pictures = c.pictures.map((p) => picture(base, c.base, p));
            expect(plan(pictures).map(told)).toEqual(c.groups);
        });
    });
}
