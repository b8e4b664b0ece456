import { describe, expect, it } from 'vitest';
import { Body } from '../src/core/body';
import { type Http, type HttpAnswer, type HttpRequest, LineError } from '../src/core/http';
import { ApiError } from '../src/core/rest';
import { type Sending, Upload } from '../src/core/tus';

const MB = 1 << 20;

/** As much of a tus 1.0 server as one upload meets; it can be made to fail. */
class TusServer {
    length = -1;
    taken: Uint8Array[] = [];
    metadata = '';
    deleted = false;
    log: string[] = [];
    /** Asked before each request; may answer or break it in the server's place. */
    meddle: (r: HttpRequest, n: number) => Promise<HttpAnswer | null> | HttpAnswer | null = () =>
        null;

    http: Http = async (request) => {
        const { method, headers, signal } = request;
        this.log.push(method);
        expect(headers['Tus-Resumable']).toBe('1.0.0');
        expect(headers.Authorization).toMatch(/^Bearer /);
        const own = await this.meddle(request, this.log.length);
        signal.throwIfAborted();
        return own ?? this.answer(request);
    };

    get offset() {
        return this.taken.reduce((n, b) => n + b.length, 0);
    }

    async take(body: Blob) {
        this.taken.push(new Uint8Array(await body.arrayBuffer()));
    }

    async answer({ method, url, headers, body, progress }: HttpRequest): Promise<HttpAnswer> {
        if (method === 'POST') {
            expect(url).toBe('/api/v1/uploads');
            this.length = Number(headers['Upload-Length']);
            this.metadata = headers['Upload-Metadata']!;
            this.taken = [];
            return answer(201, { Location: `/api/v1/uploads/${this.log.length}` });
        }
        if (this.length < 0) {
            return answer(404);
        }
        if (method === 'DELETE') {
            this.deleted = true;
            return answer(204);
        }
        if (method === 'PATCH') {
            expect(headers['Content-Type']).toBe('application/offset+octet-stream');
            if (Number(headers['Upload-Offset']) !== this.offset) {
                return answer(409);
            }
            await this.take(body!);
            progress(body!.size);
        }
        const done = this.offset === this.length;
        return answer(method === 'PATCH' ? 204 : 200, {
            'Upload-Offset': String(this.offset),
            ...(done ? { 'Exposure-Scan': 'the-scan' } : {}),
        });
    }
}

function answer(status: number, headers: Record<string, string> = {}, body = ''): HttpAnswer {
    return { status, header: (name) => headers[name] ?? null, body };
}

const refusal = (status: number, code: string, headers = {}) =>
    answer(status, headers, JSON.stringify({ code, detail: `${code}.` }));

function start(bytes = 40 * MB, server = new TusServer()) {
    const content = new Uint8Array(bytes);
    for (let i = 0; i < bytes; i += 997) {
        content[i] = i;
    }
    const told: Sending[] = [];
    const rests: number[] = [];
    const tokens = { now: 'one', refused: [] as string[] };
    const upload = new Upload({
        http: server.http,
        url: '/api/v1/uploads',
        body: new Body([content.subarray(0, 1000), new Blob([content.subarray(1000)])]),
        metadata: { title: 'Müller' },
        token: async (refused) => {
            tokens.refused.push(refused);
            return tokens.now === refused ? 'two' : tokens.now;
        },
        rest: async (ms) => {
            rests.push(ms);
        },
        tell: (now) => told.push(now),
    });
    const arrived = async () =>
        Buffer.compare(
            Buffer.from(await new Blob(server.taken as BlobPart[]).arrayBuffer()),
            Buffer.from(content),
        ) === 0;
    return { server, upload, told, rests, tokens, arrived };
}

