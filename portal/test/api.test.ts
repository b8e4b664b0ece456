import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Api } from '../src/core/api';
import { ApiError, OfflineError, problem } from '../src/core/rest';

type Reply = { status?: number; body?: unknown; headers?: Record<string, string> };

function server(replies: Array<Reply | Error>) {
    const calls: Array<{ url: string; init: RequestInit }> = [];
    const fetch = async (url: string, init: RequestInit) => {
        calls.push({ url, init });
        const reply = replies.shift();
        if (!reply || reply instanceof Error) {
            throw reply ?? new TypeError('no reply planned');
        }
        const { status = 200, body, headers = {} } = reply;
        const data = body instanceof Blob ? body : JSON.stringify(body ?? null);
        return new Response(status === 204 ? null : data, { status, headers });
    };
    return { calls, api: new Api(fetch, '/b') };
}

const token = (n: string, expires_in = 900) => ({
    body: { access_token: n, token_type: 'Bearer', expires_in },
});

const header = (init: RequestInit, name: string) => (init.headers as Record<string, string>)[name];

beforeEach(() => {
    vi.useFakeTimers();
});
afterEach(() => {
    vi.useRealTimers();
});

describe('signing in', () => {
    it('keeps the token and sends it with every call', async () => {
        const { api, calls } = server([token('T1'), { body: { scans: [{ id: 'a' }] } }]);
        expect(api.signedIn).toBe(false);
        await api.signIn('eva', 'pw');
        expect(api.signedIn).toBe(true);
        expect(await api.scans()).toEqual([{ id: 'a' }]);
        expect(calls[0]!.url).toBe('/b/accounts/login');
        expect(calls[0]!.init.body).toBe('{"name":"eva","password":"pw"}');
        expect(header(calls[0]!.init, 'Authorization')).toBeUndefined();
        expect(header(calls[1]!.init, 'Authorization')).toBe('Bearer T1');
    });

    it('renews before the token expires', async () => {
        const { api, calls } = server([token('T1'), token('T2')]);
        await api.signIn('eva', 'pw');
        await vi.advanceTimersByTimeAsync(839_000);
        expect(calls).toHaveLength(1);
        await vi.advanceTimersByTimeAsync(2_000);
        expect(calls[1]!.url).toBe('/b/accounts/renew');
        expect(api.accessToken).toBe('T2');
        api.signOut();
    });

    it('tries again while the old token holds, then signs out', async () => {
        const { api } = server([token('T1', 120), ...Array(20).fill(new TypeError('down'))]);
        const out = vi.fn();
        api.onSignedOut = out;
        await api.signIn('eva', 'pw');
        await vi.advanceTimersByTimeAsync(100_000);
        expect(out).not.toHaveBeenCalled();
        await vi.advanceTimersByTimeAsync(30_000);
        expect(out).toHaveBeenCalledOnce();
        expect(api.accessToken).toBe('');
    });

    it('ends with a token that nobody renews, however long it lasts', async () => {
        const { api } = server([]);
        const out = vi.fn();
        api.onSignedOut = out;
        const month_s = 30 * 86_400;
        api.adopt({ access_token: 'T1', expires_in: month_s }, null);
        await vi.advanceTimersByTimeAsync((month_s - 1) * 1000);
        expect(out).not.toHaveBeenCalled();
        await vi.advanceTimersByTimeAsync(1000);
        expect(out).toHaveBeenCalledOnce();
    });

    it('is renewed by whatever gave the token', async () => {
        const { api } = server([]);
        const renew = vi.fn(async () => ({ access_token: 'T2', expires_in: 60 }));
        api.adopt({ access_token: 'T1', expires_in: 60 }, renew);
        await vi.advanceTimersByTimeAsync(30_000);
        expect(api.accessToken).toBe('T2');
        await vi.advanceTimersByTimeAsync(30_000);
        expect(renew).toHaveBeenCalledTimes(2);
        api.signOut();
    });

    it('is not undone by what an earlier token hears', async () => {
        const { api } = server([{ status: 401, body: {} }]);
        api.adopt({ access_token: 'T1', expires_in: 60 }, null);
        const late = api.user();
        api.adopt({ access_token: 'T2', expires_in: 60 }, null);
        await expect(late).rejects.toMatchObject({ status: 401 });
        expect(api.accessToken).toBe('T2');
        api.signOut();
    });

    it('stays ended when a renewal comes too late', async () => {
        const { api } = server([]);
        let answer = (_: { access_token: string; expires_in: number }) => {};
        const renew = () =>
            new Promise<{ access_token: string; expires_in: number }>((done) => {
                answer = done;
            });
        api.adopt({ access_token: 'T1', expires_in: 60 }, renew);
        await vi.advanceTimersByTimeAsync(30_000);
        api.signOut();
        answer({ access_token: 'T2', expires_in: 60 });
        await vi.advanceTimersByTimeAsync(0);
        expect(api.signedIn).toBe(false);
    });

    it('signs out when the server says so, and stays quiet when signed out', async () => {
        const { api } = server([token('T1'), { status: 401, body: {} }]);
        const out = vi.fn();
        api.onSignedOut = out;
        api.signOut();
        expect(out).not.toHaveBeenCalled();
        await api.signIn('eva', 'pw');
        await expect(api.user()).rejects.toMatchObject({ status: 401 });
        expect(out).toHaveBeenCalledOnce();
    });

    it('does not sign out for a wrong password', async () => {
        const { api } = server([{ status: 401, body: { code: 'c', detail: 'No.' } }]);
        await expect(api.signIn('eva', 'no')).rejects.toMatchObject({ code: 'c', detail: 'No.' });
        expect(api.signedIn).toBe(false);
    });
});

