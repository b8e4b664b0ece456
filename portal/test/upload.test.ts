import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Body } from '../src/core/body';
import { isSequence } from '../src/core/deidentify';
import { pixelsOf, readHead, Syntax } from '../src/core/dicom';
import { find, text } from '../src/core/elements';
import { withPool } from '../src/core/pool';
import { findSeries } from '../src/core/series';
import { sourceOf } from '../src/core/source';
import { tarHeader, tarParts } from '../src/core/tar';
import { prepare } from '../src/core/upload';
import { testPool } from './workers';
import { ctFields, ctFile, dataSet, meta, PIXELS } from './writer';

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

/** What the first series of these files sends. */
async function sent(files: File[], progress = (_: number) => {}) {
    return withPool(
        () => testPool(),
        go,
        async (pool) => {
            const { series } = await findSeries(files.map(sourceOf), pool, () => {});
            const { body, receipt } = await prepare(series[0]!, 0, pool, progress);
            return { body, receipt, blob: await body.slice(0, body.size) };
        },
    );
}

describe('a body', () => {
    const letters = 'abcdefghijklmnopqrstuvwxyz';
    const part = (from: number, to: number) => new TextEncoder().encode(letters.slice(from, to));

    it('gives out any range of its parts', async () => {
        let opened = 0;
        const lazy = {
            bytes: 6,
            open: async () => {
                opened++;
                return new Blob([part(9, 15)]);
            },
        };
        const parts = [part(0, 3), new Blob([part(3, 9)]), new Uint8Array(0), lazy, part(15, 26)];
        const body = new Body(parts);
        expect(body.size).toBe(26);
        for (let start = 0; start <= 26; start++) {
            for (let end = start; end <= 26; end++) {
                const range = await (await body.slice(start, end)).text();
                expect(range).toBe(letters.slice(start, end));
            }
        }
        expect(opened).toBe(1);
    });

    it('does not send a part that has become another', async () => {
        const body = new Body([{ bytes: 3, open: async () => new Blob(['four']) }]);
        await expect(body.slice(0, 3)).rejects.toThrow('changed');
    });
});

describe('tar', () => {
    it('is what tar reads', async () => {
        const bytes = (s: string) => new TextEncoder().encode(s);
        const body = new Body(
            tarParts([
                { name: 'one', parts: [bytes('abc'), new Blob(['def'])] },
                { name: 'two', parts: [new Uint8Array(512)] },
                { name: 'empty', parts: [] },
            ]),
        );
        expect(body.size % 512).toBe(0);
        const files = await unpack(await body.slice(0, body.size));
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
        const steps: number[] = [];
        const { blob, receipt } = await sent([ctFile(1), ctFile(2)], (n) => steps.push(n));
        expect(steps).toEqual([2]);
        expect(await blob.text()).not.toContain('SECRET');
        const files = await unpack(blob);
        expect([...files.keys()].sort()).toEqual(['000001.dcm', '000002.dcm']);
        const heads = await Promise.all(
            [...files.values()].map((bytes) => readHead(new Blob([bytes]), isSequence)),
        );
        expect(heads.map((h) => text(find(h.data, 0x00200013))).sort()).toEqual(['1', '2']);
        expect(new Set(heads.map((h) => text(find(h.data, 0x0020000e)))).size).toBe(1);
        expect(receipt.files).toBe(2);
        expect(receipt.lines().find((l) => l.tag === '(0010,0010)')).toMatchObject({
            fate: 'emptied',
            before: 'SECRET^Name',
            count: 2,
        });
    });

    it('shares out many files, and keeps their order', async () => {
        const files = Array.from({ length: 60 }, (_, i) => ctFile(60 - i));
        const { blob, receipt } = await sent(files);
        const members = await unpack(blob);
        expect(receipt.files).toBe(60);
        const last = await readHead(new Blob([members.get('000060.dcm')!]), isSequence);
        expect(text(find(last.data, 0x00200013))).toBe('60');
        expect(new Set(receipt.lines().map((l) => `${l.fate}${l.tag}`)).size).toBe(
            receipt.lines().length,
        );
    });

    it('inflates deflated files when their bytes are due', async () => {
        const fields = (n: number) => [
            ...ctFields(n),
            { tag: 0x7fe00010, vr: 'OW', value: PIXELS.slice(0, 11) },
        ];
        const file = async (n: number) => {
            const plain = new Blob([dataSet(fields(n))]).stream();
            const packed = plain.pipeThrough(new CompressionStream('deflate-raw'));
            const body = await new Response(packed).blob();
            return new File([meta(Syntax.deflated), body], `D${n}`);
        };
        const { blob } = await sent([await file(1), await file(2)]);
        const [one] = (await unpack(blob)).values();
        const again = new Blob([one!]);
        const head = await readHead(again, isSequence);
        expect(head.syntax).toBe(Syntax.explicitLittle);
        const pixels = new Uint16Array(await (await pixelsOf(again, head.pixels!)).arrayBuffer());
        expect([...pixels]).toEqual(PIXELS.slice(0, 11));
    });

    it('says when a file can no longer be read', async () => {
        const failed = withPool(
            () => testPool(),
            go,
            async (pool) => {
                const files = [ctFile(1), ctFile(2)].map(sourceOf);
                const [series] = (await findSeries(files, pool, () => {})).series;
                series!.phases[0]![1] = sourceOf(new File(['something else'], 'IM2'));
                return prepare(series!, 0, pool, () => {});
            },
        );
        await expect(failed).rejects.toThrow('not_dicom');
    });
});
