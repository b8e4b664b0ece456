/*
 * The REST calls. The access token lives in this object only, is renewed
 * before it expires, and is forgotten with the tab.
 */

import type { Volume } from '../generated/messages';
import type { Settings } from '../generated/settings';
import type { Role } from './roles';

export const API = '/api/v1';

export interface Scan {
    id: string;
    title: string;
    state: 'importing' | 'ready' | 'failed';
    role: Role;
    /** YYYY-MM-DD */
    created: string;
    bytes: number;
    revision: number;
    progress?: { stage: string; fraction: number };
    failure?: { code: string; detail: string };
    volume?: Volume;
    warnings?: Array<{ code: string; detail: string }>;
}

export interface Configuration {
    id: string;
    scan: string;
    name: string;
    revision: number;
    settings?: Settings;
}

export interface User {
    id: string;
    used_bytes: number;
    quota_bytes: number;
}

/** RFC 9457; detail is a sentence for the person. */
export class ApiError extends Error {
    constructor(
        readonly status: number,
        readonly code: string,
        readonly detail: string,
        readonly retryAfter_s = 0,
    ) {
        super(code);
    }
}

/** No answer at all. */
export class OfflineError extends Error {}

type Fetch = (url: string, init: RequestInit) => Promise<Response>;

const RENEW_BEFORE_MS = 60_000;
const RENEW_RETRY_MS = 10_000;

export class Api {
    private token = '';
    private expires = 0;
    private timer: ReturnType<typeof setTimeout> | undefined;
    /** Called when the token has ended, whoever ended it. */
    onSignedOut: () => void = () => {};

    constructor(
        private fetch: Fetch = (url, init) => globalThis.fetch(url, init),
        private base = API,
    ) {}

    get signedIn(): boolean {
        return this.token !== '';
    }

    get accessToken(): string {
        return this.token;
    }

    async signIn(name: string, password: string): Promise<void> {
        this.take(await this.json('POST', '/accounts/login', { name, password }));
    }

    signOut(): void {
        clearTimeout(this.timer);
        const was = this.signedIn;
        this.token = '';
        if (was) {
            this.onSignedOut();
        }
    }

    async renew(): Promise<void> {
        this.take(await this.json('POST', '/accounts/renew'));
    }

    user(): Promise<User> {
        return this.json('GET', '/users/current');
    }

    async scans(): Promise<Scan[]> {
        return (await this.json<{ scans: Scan[] }>('GET', '/scans')).scans;
    }

    scan(id: string): Promise<Scan> {
        return this.json('GET', `/scans/${id}`);
    }

    rename(id: string, title: string): Promise<Scan> {
        return this.json('PATCH', `/scans/${id}`, { title });
    }

    async remove(id: string): Promise<void> {
        await this.call('DELETE', `/scans/${id}`);
    }

    /** Null while there is none. */
    async thumbnail(id: string): Promise<Blob | null> {
        try {
            return await (await this.call('GET', `/scans/${id}/thumbnail`)).blob();
        } catch (e) {
            if (e instanceof ApiError && e.status === 404) {
                return null;
            }
            throw e;
        }
    }

    async configurations(scan: string): Promise<Configuration[]> {
        const path = `/scans/${scan}/configurations`;
        return (await this.json<{ configurations: Configuration[] }>('GET', path)).configurations;
    }

    saveConfiguration(scan: string, name: string, settings: Settings): Promise<Configuration> {
        return this.json('POST', `/scans/${scan}/configurations`, { name, settings });
    }

    configuration(id: string): Promise<Configuration> {
        return this.json('GET', `/configurations/${id}`);
    }

    async removeConfiguration(id: string): Promise<void> {
        await this.call('DELETE', `/configurations/${id}`);
    }

    private take(answer: { access_token: string; expires_in: number }): void {
        this.token = answer.access_token;
        this.expires = Date.now() + answer.expires_in * 1000;
        this.plan(Math.max(answer.expires_in * 500, answer.expires_in * 1000 - RENEW_BEFORE_MS));
    }

    private plan(delay_ms: number): void {
        clearTimeout(this.timer);
        this.timer = setTimeout(() => {
            this.renew().catch(() => {
                if (this.signedIn && Date.now() + RENEW_RETRY_MS < this.expires) {
                    this.plan(RENEW_RETRY_MS);
                } else {
                    this.signOut();
                }
            });
        }, delay_ms);
    }

    private async json<T>(method: string, path: string, body?: unknown): Promise<T> {
        return (await this.call(method, path, body)).json();
    }

    private async call(method: string, path: string, body?: unknown): Promise<Response> {
        const headers: Record<string, string> = { Accept: 'application/json' };
        if (this.token) {
            headers.Authorization = `Bearer ${this.token}`;
        }
        if (body !== undefined) {
            headers['Content-Type'] = 'application/json';
        }
        let response: Response;
        try {
            response = await this.fetch(this.base + path, {
                method,
                headers,
                body: body === undefined ? null : JSON.stringify(body),
                cache: 'no-store',
            });
        } catch {
            throw new OfflineError();
        }
        if (response.ok) {
            return response;
        }
        const error = problem(response.status, await response.text(), response.headers);
        if (error.status === 401 && this.signedIn) {
            this.signOut();
        }
        throw error;
    }
}

/** A refusal's body to an error; what is not a problem document too. */
export function problem(status: number, body: string, headers?: Headers): ApiError {
    const retry = Number(headers?.get('Retry-After') ?? 0) || 0;
    try {
        const { code, detail } = JSON.parse(body);
        if (typeof code === 'string' && typeof detail === 'string') {
            return new ApiError(status, code, detail, retry);
        }
    } catch {
        /* not JSON: a proxy's page, say */
    }
    return new ApiError(status, `http_${status}`, '', retry);
}
