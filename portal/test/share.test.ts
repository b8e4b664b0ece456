import { describe, expect, it } from 'vitest';
import { endAfter, secretIn, secretOf } from '../src/core/share';

describe('a link', () => {
    const link = 'https://scans.test/invitation/ID#S3';

    it('has its secret where browsers send it to nobody', () => {
        expect(secretOf(new URL(link).hash)).toBe('S3');
        expect(secretOf('')).toBe('');
    });

    it('is understood as people paste it', () => {
        expect(secretIn(` ${link}\n`)).toBe('S3');
        expect(secretIn('S3')).toBe('S3');
        expect(secretIn('https://scans.test/#/enrol#S3')).toBe('S3');
    });
});

describe('a term', () => {
    const now = new Date('2026-02-28T10:00:00.900Z');
    it('ends after its days, to the second', () => {
        expect(endAfter(1, now)).toBe('2026-03-01T10:00:00Z');
        expect(endAfter(30, now)).toBe('2026-03-30T10:00:00Z');
    });
    it('of no days has no end', () => expect(endAfter(0, now)).toBeNull());
});