describe('an upload', () => {
    it('arrives, chunk by chunk', async () => {
        const { server, upload, told, arrived } = start();
        expect(await upload.run()).toBe('the-scan');
        expect(server.log).toEqual(['POST', 'PATCH', 'PATCH', 'PATCH']);
        expect(atob(server.metadata.split(' ')[1]!)).toBe('M\xc3\xbcller');
        expect(await arrived()).toBe(true);
        expect(told.at(-1)).toMatchObject({ state: 'sending', sent: 40 * MB });
        expect(server.deleted).toBe(false);
    });

    it('goes on from where the line broke', async () => {
        const { server, upload, told, rests, arrived } = start();
        server.meddle = async (r, n) => {
            if (n === 3) {
                await server.take(r.body!.slice(0, 5 * MB));
                throw new LineError();
            }
            return null;
        };
        expect(await upload.run()).toBe('the-scan');
        expect(server.log).toEqual(['POST', 'PATCH', 'PATCH', 'HEAD', 'PATCH', 'PATCH']);
        expect(await arrived()).toBe(true);
        expect(rests).toEqual([1000]);
        expect(told).toContainEqual({ state: 'waiting', sent: 16 * MB });
    });

    it('waits longer each time, and is patient', async () => {
        const { server, upload, rests, arrived } = start(1000);
        server.meddle = (_, n) => {
            if (n > 1 && n <= 9) {
                throw new LineError();
            }
            return null;
        };
        expect(await upload.run()).toBe('the-scan');
        expect(rests).toEqual([1, 2, 4, 8, 16, 30, 30, 30].map((s) => 1000 * s));
        expect(await arrived()).toBe(true);
    });

    it('waits as long as a busy server asks, and asks what has arrived', async () => {
        const { server, upload, rests } = start(1000);
        const busy = [answer(503), refusal(429, 'busy', { 'Retry-After': '7' }), answer(423)];
        server.meddle = (_, n) => (n > 1 ? (busy.shift() ?? null) : null);
        expect(await upload.run()).toBe('the-scan');
        expect(rests).toEqual([1000, 7000, 4000]);
        expect(server.log).toEqual(['POST', 'PATCH', 'HEAD', 'HEAD', 'HEAD', 'PATCH']);
    });

    it('is done when only the last answer was lost', async () => {
        const { server, upload } = start(1000);
        server.meddle = async (r, n) => {
            if (n === 2) {
                await server.take(r.body!);
                throw new LineError();
            }
            return null;
        };
        expect(await upload.run()).toBe('the-scan');
        expect(server.log).toEqual(['POST', 'PATCH', 'HEAD']);
    });

    it('does not believe that nothing more arrives', async () => {
        const { server, upload } = start(1000);
        server.meddle = (_, n) => (n === 2 ? answer(204, { 'Upload-Offset': '0' }) : null);
        expect(await upload.run()).toBe('the-scan');
        expect(server.log).toEqual(['POST', 'PATCH', 'HEAD', 'PATCH']);
    });

    it('begins anew when the server has forgotten it, but not for ever', async () => {
        const { server, upload, arrived } = start();
        server.meddle = (_, n) => (n === 3 ? answer(404) : null);
        expect(await upload.run()).toBe('the-scan');
        expect(server.log).toEqual(['POST', 'PATCH', 'PATCH', 'POST', 'PATCH', 'PATCH', 'PATCH']);
        expect(await arrived()).toBe(true);

        const never = start();
        never.server.meddle = ({ method }) => (method === 'PATCH' ? answer(410) : null);
        await expect(never.upload.run()).rejects.toMatchObject({ status: 410 });
    });

    it('goes on with another token when one has ended', async () => {
        const { server, upload, tokens, arrived } = start();
        server.meddle = ({ headers }, n) =>
            n >= 3 && headers.Authorization === 'Bearer one' ? answer(401) : null;
        expect(await upload.run()).toBe('the-scan');
        expect(tokens.refused).toContain('one');
        expect(await arrived()).toBe(true);
    });

    it('tells what the server refuses, and takes back what it sent', async () => {
        const { server, upload } = start();
        server.meddle = (_, n) => (n === 3 ? refusal(507, 'quota') : null);
        const refused = upload.run();
        await expect(refused).rejects.toBeInstanceOf(ApiError);
        await expect(refused).rejects.toMatchObject({ code: 'quota', detail: 'quota.' });
        expect(server.deleted).toBe(true);

        const first = start();
        first.server.meddle = () => refusal(413, 'too_large');
        await expect(first.upload.run()).rejects.toMatchObject({ code: 'too_large' });
        expect(first.server.log).toEqual(['POST']);

        const many = start();
        many.server.meddle = () => refusal(409, 'too_many');
        await expect(many.upload.run()).rejects.toMatchObject({ code: 'too_many' });
    });

    it('pauses and goes on', async () => {
        const { server, upload, told, arrived } = start();
        server.meddle = async (_, n) => {
            if (n === 3) {
                upload.pause();
                upload.pause();
                setTimeout(() => upload.resume(), 20);
            }
            return null;
        };
        expect(await upload.run()).toBe('the-scan');
        expect(told).toContainEqual({ state: 'paused', sent: 16 * MB });
        expect(server.log).toEqual(['POST', 'PATCH', 'PATCH', 'HEAD', 'PATCH', 'PATCH']);
        expect(await arrived()).toBe(true);
    });

    it('that is cancelled is taken back', async () => {
        for (const when of [2, 3]) {
            const { server, upload } = start();
            server.meddle = (_, n) => {
                if (n === when) {
                    upload.cancel();
                }
                return null;
            };
            await expect(upload.run()).rejects.toMatchObject({ name: 'AbortError' });
            expect(server.deleted).toBe(true);
        }
    });

    it('that is cancelled while paused, or with nobody there, ends too', async () => {
        const { server, upload } = start();
        server.meddle = (_, n) => {
            if (n === 2) {
                upload.pause();
                setTimeout(() => upload.cancel(), 20);
            }
            if (n === 3) {
                throw new LineError();
            }
            return null;
        };
        await expect(upload.run()).rejects.toMatchObject({ name: 'AbortError' });
        expect(server.log).toEqual(['POST', 'PATCH', 'DELETE']);
    });

    it('ends when a file can no longer be read', async () => {
        const server = new TusServer();
        const upload = new Upload({
            http: server.http,
            url: '/api/v1/uploads',
            body: new Body([{ bytes: 5, open: () => Promise.reject(new TypeError('gone')) }]),
            metadata: {},
            token: async () => 't',
            rest: async () => {},
            tell: () => {},
        });
        await expect(upload.run()).rejects.toThrow('gone');
        expect(server.deleted).toBe(true);
    });
});
