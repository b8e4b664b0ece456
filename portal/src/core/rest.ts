/*
 * Calls with a token. It lives in this object only, is renewed before it ends
 * by whatever it came from, and is forgotten with the tab.
 */

export const API = '/api/v1';

export interface Token {
    access_token: string;
    /** Seconds. */
    expires_in: number;
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
/** More than setTimeout's 31 bits would be at once. */
const TIMER_MAX_MS = 2 ** 31 - 1;

export class Rest {
    private token = '';
    private expires = 0;
    private timer: ReturnType<typeof setTimeout> | undefined;
    private renew: (() => Promise<Token>) | null = null;
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

    /** renew: asked for the next token in time; null: this one is the last. */
    adopt(token: Token, renew: (() => Promise<Token>) | null): void {
        const life_ms = token.expires_in * 1000;
        this.token = token.access_token;
        this.expires = Date.now() + life_ms;
        this.renew = renew;
        this.plan(renew ? Math.max(life_ms / 2, life_ms - RENEW_BEFORE_MS) : life_ms);
    }

    signOut(): void {
        clearTimeout(this.timer);
        const was = this.signedIn;
        this.token = '';
        this.renew = null;
        if (was) {
            this.onSignedOut();
        }
    }

    protected async json<T>(
        method: string,
        path: string,
        body?: unknown,
        token = this.token,
    ): Promise<T> {
        return (await this.call(method, path, body, token)).json();
    }

    /** token '': for what asks for other proof than who one is now. */
    protected async call(
        method: string,
        path: string,
        body?: unknown,
        token = this.token,
    ): Promise<Response> {
        const headers: Record<string, string> = { Accept: 'application/json' };
        if (token) {
            headers.Authorization = `Bearer ${token}`;
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
        /* Of a token that has been followed by another it says nothing. */
        if (error.status === 401 && token && token === this.token) {
            this.signOut();
        }
        throw error;
    }

    private plan(delay_ms: number): void {
        clearTimeout(this.timer);
        this.timer = setTimeout(() => void this.next(), Math.min(delay_ms, TIMER_MAX_MS));
    }

    private async next(): Promise<void> {
        const { renew, token } = this;
        if (!renew) {
            const left_ms = this.expires - Date.now();
            if (left_ms > 0) {
                this.plan(left_ms);
            } else {
                this.signOut();
            }
            return;
        }
        try {
            const fresh = await renew();
            if (token === this.token) {
                this.adopt(fresh, renew);
            }
        } catch {
            if (token !== this.token) {
                return;
            }
            if (Date.now() + RENEW_RETRY_MS < this.expires) {
                this.plan(RENEW_RETRY_MS);
            } else {
                this.signOut();
            }
        }
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
