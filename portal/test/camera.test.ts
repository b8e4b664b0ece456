import { describe, expect, it } from 'vitest';
import {
    type Camera,
    distance,
    facing,
    fitBox,
    focusOn,
    look,
    orbit,
    pan,
    placeIn,
    roll,
    type Vec,
    type View,
    zoom,
} from '../src/core/camera';

const MIN: Vec = [-100, -80, -50];
const MAX: Vec = [100, 120, 150];
const CENTER: Vec = [0, 20, 50];
const base: Camera = {
    position: [0, -500, 0],
    target: [0, 0, 0],
    up: [0, 0, 1],
    fov_deg: 35,
    aperture_mm: 0,
    focus_mm: 0,
    autofocus: false,
    projection: 'perspective',
};

const sub = (a: Vec, b: Vec): Vec => [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
const dot = (a: Vec, b: Vec) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const cross = (a: Vec, b: Vec): Vec => [
    a[1] * b[2] - a[2] * b[1],
    a[2] * b[0] - a[0] * b[2],
    a[0] * b[1] - a[1] * b[0],
];
const unit = (a: Vec): Vec => {
    const l = Math.sqrt(dot(a, a));
    return [a[0] / l, a[1] / l, a[2] / l];
};

/** Where a point lies in the picture; the shorter edge is -1..1, y up. */
function project(c: Camera, p: Vec): [number, number] {
    const back = unit(sub(c.position, c.target));
    const right = unit(cross(c.up, back));
    const up = cross(back, right);
    const d = sub(p, c.position);
    const depth = -dot(d, back) * Math.tan((c.fov_deg * Math.PI) / 360);
    return [dot(d, right) / depth, dot(d, up) / depth];
}

describe('orbit', () => {
    it('drags what is in front along with the hand', () => {
        const front: Vec = [0, -50, 0];
        const turned = (yaw: number, pitch: number) =>
            project({ ...base, ...orbit(base, yaw, pitch) }, front);
        expect(turned(0.1, 0)[0]).toBeGreaterThan(0.01);
        expect(turned(-0.1, 0)[0]).toBeLessThan(-0.01);
        expect(turned(0, 0.1)[1]).toBeLessThan(-0.01);
        expect(turned(0, -0.1)[1]).toBeGreaterThan(0.01);
    });

    it('keeps the distance and the target, whatever is done', () => {
        let c = base;
        for (let i = 0; i < 500; i++) {
            c = { ...c, ...orbit(c, Math.sin(i) * 0.3, Math.cos(i * 1.7) * 0.4) };
            expect(distance(c)).toBeCloseTo(500, 6);
            expect(Math.abs(dot(unit(sub(c.position, c.target)), c.up))).toBeLessThan(1e-9);
        }
        expect(c.target).toEqual(base.target);
    });

    it('comes back after a full turn, over the poles too', () => {
        let c = base;
        for (let i = 0; i < 36; i++) {
            c = { ...c, ...orbit(c, 0, (2 * Math.PI) / 36) };
        }
        c.position.forEach((x, i) => {
            expect(x).toBeCloseTo(base.position[i]!, 6);
        });
        c.up.forEach((x, i) => {
            expect(x).toBeCloseTo(base.up[i]!, 9);
        });
    });
});

describe('pan, zoom, roll', () => {
    it('pan moves the target by parts of the shorter edge', () => {
        const c = { ...base, ...pan(base, 0.25, 0.25) };
        const [x, y] = project(c, base.target);
        expect(x).toBeCloseTo(0.5, 6);
        expect(y).toBeCloseTo(-0.5, 6);
        expect(distance(c)).toBeCloseTo(500, 9);
    });

    it('zoom divides the distance, within limits', () => {
        expect(distance({ ...base, ...zoom(base, 2) })).toBeCloseTo(250);
        expect(distance({ ...base, ...zoom(base, 1e9) })).toBeCloseTo(1);
        expect(distance({ ...base, ...zoom(base, 1e-9) })).toBeCloseTo(50000);
    });

    it('roll turns the picture clockwise', () => {
        const c = { ...base, ...roll(base, Math.PI / 2) };
        const [x, y] = project(c, [0, 0, 50]);
        expect(x).toBeGreaterThan(0.01);
        expect(y).toBeCloseTo(0, 9);
    });
});

describe('views', () => {
    const cases: Array<[View, Vec, Vec]> = [
        ['A', [-1, 0, 0], [0, 0, 1]],
        ['P', [1, 0, 0], [0, 0, 1]],
        ['L', [0, -1, 0], [0, 0, 1]],
        ['R', [0, 1, 0], [0, 0, 1]],
        ['S', [1, 0, 0], [0, -1, 0]],
        ['I', [-1, 0, 0], [0, -1, 0]],
    ];

    it.each(cases)('from %s have the anatomy where it belongs', (view, left, up) => {
        const c = { ...base, ...look(base, view, MIN, MAX) };
        expect(facing(c)).toBe(view);
        expect(c.target).toEqual(CENTER);
        const at = (d: Vec) =>
            project(c, [CENTER[0] + 10 * d[0], CENTER[1] + 10 * d[1], CENTER[2] + 10 * d[2]]);
        expect(at(left)[0]).toBeLessThan(0);
        expect(at(up)[1]).toBeGreaterThan(0);
    });

    it('fit the middle of the volume into the shorter edge', () => {
        for (const view of ['A', 'L', 'S'] as View[]) {
            const c = { ...base, ...look(base, view, MIN, MAX) };
            const points: Vec[] = [
                [MIN[0], 20, 50],
                [MAX[0], 20, 50],
                [0, MIN[1], 50],
                [0, MAX[1], 50],
                [0, 20, MIN[2]],
                [0, 20, MAX[2]],
            ];
            const seen = points.map((p) => project(c, p));
            const most = Math.max(...seen.flat().map(Math.abs));
            expect(most).toBeLessThanOrEqual(1);
            expect(most).toBeGreaterThan(0.7);
        }
    });

    it('fitBox keeps the direction', () => {
        const oblique = { ...base, ...orbit(base, 0.6, 0.4) };
        const c = { ...oblique, ...fitBox(oblique, MIN, MAX) };
        const before = unit(sub(oblique.position, oblique.target));
        unit(sub(c.position, c.target)).forEach((x, i) => {
            expect(x).toBeCloseTo(before[i]!, 9);
        });
    });
});

describe('focus', () => {
    it('lies in the plane of the point, across the view', () => {
        expect(focusOn(base, [40, -30, 9])).toEqual({ focus_mm: 470, autofocus: false });
        expect(focusOn(base, [0, -900, 0]).focus_mm).toBe(1);
    });

    it('is picked in the picture, wherever the element shows it', () => {
        const wide = { width: 400, height: 100 };
        const square = { width: 512, height: 512 };
        expect(placeIn(square, wide, 200, 50)).toEqual([0.5, 0.5]);
        expect(placeIn(square, wide, 150, 0)).toEqual([0, 0]);
        expect(placeIn(square, wide, 100, 50)).toBeNull();
    });
});
