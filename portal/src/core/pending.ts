/*
 * What a sign-in by a provider needs to remember while the page is away at it:
 * one entry of sessionStorage, gone as soon as the way back has begun.
 */

import type { Provider } from './api';

const PLACE = 'sign-in';

export interface Pending {
    provider: Provider;
    /** The address in this site to which it leads, with its fragment. */
    back: string;
    /** State, verifier and nonce, as the library writes them. */
    key: string;
    value: string;
}

export function keepPending(storage: Storage, pending: Pending): void {
    storage.setItem(PLACE, JSON.stringify(pending));
}

/** And forgets it: a way back is for one use. */
export function takePending(storage: Storage): Pending | null {
    const kept = storage.getItem(PLACE);
    storage.removeItem(PLACE);
    return kept === null ? null : (JSON.parse(kept) as Pending);
}
