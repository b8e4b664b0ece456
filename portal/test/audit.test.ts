import { describe, expect, it } from 'vitest';
import type { AuditLine, Permission, Scan } from '../src/core/api';
import { deedsOn, ownDeeds } from '../src/core/audit';

const line = (more: Partial<AuditLine>): AuditLine => ({
    at: '2026-11-22T10:00:00Z',
    verb: 'scan-view',
    outcome: 'permitted',
    ...more,
});

describe('lines of the audit', () => {
    it("say to a scan's owner who did it", () => {
        const permissions = [{ user: 'mum', label: 'Mum' }] as Permission[];
        const lines = ['me', 'mum', 'gone', null].map((user) => line({ user }));
        expect(deedsOn(lines, 'me', permissions).map(({ who }) => who)).toEqual([
            { kind: 'self' },
            { kind: 'known', label: 'Mum' },
            { kind: 'former' },
            { kind: 'nobody' },
        ]);
    });

    it('say on which scan one did it, while it is there', () => {
        const scans = [{ id: 'a', title: 'Head' }] as Scan[];
        const lines = ['a', 'b', null].map((object) => line({ object }));
        expect(ownDeeds(lines, scans).map(({ on }) => on)).toEqual(['Head', '', '']);
    });
});
