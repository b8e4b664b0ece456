/*
 * Sends a body so that it arrives: over broken lines, closed laptops, restarts
 * of the server and tokens that end. What has arrived is asked for, and sending
 * goes on from there.
 * Source: tus resumable upload protocol 1.0.0: core, creation, termination.
 */

import type { Body } from './body';
import { type Http, type HttpAnswer, LineError } from './http';
import { problem } from './rest';
import { Speed } from './speed';

export type Sending =
    | { state: 'sending'; sent: number; rate: number }
    | { state: 'paused'; sent: number }
    /** Nothing arrives just now; it is tried again by itself. */
    | { state: 'waiting'; sent: number };

export interface Options {
    http: Http;
    /** Where uploads are made. */
    url: string;
    body: Body;
    metadata: Record<string, string>;
    /** A token, another than the one that was refused; waits until there is one. */
    token: (refused: string, signal: AbortSignal) => Promise<string>;
    /** Resolves after so long, or earlier when there is reason to hope. */
    rest: (ms: number, signal: AbortSignal) => Promise<void>;
    tell: (now: Sending) => void;
}

const CHUNK = 16 << 20;
const RETRY_MS = 1000;
const RETRY_MAX_MS = 30_000;
/** The server forgets uploads after a day or so. */
const RESTARTS_MAX = 3;
const SIGNED_OUT = 401;
/** Another offset, another request to the same upload: it is asked again. */
const CONFLICT = new Set([409, 423]);
const BUSY = new Set([408, 425, 429, 460, 500, 502, 503, 504]);
const GONE = new Set([404, 410]);

/** An answer that is no success. */
class Refused extends Error {
    constructor(readonly answer: HttpAnswer) {
        super(String(answer.status));
    }
}

export class Upload {
    private place = '';
    private offset = 0;
    private scan = '';
    /** What has arrived is not known. */
    private unsure = false;
    private token = '';
    private refused = '';
    private failures = 0;
    private restarts = 0;
    private speed = new Speed();
    private cancelled = new AbortController();
    private request = new AbortController();
    private resumed: Promise<void> | null = null;
    private resumeNow = () => {};

    constructor(private o: Options) {}

    pause(): void {
        if (!this.resumed) {
            this.resumed = new Promise((resolve) => {
                this.resumeNow = resolve;
            });
            this.request.abort();
        }
    }

    resume(): void {
        this.resumed = null;
        this.resumeNow();
    }

    cancel(): void {
        this.cancelled.abort();
        this.request.abort();
        this.resume();
    }

    /** Resolves with the scan's id. Throws ApiError, AbortError, or what reading throws. */
    async run(): Promise<string> {
        for (;;) {
            try {
                await this.ready();
                if (await this.step()) {
                    return this.scan;
                }
            } catch (e) {
                await this.recover(e);
            }
        }
    }

    /** While it is paused, this waits. */
    private async ready(): Promise<void> {
        while (this.resumed) {
            this.o.tell({ state: 'paused', sent: this.offset });
            await this.resumed;
            this.speed = new Speed();
        }
        this.cancelled.signal.throwIfAborted();
    }

    /** One request; true when all has arrived. */
    private async step(): Promise<boolean> {
        if (this.place === '') {
            await this.create();
        } else if (this.unsure) {
            await this.ask();
        } else {
            await this.send();
        }
        this.failures = 0;
        return this.place !== '' && !this.unsure && this.offset === this.o.body.size;
    }

    private async create(): Promise<void> {
        const answer = await this.call('POST', this.o.url, {
            'Upload-Length': String(this.o.body.size),
            'Upload-Metadata': metadata(this.o.metadata),
        });
        const place = answer.header('Location');
        if (answer.status !== 201 || !place) {
            throw new Refused(answer);
        }
        this.place = place;
        this.offset = 0;
    }

    private async ask(): Promise<void> {
        this.taken(await this.call('HEAD', this.place, {}), 200);
        this.unsure = false;
    }

