import { describe, expect, it } from 'vitest';
import { isShown, lookPatch, looksFor } from '../src/core/presets';
import { merge } from '../src/core/settings';
import {
    addPoint,
    fromHex,
    movePoint,
    opacityCurve,
    POINTS_MAX,
    paintPoint,
    removePoint,
    type Transfer,
    type TransferPoint,
    toHex,
} from '../src/core/transfer';
import type { Volume } from '../src/generated/messages';
import type { Settings } from '../src/generated/settings';

const point = (value: number, opacity: number): TransferPoint => ({
    value,
    opacity,
    color: [value / 100, 0, 1],
    specular: [0, 0, 0],
    roughness: 0.5,
    emission: [0, 0, 0],
});
const RANGE: [number, number] = [0, 100];
const three = [point(0, 0), point(50, 0.5), point(100, 1)];

describe('points', () => {
    it('stay between their neighbours', () => {
        expect(movePoint(three, 1, 70, 0.2, RANGE)[1]).toMatchObject({ value: 70, opacity: 0.2 });
        expect(movePoint(three, 1, 500, 7, RANGE)[1]).toMatchObject({ value: 99.9, opacity: 1 });
        expect(movePoint(three, 1, -5, -7, RANGE)[1]).toMatchObject({ value: 0.1, opacity: 0 });
        expect(movePoint(three, 0, -50, 0, RANGE)[0]!.value).toBe(0);
        expect(movePoint(three, 2, 150, 0, RANGE)[2]!.value).toBe(100);
        const tight = [point(0, 0), point(0.05, 0.5), point(0.1, 1)];
        expect(movePoint(tight, 1, 0.08, 0.7, RANGE)[1]).toMatchObject({
            value: 0.05,
            opacity: 0.7,
        });
    });

    it('are added with the looks of the place', () => {
        const { points, index } = addPoint(three, 75, 0.3, RANGE)!;
        expect(index).toBe(2);
        expect(points[2]).toMatchObject({ value: 75, opacity: 0.3, color: [0.75, 0, 1] });
        expect(addPoint(three, 50.05, 0.3, RANGE)).toBeNull();
        expect(addPoint([point(20, 0), point(30, 1)], 10, 2, RANGE)).toMatchObject({
            index: 0,
            points: [{ value: 10, opacity: 1, color: [0.2, 0, 1] }, {}, {}],
        });
        expect(addPoint([point(20, 0), point(30, 1)], 90, 0, RANGE)).toMatchObject({
            index: 2,
        });
        const full = Array.from({ length: POINTS_MAX }, (_, i) => point(i, 0));
        expect(addPoint(full, 90, 0, RANGE)).toBeNull();
    });

    it('are removed, but for two', () => {
        const two = removePoint(three, 1);
        expect(two.map((p) => p.value)).toEqual([0, 100]);
        expect(removePoint(two, 0)).toBe(two);
    });

    it('are painted', () => {
        expect(paintPoint(three, 1, [1, 1, 1]).map((p) => p.color[1])).toEqual([0, 1, 0]);
        expect(fromHex(toHex([1, 0.2, 0]))).toEqual([1, 0.2, 0]);
        expect(toHex([2, -1, 0.5])).toBe('#ff0080');
    });
});

const transfer = (
    points: Array<[number, number]>,
    interpolation: Transfer['interpolation'] = 'smooth',
): Transfer => ({ interpolation, density_scale: 1, points: points.map(([v, o]) => point(v, o)) });

describe('the curve', () => {
    it('goes through the points and is flat outside', () => {
        const at = opacityCurve(
            transfer([
                [0, 0.1],
                [10, 0.9],
                [30, 0.2],
            ]),
        );
        expect([-5, 0, 10, 30, 99].map(at)).toEqual([0.1, 0.1, 0.9, 0.2, 0.2]);
    });

    it('never leaves the range of two neighbours', () => {
        const points: Array<[number, number]> = [
            [0, 0],
            [1, 0],
            [2, 0.9],
            [50, 1],
            [51, 0.2],
        ];
        const at = opacityCurve(transfer(points));
        for (let i = 0; i + 1 < points.length; i++) {
            const [[x0, y0], [x1, y1]] = [points[i]!, points[i + 1]!];
            for (let t = 0; t <= 1; t += 0.01) {
                const y = at(x0 + t * (x1 - x0));
                expect(y).toBeGreaterThanOrEqual(Math.min(y0, y1) - 1e-12);
                expect(y).toBeLessThanOrEqual(Math.max(y0, y1) + 1e-12);
            }
        }
        expect(at(0.5)).toBe(0);
    });

    it('is straight when linear or between two points', () => {
        expect(
            opacityCurve(
                transfer(
                    [
                        [0, 0],
                        [10, 1],
                        [20, 0],
                    ],
                    'linear',
                ),
            )(2.5),
        ).toBe(0.25);
        expect(
            opacityCurve(
                transfer([
                    [0, 0],
                    [10, 1],
                ]),
            )(2.5),
        ).toBeCloseTo(0.25, 12);
    });

    it('is the weighted harmonic mean in the middle: a case worked out by hand', () => {
        /* h = 1, 2; d = 1, 0.5: m1 = 9 / (5 / 1 + 4 / 0.5) = 9 / 13;
         * m0 = ((2 + 2) * 1 - 0.5) / 3 = 7 / 6; at 0.5: 0.5 + (m0 - m1) / 8. */
        const at = opacityCurve(
            transfer([
                [0, 0],
                [1, 1],
                [3, 2],
            ]),
        );
        expect(at(0.5)).toBeCloseTo(0.5 + (7 / 6 - 9 / 13) / 8, 12);
    });
});

describe('looks', () => {
    const volume = (modality: string): Volume => ({
        dims: [10, 10, 10],
        spacing_mm: [1, 1, 1],
        bounds_min: [-10, 0, 0],
        bounds_max: [10, 20, 20],
        unit: modality === 'CT' ? 'HU' : '',
        modality,
        percentiles: [100, 200, 500, 1100],
    });

    it('are those of the modality, and MR for what has none', () => {
        expect(looksFor(volume('CT')).every((l) => l.modality === 'CT')).toBe(true);
        expect(looksFor(volume('CT')).map((l) => l.id)).toContain('ct-bones');
        expect(looksFor(volume('PT'))).toEqual(looksFor(volume('MR')));
    });

    it('put lamps at multiples of the radius and leave camera and cuts', () => {
        const v = volume('CT');
        const patch = lookPatch(looksFor(v)[0]!, v) as Record<
            string,
            Array<{ distance_mm: number }>
        >;
        const lamps = patch.lights!;
        expect(lamps.length).toBeGreaterThan(0);
        for (const lamp of lamps) {
            expect(lamp).not.toHaveProperty('distance');
            expect(lamp.distance_mm).toBeGreaterThan(Math.hypot(10, 10, 10));
        }
        expect(patch).not.toHaveProperty('camera');
        expect(patch).not.toHaveProperty('clip');
    });

    it('know whether they are shown', () => {
        const v = volume('CT');
        const [one, two] = looksFor(v) as [never, never];
        const settings = merge({} as Settings, lookPatch(one, v));
        expect(isShown(one, v, settings)).toBe(true);
        expect(isShown(two, v, settings)).toBe(false);
    });

    it('take values of other modalities from the percentiles', () => {
        const v = volume('MR');
        const look = looksFor(v)[0]!;
        const { transfer: t } = lookPatch(look, v) as { transfer: Transfer };
        look.transfer.points.forEach((p, i) => {
            expect(t.points[i]!.value).toBeCloseTo(100 + 1000 * p.value, 9);
        });
    });
});
