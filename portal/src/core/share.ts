/* Links that give access to a scan, and how long. */

/** What stands behind # of an address, which browsers send to nobody. */
export const secretOf = (hash: string): string => hash.replace(/^#/, '');

/** Of a whole link, or of the secret alone, as people paste it. */
export const secretIn = (pasted: string): string => pasted.trim().replace(/^.*#/s, '');

/** How long a permission lasts, days; 0: until it is taken back. */
export const TERMS_DAYS = [1, 7, 30, 365, 0] as const;
export type TermDays = (typeof TERMS_DAYS)[number];

/** RFC 3339 of the moment `days` from now, to the second; null: no end. */
export function endAfter(days: TermDays, now: Date): string | null {
    const end = new Date(now.getTime() + days * 86_400_000);
    return days === 0 ? null : end.toISOString().replace(/\.\d+Z$/, 'Z');
}
