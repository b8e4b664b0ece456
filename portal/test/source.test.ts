import { appendFileSync, mkdtempSync, openAsBlob, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { handlers } from '../src/core/reader';
import { FIRST_LOOK, type Source, startsOf } from '../src/core/source';

const source = (file: Blob): Source => ({ path: 'a', file, size: file.size });
const filled = (length: number, value: number) =>
    source(new Blob([new Uint8Array(length).fill(value)]));

describe('the first bytes of files', () => {
    it('are read together and are each one its own', async () => {
        const all = [filled(10, 1), filled(0, 0), filled(FIRST_LOOK + 1, 2), filled(3, 3)];
        const starts = await Promise.all(await startsOf(all));
        expect(starts.map((s) => s.length)).toEqual([10, 0, FIRST_LOOK, 3]);
        expect(starts.map((s) => s[0])).toEqual([1, undefined, 2, 3]);
        expect(starts[2]!.every((b) => b === 2)).toBe(true);
    });

    it('of a file that cannot be read fail alone', async () => {
        const folder = mkdtempSync(join(tmpdir(), 'exposure-'));
        const path = join(folder, 'file');
        writeFileSync(path, 'before');
        const changed = source(await openAsBlob(path));
        appendFileSync(path, ' and after');
        const [first, second, third] = await startsOf([filled(2, 1), changed, filled(2, 3)]);
        await expect(second).rejects.toThrow();
        expect([...(await first!), ...(await third!)]).toEqual([1, 1, 3, 3]);
        const looks = await handlers.look({ sources: [filled(2, 1), changed] });
        expect(looks.map((l) => l.kind === 'other' && l.fault)).toEqual(['not_dicom', 'damaged']);
        rmSync(folder, { recursive: true });
    });

    it('are more where a header of a volume is longer', async () => {
        const comments = '# nothing to see\n'.repeat(2000);
        const text = `NRRD0004\n${comments}type: short\ndimension: 3\nsizes: 2 2 2\nencoding: raw\n`;
        const file = new Blob([`${text}endian: little\nspacings: 1 1 1\n\n`, new Uint8Array(16)]);
        const [look] = await handlers.look({ sources: [source(file)] });
        expect(look).toMatchObject({ kind: 'volume', header: { dims: [2, 2, 2] } });
    });
});
