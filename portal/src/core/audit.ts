/* Lines of the audit with ids turned into what a person calls them. */

import type { AuditLine, Permission, Scan } from './api';

export type Who =
    | { kind: 'self' }
    | { kind: 'known'; label: string }
    /** May open the scan no more. */
    | { kind: 'former' }
    /** The operator, or an account that is gone. */
    | { kind: 'nobody' };

export interface Deed {
    at: string;
    verb: string;
    outcome: AuditLine['outcome'];
    /** Of a scan's lines. */
    who?: Who;
    /** Title of the scan, of one's own lines; '' when it is gone or was none. */
    on?: string;
}

/** me: the owner's own id. */
export function deedsOn(lines: AuditLine[], me: string, permissions: Permission[]): Deed[] {
    const known = new Map(permissions.map(({ user, label }) => [user, label]));
    const who = (user: string | null | undefined): Who => {
        if (!user) {
            return { kind: 'nobody' };
        }
        if (user === me) {
            return { kind: 'self' };
        }
        const label = known.get(user);
        return label === undefined ? { kind: 'former' } : { kind: 'known', label };
    };
    return lines.map(({ at, verb, outcome, user }) => ({ at, verb, outcome, who: who(user) }));
}

export function ownDeeds(lines: AuditLine[], scans: Scan[]): Deed[] {
    const titles = new Map(scans.map(({ id, title }) => [id, title]));
    return lines.map(({ at, verb, outcome, object }) => ({
        at,
        verb,
        outcome,
        on: titles.get(object ?? '') ?? '',
    }));
}
