/*
 * Signing in by an OpenID provider: authorization code with PKCE (RFC 7636).
 * Tokens stay in the objects made here; pending.ts has what outlives the page.
 */

import { ErrorResponse, ErrorTimeout, OidcClient } from 'oidc-client-ts';
import type { Provider } from './api';
import { keepPending, type Pending } from './pending';
import { ProviderError } from './providerError';
import type { Token } from './rest';

/** Where a provider sends people back to; registered with it. */
export const RETURN_PATH = '/sign-in';

/** Without expires_in of the provider, seconds. */
const LIFE_S = 300;

export interface SignedIn {
    token: Token;
    /** Null: the provider gives no refresh token. */
    renew: (() => Promise<Token>) | null;
    /** Who, among all of all providers. */
    subject: string;
    /** Its name. */
    provider: string;
    /** What to call the person; '' when it does not say. */
    name: string;
    /** Ends it at the provider; the address where that is finished, or null. */
    leave(): Promise<string | null>;
}

/** Returns the address to which the page has to go. */
export async function begin(
    provider: Provider,
    origin: string,
    back: string,
    storage: Storage,
): Promise<string> {
    const set = async (key: string, value: string) =>
        keepPending(storage, { provider, back, key, value });
    try {
        const request = await client(provider, origin, { set }).createSigninRequest({});
        return request.url;
    } catch (e) {
        throw explain(e, provider.name);
    }
}

/** url: to which the provider sent the person back. */
export async function finish(
    url: string,
    origin: string,
    pending: Pending | null,
): Promise<SignedIn> {
    const answer = new URL(url).searchParams;
    if (!pending || answer.get('state') !== pending.key) {
        throw new ProviderError('stale', pending?.provider.name ?? '');
    }
    const { provider, key, value } = pending;
    /* Another provider's answer is not taken to this one (RFC 9207). */
    const from = answer.get('iss');
    if (from !== null && from !== provider.issuer) {
        throw new ProviderError('misconfigured', provider.name, `iss is ${from}`);
    }
    const oidc = client(provider, origin, { remove: async (k) => (k === key ? value : null) });
    try {
        const got = await oidc.processSigninResponse(url);
        const { sub, name, preferred_username } = got.profile;
        return {
            ...keep(oidc, got, provider, origin),
            provider: provider.name,
            subject: `${provider.issuer} ${sub}`,
            name: name ?? preferred_username ?? '',
        };
    } catch (e) {
        throw explain(e, provider.name);
    }
}

type Answer = Awaited<ReturnType<OidcClient['processSigninResponse']>>;

function client(
    { issuer, audience, client_id, scope }: Provider,
    origin: string,
    store: {
        set?: (key: string, value: string) => Promise<void>;
        remove?: (key: string) => Promise<string | null>;
    },
): OidcClient {
    return new OidcClient({
        authority: issuer,
        client_id,
        scope,
        redirect_uri: origin + RETURN_PATH,
        post_logout_redirect_uri: `${origin}/`,
        response_type: 'code',
        loadUserInfo: false,
        ...resourceOf(audience),
        extraQueryParams: { audience },
        extraTokenParams: resourceOf(audience),
        stateStore: {
            set: store.set ?? (async () => {}),
            get: async () => null,
            remove: store.remove ?? (async () => null),
            getAllKeys: async () => [],
        },
    });
}

/* Two customs of saying for whom a token is: Auth0's `audience`, and RFC 8707's,
 * whose value is an address. */
const resourceOf = (audience: string) => (URL.canParse(audience) ? { resource: audience } : {});

const tokenOf = ({ access_token, expires_in }: Answer): Token => ({
    access_token,
    expires_in: expires_in ?? LIFE_S,
});

type Kept = Pick<SignedIn, 'token' | 'renew' | 'leave'>;

/** Each refreshing may bring another refresh token, which is then the one. */
function keep(oidc: OidcClient, got: Answer, provider: Provider, origin: string): Kept {
    const { id_token, scope, profile, session_state } = got;
    let { refresh_token } = got;
    const renew = async () => {
        const state = {
            refresh_token: refresh_token!,
            session_state,
            profile,
            ...(id_token && { id_token }),
            ...(scope && { scope }),
        };
        const fresh = await oidc.useRefreshToken({ state, ...resourceOf(provider.audience) });
        refresh_token = fresh.refresh_token ?? refresh_token;
        return tokenOf(fresh);
    };
    const leave = async () => {
        if (refresh_token) {
            /* Where it cannot be revoked it ends by itself; nobody has it. */
            await oidc.revokeToken(refresh_token, 'refresh_token').catch(() => {});
        }
        const request = oidc.createSignoutRequest({
            ...(id_token && { id_token_hint: id_token }),
            post_logout_redirect_uri: `${origin}/`,
        });
        /* It rejects where the provider has no such address. */
        return request.then(
            ({ url }) => url,
            () => null,
        );
    };
    return { token: tokenOf(got), renew: refresh_token ? renew : null, leave };
}

function explain(e: unknown, provider: string): ProviderError {
    if (e instanceof ErrorResponse) {
        const detail = [e.error, e.error_description].filter(Boolean).join(': ');
        switch (e.error) {
            case 'access_denied':
            case 'login_required':
            case 'interaction_required':
            case 'consent_required':
                return new ProviderError('denied', provider, detail);
            case 'server_error':
            case 'temporarily_unavailable':
                return new ProviderError('unavailable', provider, detail);
            default:
                return new ProviderError('misconfigured', provider, detail);
        }
    }
    /* What fetch throws, whether there was no answer or none that may be read. */
    if (e instanceof TypeError || e instanceof ErrorTimeout) {
        return new ProviderError('unreachable', provider);
    }
    return new ProviderError('misconfigured', provider, e instanceof Error ? e.message : '');
}
