/* What all pages share: the API client, who is signed in, sentences for errors. */

import { create } from 'zustand';
import { Api, ApiError, OfflineError } from '../core/api';
import { text } from './text/text';

export const api = new Api();

interface Auth {
    signedIn: boolean;
    /** Signed out, but not by the person. */
    ended: boolean;
    /** Who is, or was last. */
    name: string;
}

export const useAuth = create<Auth>(() => ({ signedIn: false, ended: false, name: '' }));

let leaving = false;

api.onSignedOut = () => {
    useAuth.setState({ signedIn: false, ended: !leaving });
    leaving = false;
};

export async function signIn(name: string, password: string): Promise<void> {
    await api.signIn(name, password);
    useAuth.setState({ signedIn: true, ended: false, name });
}

export function signOut(): void {
    leaving = true;
    api.signOut();
}

/** The server's own sentence where it has one. */
export function sentence(error: unknown): string {
    if (error instanceof OfflineError) {
        return text.error.offline;
    }
    if (!(error instanceof ApiError)) {
        return text.error.other;
    }
    const own: Record<number, string> = {
        404: text.error.gone,
        413: text.error.tooLarge,
        415: text.error.wrongKind,
        429: text.error.busy,
        507: text.error.full,
    };
    return own[error.status] ?? (error.detail || text.error.other);
}