describe('calls', () => {
    it('are what the contract says', async () => {
        const done = { status: 204 };
        const list = { body: { configurations: [] } };
        const { api, calls } = server([{}, {}, done, list, {}, {}, done]);
        await api.scan('s');
        await api.rename('s', 'New');
        await api.remove('s');
        await api.configurations('s');
        await api.saveConfiguration('s', 'Side', { version: 1 } as never);
        await api.configuration('c');
        await api.removeConfiguration('c');
        expect(calls.map((c) => `${c.init.method} ${c.url}`)).toEqual([
            'GET /b/scans/s',
            'PATCH /b/scans/s',
            'DELETE /b/scans/s',
            'GET /b/scans/s/configurations',
            'POST /b/scans/s/configurations',
            'GET /b/configurations/c',
            'DELETE /b/configurations/c',
        ]);
        expect(calls[4]!.init.body).toBe('{"name":"Side","settings":{"version":1}}');
    });

    it('of sharing are what the contract says', async () => {
        const done = { status: 204 };
        const { api, calls } = server([
            { body: { permissions: [] } },
            {},
            done,
            done,
            done,
            { body: { invitations: [] } },
            { body: { id: 'i', link: '/invitation/i#s' } },
            done,
            { body: { scan: 's', role: 'viewer' } },
            { body: { lines: [] } },
        ]);
        await api.permissions('s');
        await api.changePermission('s', 'u', { expires: null });
        await api.revoke('s', 'u', false);
        await api.revoke('s', 'u', true);
        await api.leave('s');
        await api.invitations('s');
        await api.invite('s', { role: 'viewer', label: 'Mum' });
        await api.withdraw('i');
        expect(await api.redeem('i', 'x')).toBe('s');
        expect(await api.scanActivity('s')).toEqual([]);
        expect(calls.map((c) => `${c.init.method} ${c.url} ${c.init.body ?? ''}`.trim())).toEqual([
            'GET /b/scans/s/permissions',
            'PATCH /b/scans/s/permissions/u {"expires":null}',
            'DELETE /b/scans/s/permissions/u',
            'DELETE /b/scans/s/permissions/u?rotate=true',
            'DELETE /b/scans/s/permissions/current',
            'GET /b/scans/s/invitations',
            'POST /b/scans/s/invitations {"role":"viewer","label":"Mum"}',
            'DELETE /b/invitations/i',
            'POST /b/invitations/redeem {"id":"i","secret":"x"}',
            'GET /b/scans/s/audit',
        ]);
    });

    it('of accounts are what the contract says', async () => {
        const made = { body: { ...token('T2').body, recovery_code: 'abc' } };
        const { api, calls } = server([
            { body: { accounts: true, providers: [] } },
            made,
            made,
            token('T3'),
            { body: { recovery_code: 'def' } },
            { body: { lines: [] } },
            { body: {} },
            { body: {} },
            { status: 204 },
        ]);
        api.adopt({ access_token: 'T1', expires_in: 60 }, null);
        await api.providers();
        expect((await api.enrol('s', 'eva', 'pw')).recovery_code).toBe('abc');
        await api.recover('eva', 'abc', 'pw2');
        expect(header(calls[1]!.init, 'Authorization')).toBeUndefined();
        expect(header(calls[2]!.init, 'Authorization')).toBeUndefined();
        await api.changePassword('pw2', 'pw3');
        expect(api.accessToken).toBe('T3');
        expect(await api.newRecoveryCode('pw3')).toBe('def');
        await api.activity();
        await api.exportUser();
        await api.exportScan('s');
        await api.removeUser();
        expect(calls.map((c) => `${c.init.method} ${c.url} ${c.init.body ?? ''}`.trim())).toEqual([
            'GET /b/providers',
            'POST /b/accounts/enrol {"secret":"s","name":"eva","password":"pw"}',
            'POST /b/accounts/recover {"name":"eva","code":"abc","password":"pw2"}',
            'POST /b/accounts/password {"old":"pw2","password":"pw3"}',
            'POST /b/accounts/recovery {"password":"pw3"}',
            'GET /b/users/current/audit',
            'GET /b/users/current/export',
            'GET /b/scans/s/export?format=nifti&gzip=true',
            'DELETE /b/users/current {"confirm":true}',
        ]);
        api.signOut();
    });

    it('fetch a thumbnail, or null while there is none', async () => {
        const { api } = server([
            { body: new Blob(['png']) },
            { status: 404, body: {} },
            { status: 500, body: {} },
        ]);
        expect((await api.thumbnail('s'))!.size).toBe(3);
        expect(await api.thumbnail('s')).toBeNull();
        await expect(api.thumbnail('s')).rejects.toBeInstanceOf(ApiError);
    });

    it('say when there is no server', async () => {
        const { api } = server([new TypeError('down')]);
        await expect(api.scans()).rejects.toBeInstanceOf(OfflineError);
    });

    it('understand problems, and pages of others', () => {
        const headers = new Headers({ 'Retry-After': '30' });
        expect(problem(429, '{"code":"slow","detail":"Wait."}', headers)).toMatchObject({
            status: 429,
            code: 'slow',
            detail: 'Wait.',
            retryAfter_s: 30,
        });
        expect(problem(502, '<html>')).toMatchObject({ code: 'http_502', detail: '' });
        expect(problem(400, '{"detail":1}')).toMatchObject({ code: 'http_400' });
    });
});
