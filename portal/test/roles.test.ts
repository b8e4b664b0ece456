import { describe, expect, it } from 'vitest';
import { type Deed, may, type Role } from '../src/core/roles';

const deeds: Deed[] = ['save', 'rename', 'remove', 'share'];
const ofRole = (role?: Role) => deeds.filter((deed) => may(role, deed));

describe('a role', () => {
    it('of a viewer changes nothing', () => expect(ofRole('viewer')).toEqual([]));
    it('of an editor saves views', () => expect(ofRole('editor')).toEqual(['save']));
    it('of an owner does everything', () => expect(ofRole('owner')).toEqual(deeds));
    it('that is not known yet does nothing', () => expect(ofRole()).toEqual([]));
});
