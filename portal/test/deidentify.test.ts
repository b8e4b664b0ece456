import { describe, expect, it } from 'vitest';
import list from '../../api/deidentify.json';
import { Deidentifier, isSequence, newSecret } from '../src/core/deidentify';
import { type Head, pixelsOf, readHead, Syntax } from '../src/core/dicom';
import { find, text, unsigned } from '../src/core/elements';
import { ctFile, type Field, type Layout } from './writer';

async function rewrite(d: Deidentifier, file: File): Promise<{ head: Head; blob: Blob }> {
    const before = await readHead(file, isSequence);
    const blob = new Blob([await d.rewrite(before), await pixelsOf(file, before.pixels!)]);
    return { head: await readHead(blob, isSequence), blob };
}

async function once(syntax: string, layout: Layout = {}, more: Field[] = []) {
    const d = new Deidentifier(await newSecret());
    return { d, ...(await rewrite(d, ctFile(1, syntax, layout, more))) };
}

const onList = new Set(
    [list.keep, list.replace_uid, list.empty, list.set, list.sequences]
        .flat()
        .map((r) => Number.parseInt(r.tag, 16)),
);

describe('de-identification', () => {
    it.each([
        ['explicit', Syntax.explicitLittle, {}],
        ['undefined lengths', Syntax.explicitLittle, { open: true }],
        ['implicit', Syntax.implicitLittle, { explicit: false }],
        ['big endian', Syntax.explicitBig, { little: false }],
    ])('lets nothing out that is not on the list: %s', async (_, syntax, layout) => {
        const { head, blob } = await once(syntax, layout);
        expect(await blob.text()).not.toContain('SECRET');
        expect(head.syntax).toBe(syntax);
        for (const { tag } of [...head.meta, ...head.data]) {
            expect(tag === 0x00020000 || onList.has(tag)).toBe(true);
        }
        expect(head.data.map((e) => e.tag)).toEqual(
            head.data.map((e) => e.tag).sort((a, b) => a - b),
        );
    });

    it('keeps geometry and pixels byte for byte', async () => {
        const file = ctFile(1);
        const before = await readHead(file, isSequence);
        const { head, blob } = await once(Syntax.explicitLittle);
        for (const tag of [0x00180050, 0x00200032, 0x00200037, 0x00280030, 0x00280100]) {
            expect(find(head.data, tag)!.value).toEqual(find(before.data, tag)!.value);
        }
        expect(unsigned(find(head.data, 0x00280011), true)).toBe(4);
        const cut = async (b: Blob, h: Head) => (await pixelsOf(b, h.pixels!)).arrayBuffer();
        expect(await cut(blob, head)).toEqual(await cut(file, before));
        expect(blob.size).toBe(head.pixels!.end);
    });

    it('keeps the first three values of ImageType', async () => {
        const { head } = await once(Syntax.explicitLittle);
        expect(text(find(head.data, 0x00080008))).toBe('ORIGINAL\\PRIMARY\\AXIAL');
    });

    it('gives equal UIDs equal new ones, in one upload and not in the next', async () => {
        const d = new Deidentifier(await newSecret());
        const one = (await rewrite(d, ctFile(1))).head;
        const two = (await rewrite(d, ctFile(2))).head;
        const other = (await once(Syntax.explicitLittle)).head;
        const uid = (h: Head, tag: number) => text(find(h.data, tag));
        expect(uid(one, 0x0020000e)).toMatch(/^2\.25\.\d{30,39}$/);
        expect(uid(one, 0x0020000e).length).toBeLessThanOrEqual(64);
        expect(uid(one, 0x0020000e)).toBe(uid(two, 0x0020000e));
        expect(uid(one, 0x00080018)).not.toBe(uid(two, 0x00080018));
        expect(uid(one, 0x0020000e)).not.toBe(uid(other, 0x0020000e));
        expect(text(find(one.meta, 0x00020003))).toBe(uid(one, 0x00080018));
        expect(text(find(one.data, 0x00100020))).toBe(text(find(two.data, 0x00100020)));
    });

    it('empties and sets what other programs expect', async () => {
        const { head } = await once(Syntax.explicitLittle);
        expect(text(find(head.data, 0x00100010))).toBe('');
        expect(find(head.data, 0x00100010)).toBeDefined();
        expect(text(find(head.data, 0x00100020))).toMatch(/^[0-9A-F]{10}$/);
        expect(text(find(head.data, 0x00120062))).toBe('YES');
        expect(text(find(head.data, 0x00280303))).toBe('REMOVED');
        const code = find(head.data, 0x00120064)!.items![0]!;
        expect(text(find(code, 0x00080100))).toBe('113100');
    });

    it('goes through sequences by the same list', async () => {
        const groups = {
            tag: 0x52009230,
            vr: 'SQ',
            value: [
                [
                    {
                        tag: 0x00209113,
                        vr: 'SQ',
                        value: [
                            [
                                { tag: 0x00100010, vr: 'PN', value: 'SECRET' },
                                { tag: 0x00200032, vr: 'DS', value: '1\\2\\3' },
                            ],
                        ],
                    },
                    { tag: 0x00091001, vr: 'LO', value: 'SECRET' },
                ],
            ],
        };
        const { head, blob } = await once(Syntax.explicitLittle, { open: true }, [groups]);
        expect(await blob.text()).not.toContain('SECRET');
        const frame = find(head.data, 0x52009230)!.items![0]!;
        expect(frame).toHaveLength(1);
        const position = find(frame, 0x00209113)!.items![0]!;
        expect(position.map((e) => e.tag)).toEqual([0x00200032]);
    });

    it('drops kept elements that carry something else', async () => {
        const { blob } = await once(Syntax.explicitLittle, {}, [
            { tag: 0x00180088, vr: 'DS', value: 'SECRET' },
            { tag: 0x00180015, vr: 'CS', value: 'SECRET LEG' },
            { tag: 0x00185100, vr: 'CS', value: 'SECRET' },
            { tag: 0x00280301, vr: 'CS', value: 'SECRET' },
            { tag: 0x00280004, vr: 'CS', value: 'SECRET_IS_TOO_LONG_FOR_CODE' },
            { tag: 0x00209056, vr: 'SH', value: 'SECRET' },
            { tag: 0x00080000, vr: 'UL', value: [1, 0] },
        ]);
        expect(await blob.text()).not.toContain('SECRET');
        const kept = await once(Syntax.explicitLittle, {}, [
            { tag: 0x00180015, vr: 'CS', value: 'HEAD' },
            { tag: 0x00185100, vr: 'CS', value: 'HFS ' },
        ]);
        expect(text(find(kept.head.data, 0x00185100))).toBe('HFS');
        expect(text(find(kept.head.data, 0x00180015))).toBe('HEAD');
    });

    it('drops a modality that is a name', async () => {
        const d = new Deidentifier(await newSecret());
        const file = ctFile(1);
        const bytes = new Uint8Array(await file.arrayBuffer());
        const at = bytes.findIndex(
            (b, i) => b === 8 && bytes[i + 1] === 0 && bytes[i + 2] === 0x60 && bytes[i + 3] === 0,
        );
        bytes.set(new TextEncoder().encode('QX'), at + 8);
        const { head } = await rewrite(d, new File([bytes], 'a.dcm'));
        expect(find(head.data, 0x00080060)).toBeUndefined();
    });

    it('writes a receipt of what became of everything', async () => {
        const { d } = await once(Syntax.explicitLittle);
        await rewrite(d, ctFile(2));
        const lines = d.receipt.lines();
        const line = (tag: string, fate: string) =>
            lines.find((l) => l.tag === tag && l.fate === fate);
        expect(d.receipt.files).toBe(2);
        expect(line('(0008,0080)', 'removed')).toMatchObject({
            name: 'InstitutionName',
            before: 'SECRET Hospital',
            count: 2,
        });
        expect(line('(0010,0010)', 'emptied')).toMatchObject({ before: 'SECRET^Name', after: '' });
        expect(line('(0028,0010)', 'kept')).toMatchObject({ before: '3' });
        expect(line('(0020,000E)', 'replaced')!.after).toMatch(/^2\.25\./);
        expect(line('', 'removed')).toMatchObject({ count: 4, before: '' });
        expect(line('(0012,0062)', 'added')).toMatchObject({ after: 'YES' });
    });

    it('refuses a file without pixels', async () => {
        const head = await readHead(ctFile(1), isSequence);
        const d = new Deidentifier(await newSecret());
        await expect(d.rewrite({ ...head, pixels: null })).rejects.toThrow('no pixels');
    });
});
