/* What a person may do with a scan; the server has the same table and judges. */

export type Role = 'viewer' | 'editor' | 'owner';

const ABLE = {
    /** Saves and deletes views. */
    save: ['editor', 'owner'],
    rename: ['owner'],
    remove: ['owner'],
    share: ['owner'],
} as const satisfies Record<string, readonly Role[]>;

export type Deed = keyof typeof ABLE;

/** False while the role is not known yet. */
export function may(role: Role | undefined, deed: Deed): boolean {
    return (ABLE[deed] as readonly (Role | undefined)[]).includes(role);
}
