import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Provider } from '../src/core/api';
import { begin, finish } from '../src/core/oidc';
import { type Pending, takePending } from '../src/core/pending';

const ORIGIN = 'https://scans.test';
const provider: Provider = {
    name: 'The clinic',
    issuer: 'https://id.test',
    audience: 'https://scans.test/api',
    client_id: 'portal',
    scope: 'openid offline_access',
};

class Memory implements Partial<Storage> {
    kept = new Map<string, string>();
    getItem = (key: string) => this.kept.get(key) ?? null;
    setItem = (key: string, value: string) => void this.kept.set(key, value);
    removeItem = (key: string) => void this.kept.delete(key);
}

const metadata = {
    issuer: provider.issuer,
    authorization_endpoint: 'https://id.test/auth',
    token_endpoint: 'https://id.test/token',
    revocation_endpoint: 'https://id.test/revoke',
    end_session_endpoint: 'https://id.test/out',
};

const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
const idToken = (claims: object = {}) =>
    [
        part({ alg: 'RS256' }),
        part({ iss: provider.issuer, aud: 'portal', sub: '7', exp: 9e9, iat: 1, ...claims }),
        'signature',
    ].join('.');

let asked: Array<{ url: string; form: URLSearchParams }>;
let replies: Record<string, () => Response>;

beforeEach(() => {
    asked = [];
    replies = {
        '/.well-known/openid-configuration': () => Response.json(metadata),
    };
    vi.stubGlobal('fetch', async (url: string, init?: RequestInit) => {
        asked.push({ url, form: new URLSearchParams(String(init?.body ?? '')) });
        const reply = replies[new URL(url).pathname];
        if (!reply) {
            throw new TypeError('no way');
        }
        return reply();
    });
});
afterEach(() => {
    vi.unstubAllGlobals();
});

async function begun(back = '/scans/1', by = provider) {
    const storage = new Memory();
    const url = new URL(await begin(by, ORIGIN, back, storage as never));
    return { url, storage, state: url.searchParams.get('state')! };
}

const answer = (query: Record<string, string>) => `${ORIGIN}/sign-in?${new URLSearchParams(query)}`;

function tokens(values: object) {
    replies['/token'] = () => Response.json({ token_type: 'Bearer', ...values });
}

async function returned(extra: object = {}, claims?: object) {
    const { storage, state } = await begun();
    tokens({ access_token: 'A1', expires_in: 600, id_token: idToken(claims), ...extra });
    const pending = takePending(storage as never);
    return finish(answer({ code: 'c', state }), ORIGIN, pending);
}

describe('the way there', () => {
    it('asks for a code with a challenge', async () => {
        const { url } = await begun();
        expect(url.origin + url.pathname).toBe('https://id.test/auth');
        const query = Object.fromEntries(url.searchParams);
        expect(query).toMatchObject({
            client_id: 'portal',
            response_type: 'code',
            scope: 'openid offline_access',
            redirect_uri: 'https://scans.test/sign-in',
            code_challenge_method: 'S256',
            audience: 'https://scans.test/api',
            resource: 'https://scans.test/api',
        });
        expect(query.code_challenge).toHaveLength(43);
    });

    it('asks for an audience that is no address in one way only', async () => {
        const { url } = await begun('/', { ...provider, audience: 'exposure' });
        expect(url.searchParams.get('audience')).toBe('exposure');
        expect(url.searchParams.has('resource')).toBe(false);
    });

    it('keeps one entry, in which alone the verifier and the address are', async () => {
        const { url, storage } = await begun('/invitation/5#secret');
        expect([...storage.kept.keys()]).toEqual(['sign-in']);
        expect(url.href).not.toContain('secret');
        expect(takePending(storage as never)!.back).toBe('/invitation/5#secret');
        expect(storage.kept.size).toBe(0);
        expect(takePending(storage as never)).toBeNull();
    });

    it('says when the provider does not answer', async () => {
        replies = {};
        await expect(begun()).rejects.toMatchObject({
            refusal: 'unreachable',
            provider: 'The clinic',
        });
    });

    it('says when it answers with something else', async () => {
        replies['/.well-known/openid-configuration'] = () => new Response('no', { status: 404 });
        await expect(begun()).rejects.toMatchObject({ refusal: 'misconfigured' });
    });
});

