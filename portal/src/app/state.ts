/* What all pages share: the API client, who is signed in, sentences for errors. */

import { create } from 'zustand';
import { Api, type Provider } from '../core/api';
import type { SignedIn } from '../core/oidc';
import type { Pending } from '../core/pending';
import { ProviderError } from '../core/providerError';
import { ApiError, OfflineError, type Token } from '../core/rest';
import { text } from './text/text';

export const api = new Api();

interface Auth {
    signedIn: boolean;
    /** Signed out, but not by the person. */
    ended: boolean;
    /** What to call who is, or was last; '' when nobody has said. */
    name: string;
    /** Who that is among all of all providers. */
    subject: string;
    /** With a name and password of this service. */
    builtIn: boolean;
}

export const useAuth = create<Auth>(() => ({
    signedIn: false,
    ended: false,
    name: '',
    subject: '',
    builtIn: false,
}));

let leaving = false;
let provider: SignedIn | null = null;

api.onSignedOut = () => {
    useAuth.setState({ signedIn: false, ended: !leaving });
    leaving = false;
};

const entered = (who: Pick<Auth, 'name' | 'subject' | 'builtIn'>) =>
    useAuth.setState({ ...who, signedIn: true, ended: false });

export async function signIn(name: string, password: string): Promise<void> {
    await api.signIn(name, password);
    enteredAs(name);
}

/** With a token that setting the password of an account has brought. */
export function signInAs(name: string, token: Token): void {
    api.enter(token);
    enteredAs(name);
}

function enteredAs(name: string): void {
    provider = null;
    entered({ name, subject: `built-in ${name}`, builtIn: true });
}

/** Leaves the page for the provider's; back is where that leads in the end. */
export async function goToProvider(to: Provider, back: string): Promise<void> {
    const { begin } = await import('../core/oidc');
    location.assign(await begin(to, location.origin, back, sessionStorage));
}

/**
 * On the page to which a provider sent back. Returns what makes the pages those
 * of the person, which the caller does when the address is theirs too.
 */
export async function comeBack(url: string, pending: Pending | null): Promise<() => void> {
    const { finish } = await import('../core/oidc');
    const got = await finish(url, location.origin, pending);
    api.adopt(got.token, got.renew);
    try {
        await api.user();
    } catch (e) {
        api.signOut();
        useAuth.setState({ ended: false });
        const refused = e instanceof ApiError && e.status === 401;
        throw refused ? new ProviderError('not_taken', got.provider) : e;
    }
    return () => {
        provider = got;
        entered({ name: got.name, subject: got.subject, builtIn: false });
    };
}

/** Also at the provider, which may want the page for it. */
export async function signOut(): Promise<void> {
    const leave = provider?.leave;
    provider = null;
    leaving = true;
    api.signOut();
    const url = await leave?.();
    if (url) {
        location.assign(url);
    }
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
