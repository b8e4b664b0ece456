import { describe, expect, it } from 'vitest';
import { contentOf, type Source, startOf } from '../src/core/source';
import { members, ZipError } from '../src/core/zip';

interface Made {
    name: string;
    body: Uint8Array;
    method?: number;
    flags?: number;
    /** As the directory tells it. */
    size?: number;
    bytes?: number;
    at?: number;
    zip64?: boolean;
}

const u16 = (n: number) => [n & 255, (n >> 8) & 255];
const u32 = (n: number) => [...u16(n), ...u16(n >>> 16)];
const u64 = (n: number) => [...u32(n >>> 0), ...u32(Math.floor(n / 2 ** 32))];
const text = (s: string) => [...new TextEncoder().encode(s)];

/** An archive as told, sound or not. */
function make(all: Made[], { zip64 = false, comment = '' } = {}): Blob {
    const out: number[] = [];
    const directory: number[] = [];
    for (const m of all) {
        const { method = 0, flags = 0, size = m.body.length, bytes = m.body.length } = m;
        const at = m.at ?? out.length;
        const name = text(m.name);
        const both = [...u16(flags), ...u16(method), ...u32(0), ...u32(0)];
        out.push(...u32(0x04034b50), ...u16(20), ...both, ...u32(0), ...u32(0));
        out.push(...u16(name.length), ...u16(3), ...name, 1, 2, 3, ...m.body);
        const wide = m.zip64
            ? [...u16(1), ...u16(24), ...u64(size), ...u64(bytes), ...u64(at)]
            : [];
        const [told, packed, local] = m.zip64 ? [-1, -1, -1] : [size, bytes, at];
        directory.push(...u32(0x02014b50), ...u16(20), ...u16(20), ...both);
        directory.push(...u32(packed), ...u32(told), ...u16(name.length), ...u16(wide.length));
        directory.push(...Array(10).fill(0), ...u32(local), ...name, ...wide);
    }
    const at = out.length;
    out.push(...directory);
    if (zip64) {
        const end64 = out.length;
        out.push(...u32(0x06064b50), ...u64(44), ...u16(45), ...u16(45), ...u32(0), ...u32(0));
        out.push(...u64(all.length), ...u64(all.length), ...u64(directory.length), ...u64(at));
        out.push(...u32(0x07064b50), ...u32(0), ...u64(end64), ...u32(1));
    }
    const count = zip64 ? 0xffff : all.length;
    out.push(...u32(0x06054b50), ...u16(0), ...u16(0), ...u16(count), ...u16(count));
    out.push(...u32(zip64 ? -1 : directory.length), ...u32(zip64 ? -1 : at));
    out.push(...u16(comment.length), ...text(comment));
    return new Blob([Uint8Array.from(out)]);
}

async function deflated(plain: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
    const packed = new Blob([plain]).stream().pipeThrough(new CompressionStream('deflate-raw'));
    return new Uint8Array(await new Response(packed).arrayBuffer());
}

async function fault(zip: Blob): Promise<string> {
    try {
        return `none: ${(await members(zip)).length}`;
    } catch (e) {
        return e instanceof ZipError ? e.fault : String(e);
    }
}

async function sources(zip: Blob): Promise<Source[]> {
    return (await members(zip)).map(({ path, size, ...packed }) => ({
        path,
        file: zip,
        size,
        packed,
    }));
}

const abc = Uint8Array.from(text('abcabcabc'));
const read = async (source: Source) => (await contentOf(source)).text();

describe('a zip archive', () => {
    it('gives its members, stored and deflated', async () => {
        const zip = make(
            [
                { name: 'folder/', body: new Uint8Array(0) },
                { name: 'folder/one', body: abc },
                { name: 'two', body: await deflated(abc), method: 8, size: 9 },
                { name: 'odd', body: abc, method: 12 },
            ],
            { comment: 'a comment' },
        );
        const all = await sources(zip);
        expect(all.map((s) => s.path)).toEqual(['folder/one', 'two']);
        expect(await Promise.all(all.map(read))).toEqual(['abcabcabc', 'abcabcabc']);
        const starts = await Promise.all(all.map(startOf));
        expect(starts.map((s) => s.length)).toEqual([9, 9]);
    });

    it('may be zip64, in its end and in its members', async () => {
        const zip = make([{ name: 'one', body: abc, zip64: true }], { zip64: true });
        expect(await Promise.all((await sources(zip)).map(read))).toEqual(['abcabcabc']);
    });

    it('names are read as they were written', async () => {
        const [utf8] = await members(make([{ name: 'Köln', body: abc, flags: 1 << 11 }]));
        expect(utf8!.path).toBe('Köln');
    });

    it('that is encrypted is refused whole', async () => {
        for (const flags of [1, 1 << 6, 1 << 13]) {
            const zip = make([
                { name: 'open', body: abc },
                { name: 'locked', body: abc, flags },
            ]);
            expect(await fault(zip)).toBe('encrypted');
        }
    });

    it('that would unpack without end is refused', async () => {
        const packed = await deflated(new Uint8Array(100_000));
        const fine = { name: 'a', body: packed, method: 8, size: 100_000 };
        expect(await fault(make([fine]))).toBe('none: 1');
        expect(await fault(make([{ ...fine, size: packed.length * 1033 }]))).toBe('bomb');
        expect(await fault(make([{ name: 'a', body: abc, size: 10 }]))).toBe('bomb');
        const overlapping = [fine, { ...fine, name: 'b', at: 0 }];
        expect(await fault(make(overlapping))).toBe('bomb');
        const huge = { name: 'a', body: abc, zip64: true, size: 40 * 2 ** 30, method: 12 };
        expect(await fault(make([huge]))).toBe('bomb');
    });

    it('member that is another length than told is damaged', async () => {
        const body = await deflated(abc);
        for (const size of [8, 10]) {
            const [source] = await sources(make([{ name: 'a', body, method: 8, size }]));
            await expect(contentOf(source!)).rejects.toThrow();
        }
        const zip = make([{ name: 'a', body: Uint8Array.from([7, 7, 7]), method: 8, size: 9 }]);
        const [broken] = await sources(zip);
        await expect(contentOf(broken!)).rejects.toThrow();
        expect(await startOf(broken!)).toHaveLength(0);
    });

    it('cut or changed anywhere is an archive or a fault, never more', async () => {
        const zip = make([
            { name: 'one', body: abc },
            { name: 'two', body: await deflated(abc), method: 8, size: 9, zip64: true },
        ]);
        const bytes = new Uint8Array(await zip.arrayBuffer());
        for (let i = 0; i < bytes.length; i++) {
            for (const bad of [bytes.slice(0, i), bytes.with(i, bytes[i]! ^ 0xff)]) {
                const blob = new Blob([bad as BlobPart]);
                const known = await members(blob).catch((e) => {
                    expect(e).toBeInstanceOf(ZipError);
                    return [];
                });
                for (const { path, size, ...packed } of known) {
                    const source = { path, file: blob, size, packed };
                    const content = await contentOf(source).catch(() => null);
                    expect(content?.size ?? size).toBe(size);
                }
            }
        }
    });
});
