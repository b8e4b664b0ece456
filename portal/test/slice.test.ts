import { describe, expect, it } from 'vitest';
import {
    depthOf,
    moveSlice,
    panSlice,
    planeOf,
    type Slice,
    turnTo,
    zoomSlice,
} from '../src/core/slice';

const axial: Slice = {
    point: [10, 20, 30],
    normal: [0, 0, -2],
    up: [0, -1, 0],
    width_mm: 100,
    thickness_mm: 0,
    slab: 'maximum',
};
const LOW: [number, number, number] = [-50, -60, -70];
const HIGH: [number, number, number] = [50, 60, 70];

describe('slice', () => {
    it('is dragged along with the hand: right is the patient’s left', () => {
        expect(panSlice(axial, 0.1, 0).point).toEqual([0, 20, 30]);
        expect(panSlice(axial, 0, 0.1).point[1]).toBeCloseTo(10);
    });

    it('comes closer within its range', () => {
        expect(zoomSlice(axial, 2).width_mm).toBe(50);
        expect(zoomSlice(axial, 1e9).width_mm).toBe(1);
    });

    it('moves along its normal and stays in the volume', () => {
        expect(moveSlice(axial, 5, LOW, HIGH).point).toEqual([10, 20, 25]);
        expect(moveSlice(axial, 500, LOW, HIGH).point).toEqual([10, 20, -70]);
        expect(depthOf(axial, LOW, HIGH)).toEqual({ at: -30, min: -70, max: 70 });
    });

    it('knows the three planes of radiologists', () => {
        expect(planeOf(axial)).toBe('axial');
        expect(planeOf({ ...axial, ...turnTo('sagittal') })).toBe('sagittal');
        expect(planeOf({ ...axial, normal: [1, 1, 0] })).toBeNull();
    });
});