    private async send(): Promise<void> {
        const from = this.offset;
        const chunk = await this.o.body.slice(from, Math.min(from + CHUNK, this.o.body.size));
        const progress = (sent: number) => this.tell(from + sent);
        progress(0);
        this.unsure = true;
        const headers = {
            'Content-Type': 'application/offset+octet-stream',
            'Upload-Offset': String(from),
        };
        this.taken(await this.call('PATCH', this.place, headers, chunk, progress), 204);
        this.unsure = false;
        if (this.offset <= from) {
            throw new LineError('nothing arrives');
        }
    }

    private taken(answer: HttpAnswer, expected: number): void {
        const offset = Number(answer.header('Upload-Offset') ?? Number.NaN);
        if (answer.status !== expected || !(offset >= 0 && offset <= this.o.body.size)) {
            throw new Refused(answer);
        }
        this.offset = offset;
        this.scan = answer.header('Exposure-Scan') ?? '';
    }

    private tell(sent: number): void {
        const rate = this.speed.add(performance.now(), sent);
        this.o.tell({ state: 'sending', sent, rate });
    }

    private async call(
        method: string,
        url: string,
        headers: Record<string, string>,
        body: Blob | null = null,
        progress: (sent: number) => void = () => {},
    ): Promise<HttpAnswer> {
        this.token = await this.o.token(this.refused, this.cancelled.signal);
        this.request = new AbortController();
        return this.o.http({
            method,
            url,
            headers: {
                ...headers,
                'Tus-Resumable': '1.0.0',
                Authorization: `Bearer ${this.token}`,
            },
            body,
            progress,
            signal: this.request.signal,
        });
    }

    /** Waits, or begins anew, or throws what ends the upload. */
    private async recover(e: unknown): Promise<void> {
        if (this.cancelled.signal.aborted) {
            await this.terminate();
            throw new DOMException('cancelled', 'AbortError');
        }
        this.unsure = this.place !== '';
        if (e instanceof DOMException && e.name === 'AbortError') {
            return;
        }
        const status = e instanceof Refused ? e.answer.status : 0;
        if (GONE.has(status) && this.place !== '' && this.restarts < RESTARTS_MAX) {
            this.restarts++;
            this.place = '';
            this.unsure = false;
            return;
        }
        if (status === SIGNED_OUT) {
            this.refused = this.token;
            this.o.tell({ state: 'waiting', sent: this.offset });
            return;
        }
        const again = BUSY.has(status) || (this.place !== '' && CONFLICT.has(status));
        if (!(e instanceof LineError) && !again) {
            await this.terminate();
            throw e instanceof Refused ? problem(status, e.answer.body) : e;
        }
        this.o.tell({ state: 'waiting', sent: this.offset });
        await this.o.rest(this.patience(e), this.cancelled.signal);
        this.speed = new Speed();
    }

    private patience(e: unknown): number {
        const told = e instanceof Refused ? Number(e.answer.header('Retry-After') ?? 0) : 0;
        const own = Math.min(RETRY_MAX_MS, RETRY_MS * 2 ** this.failures++);
        return Math.max(own, told * 1000 || 0);
    }

    /** What has arrived is not wanted any more; if nobody hears that, it expires. */
    private async terminate(): Promise<void> {
        if (this.place === '') {
            return;
        }
        try {
            const signal = AbortSignal.timeout(RETRY_MAX_MS);
            const headers = {
                'Tus-Resumable': '1.0.0',
                Authorization: `Bearer ${await this.o.token(this.refused, signal)}`,
            };
            const { place: url } = this;
            await this.o.http({
                method: 'DELETE',
                url,
                headers,
                body: null,
                progress() {},
                signal,
            });
        } catch {
            /* it expires */
        }
    }
}

/** Keys and base64 of values. */
function metadata(values: Record<string, string>): string {
    return Object.entries(values)
        .map(([key, value]) => {
            const bytes = new TextEncoder().encode(value);
            return `${key} ${btoa(String.fromCharCode(...bytes))}`;
        })
        .join(',');
}
