import { afterEach, describe, expect, it, vi } from 'vitest';
import { LineError, xhr } from '../src/core/http';
import { Speed } from '../src/core/speed';

class FakeRequest {
    upload: { onprogress: ((e: { loaded: number }) => void) | null } = { onprogress: null };
    onload: (() => void) | null = null;
    onerror: (() => void) | null = null;
    onabort: (() => void) | null = null;
    status = 204;
    responseText = 'text';
    headers: Record<string, string> = {};
    opened: string[] = [];
    sent: Blob | null = null;
    open(...args: string[]) {
        this.opened = args;
    }
    setRequestHeader(name: string, value: string) {
        this.headers[name] = value;
    }
    getResponseHeader(name: string) {
        return name === 'Upload-Offset' ? '7' : null;
    }
    send(body: Blob) {
        this.sent = body;
    }
    abort() {
        this.onabort?.();
    }
}

function start(signal = new AbortController().signal) {
    const fake = new FakeRequest();
    const progress = vi.fn();
    const answer = xhr(() => fake as unknown as XMLHttpRequest)({
        method: 'PATCH',
        url: '/place',
        headers: { 'Upload-Offset': '0' },
        body: new Blob(['x'.repeat(1000)]),
        progress,
        signal,
    });
    return { fake, progress, answer };
}

describe('a request', () => {
    afterEach(() => vi.useRealTimers());

    it('tells how far it is, and what came back', async () => {
        const { fake, progress, answer } = start();
        expect(fake.opened).toEqual(['PATCH', '/place']);
        expect(fake.headers).toEqual({ 'Upload-Offset': '0' });
        fake.upload.onprogress?.({ loaded: 400 });
        fake.upload.onprogress?.({ loaded: 5000 });
        expect(progress.mock.calls).toEqual([[400], [1000]]);
        fake.onload?.();
        const { status, header, body } = await answer;
        expect([status, header('Upload-Offset'), header('Other'), body]).toEqual([
            204,
            '7',
            null,
            'text',
        ]);
    });

    it('can be cancelled, before and while', async () => {
        const controller = new AbortController();
        const { answer } = start(controller.signal);
        controller.abort();
        await expect(answer).rejects.toMatchObject({ name: 'AbortError' });
        const never = start(AbortSignal.abort());
        await expect(never.answer).rejects.toMatchObject({ name: 'AbortError' });
        expect(never.fake.sent).toBeNull();
    });

    it('says when the line broke', async () => {
        const { fake, answer } = start();
        fake.onerror?.();
        await expect(answer).rejects.toBeInstanceOf(LineError);
    });

    it('takes a line for dead on which nothing moves', async () => {
        vi.useFakeTimers();
        const { fake, answer } = start();
        const seen = expect(answer).rejects.toBeInstanceOf(LineError);
        vi.advanceTimersByTime(40_000);
        fake.upload.onprogress?.({ loaded: 1 });
        vi.advanceTimersByTime(40_000);
        expect(fake.onabort).not.toBeNull();
        vi.advanceTimersByTime(10_000);
        await seen;
    });
});

describe('speed', () => {
    it('is measured over the last seconds only', () => {
        const speed = new Speed();
        expect(speed.add(0, 0)).toBe(0);
        expect(speed.add(1000, 5000)).toBe(5000);
        for (let t = 2000; t <= 10_000; t += 1000) {
            speed.add(t, 5000 + t);
        }
        expect(speed.add(11_000, 16_000)).toBeCloseTo(1000, 0);
    });
});