describe('the way back', () => {
    it('exchanges the code with the verifier', async () => {
        const got = await returned({}, { name: 'Eva' });
        expect(got).toMatchObject({
            token: { access_token: 'A1', expires_in: 600 },
            renew: null,
            subject: 'https://id.test 7',
            name: 'Eva',
        });
        const { form } = asked.at(-1)!;
        expect(form.get('grant_type')).toBe('authorization_code');
        expect(form.get('resource')).toBe('https://scans.test/api');
        expect(form.get('code_verifier')!.length).toBeGreaterThan(42);
    });

    it('calls the person what the provider does, or nothing', async () => {
        expect((await returned({}, { preferred_username: 'eva' })).name).toBe('eva');
        expect((await returned()).name).toBe('');
    });

    it('takes five minutes for granted', async () => {
        expect((await returned({ expires_in: undefined })).token.expires_in).toBe(300);
    });

    it('is refused when nothing, or something else, is waited for', async () => {
        const { state, storage } = await begun();
        const pending = takePending(storage as never);
        const stale = { refusal: 'stale' };
        await expect(finish(answer({ code: 'c', state }), ORIGIN, null)).rejects.toMatchObject(
            stale,
        );
        await expect(
            finish(answer({ code: 'c', state: 'other' }), ORIGIN, pending),
        ).rejects.toMatchObject(stale);
        expect(asked.filter(({ url }) => url.endsWith('/token'))).toEqual([]);
    });

    it("does not take another provider's code to this one", async () => {
        const { state, storage } = await begun();
        const url = answer({ code: 'c', state, iss: 'https://evil.test' });
        const pending = takePending(storage as never);
        await expect(finish(url, ORIGIN, pending)).rejects.toMatchObject({
            refusal: 'misconfigured',
        });
        expect(asked.filter(({ url }) => url.endsWith('/token'))).toEqual([]);
    });

    it.each([
        ['access_denied', 'denied'],
        ['login_required', 'denied'],
        ['temporarily_unavailable', 'unavailable'],
        ['invalid_scope', 'misconfigured'],
    ])('explains %s', async (error, refusal) => {
        const { state, storage } = await begun();
        const url = answer({ error, error_description: 'why', state });
        const pending = takePending(storage as never) as Pending;
        await expect(finish(url, ORIGIN, pending)).rejects.toMatchObject({
            refusal,
            detail: `${error}: why`,
        });
    });

    it('explains a code that is not taken, and a line that breaks', async () => {
        const once = async (reply: () => Response) => {
            const { state, storage } = await begun();
            replies['/token'] = reply;
            return finish(answer({ code: 'c', state }), ORIGIN, takePending(storage as never));
        };
        await expect(
            once(() => Response.json({ error: 'invalid_grant' }, { status: 400 })),
        ).rejects.toMatchObject({ refusal: 'misconfigured', detail: 'invalid_grant' });
        await expect(
            once(() => {
                throw new TypeError('broken');
            }),
        ).rejects.toMatchObject({ refusal: 'unreachable' });
    });
});

describe('signed in by a provider', () => {
    it('is renewed with each refresh token once', async () => {
        const { renew } = await returned({ refresh_token: 'R1' });
        tokens({ access_token: 'A2', expires_in: 60, refresh_token: 'R2' });
        expect(await renew!()).toEqual({ access_token: 'A2', expires_in: 60 });
        expect(asked.at(-1)!.form.get('refresh_token')).toBe('R1');
        tokens({ access_token: 'A3', expires_in: 60 });
        await renew!();
        expect(asked.at(-1)!.form.get('refresh_token')).toBe('R2');
        expect(asked.at(-1)!.form.get('resource')).toBe('https://scans.test/api');
        await renew!();
        expect(asked.at(-1)!.form.get('refresh_token')).toBe('R2');
    });

    it('ends at the provider, and the refresh token with it', async () => {
        const { leave } = await returned({ refresh_token: 'R1' });
        replies['/revoke'] = () => new Response('');
        const url = new URL((await leave())!);
        expect(asked.at(-1)!.form.get('token')).toBe('R1');
        expect(url.pathname).toBe('/out');
        expect(url.searchParams.get('post_logout_redirect_uri')).toBe('https://scans.test/');
        expect(url.searchParams.get('id_token_hint')).toBeTruthy();
    });

    it('ends here alone where the provider has no address for it', async () => {
        const { end_session_endpoint, ...less } = metadata;
        replies['/.well-known/openid-configuration'] = () => Response.json(less);
        const { leave } = await returned({ refresh_token: 'R1' });
        expect(await leave()).toBeNull();
    });
});
