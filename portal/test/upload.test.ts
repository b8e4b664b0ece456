import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { isSequence } from '../src/core/deidentify';
import { readHead } from '../src/core/dicom';
import { find, text } from '../src/core/elements';
import { tarBlob, tarHeader } from '../src/core/tar';
import { prepare, SendError, Speed, send } from '../src/core/upload';
import { ctFile } from './writer';

const go = new AbortController().signal;

async function unpack(tar: Blob): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
    const dir = mkdtempSync(join(tmpdir(), 'portal-tar-'));
    try {
        const file = join(dir, 'a.tar');
        writeFileSync(file, new Uint8Array(await tar.arrayBuffer()));
        execFileSync('tar', ['-xf', file, '-C', dir]);
        const names = readdirSync(dir).filter((n) => n !== 'a.tar');
        return new Map(names.map((n) => [n, new Uint8Array(readFileSync(join(dir, n)))]));
    } finally {
        rmSync(dir, { recursive: true });
    }
}

describe('tar', () => {
    it('is what tar reads', async () => {
        const tar = tarBlob([
            { name: 'one', parts: ['abc', new Blob(['def'])], bytes: 6 },
            { name: 'two', parts: [new Uint8Array(512)], bytes: 512 },
            { name: 'empty', parts: [], bytes: 0 },
        ]);
        expect(tar.size % 512).toBe(0);
        const files = await unpack(tar);
        expect([...files.keys()].sort()).toEqual(['empty', 'one', 'two']);
        expect(new TextDecoder().decode(files.get('one'))).toBe('abcdef');
        expect(files.get('two')).toHaveLength(512);
    });

    it('refuses what does not fit a header', () => {
        expect(() => tarHeader('x', 8 ** 11)).toThrow(RangeError);
        expect(() => tarHeader('x'.repeat(100), 1)).toThrow(RangeError);
    });
});

describe('preparing', () => {
    it('makes one archive of rewritten files, without their names', async () => {
        const files = [ctFile(1), ctFile(2)];
        const steps: number[] = [];
        const { body, receipt } = await prepare(files, (n) => steps.push(n), go);
        expect(steps).toEqual([1, 2]);
        expect(receipt.files).toBe(2);
        expect(await body.text()).not.toMatch(/SECRET|IM1/);
        const inside = await unpack(body);
        expect([...inside.keys()].sort()).toEqual(['000001.dcm', '000002.dcm']);
        const head = await readHead(new Blob([inside.get('000002.dcm')!]), isSequence);
        expect(text(find(head.data, 0x00200013))).toBe('2');
    });

    it('stops when asked to', async () => {
        await expect(prepare([ctFile(1)], () => {}, AbortSignal.abort())).rejects.toThrow();
    });
});

class FakeRequest {
    upload: { onprogress: ((e: { loaded: number }) => void) | null } = { onprogress: null };
    onload: (() => void) | null = null;
    onerror: (() => void) | null = null;
    onabort: (() => void) | null = null;
    status = 201;
    responseText = '{"id":"x"}';
    headers: Record<string, string> = {};
    opened: string[] = [];
    sent: Blob | null = null;
    open(...args: string[]) {
        this.opened = args;
    }
    setRequestHeader(name: string, value: string) {
        this.headers[name] = value;
    }
    send(body: Blob) {
        this.sent = body;
    }
    abort() {
        this.onabort?.();
    }
}

function start(signal: AbortSignal = go) {
    const request = new FakeRequest();
    const body = new Blob(['x'.repeat(1000)]);
    const progress = vi.fn();
    const xhr = request as unknown as XMLHttpRequest;
    const answer = send(xhr, '/api/v1/scans', 'T', body, progress, signal);
    return { request, body, progress, answer };
}

describe('sending', () => {
    it('is one request with the token, and tells how far it is', async () => {
        const { request, body, progress, answer } = start();
        expect(request.opened).toEqual(['POST', '/api/v1/scans']);
        expect(request.headers).toEqual({
            Authorization: 'Bearer T',
            'Content-Type': 'application/x-tar',
        });
        expect(request.sent).toBe(body);
        request.upload.onprogress?.({ loaded: 400 });
        request.upload.onprogress?.({ loaded: 5000 });
        expect(progress.mock.calls.map(([p]) => p.sent)).toEqual([400, 1000]);
        request.onload?.();
        expect(await answer).toEqual({ status: 201, body: '{"id":"x"}' });
    });

    it('can be cancelled, before and while', async () => {
        const controller = new AbortController();
        const { answer } = start(controller.signal);
        controller.abort();
        await expect(answer).rejects.toMatchObject({ name: 'AbortError' });
        await expect(start(AbortSignal.abort()).answer).rejects.toMatchObject({
            name: 'AbortError',
        });
    });

    it('says when the line broke', async () => {
        const { request, answer } = start();
        request.onerror?.();
        await expect(answer).rejects.toBeInstanceOf(SendError);
    });

    it('measures over the last seconds only', () => {
        const speed = new Speed();
        expect(speed.add(0, 0)).toBe(0);
        expect(speed.add(1000, 5000)).toBe(5000);
        for (let t = 2000; t <= 10_000; t += 1000) {
            speed.add(t, 5000 + t);
        }
        expect(speed.add(11_000, 16_000)).toBeCloseTo(1000, 0);
    });
});
