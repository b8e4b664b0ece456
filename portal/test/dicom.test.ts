import { describe, expect, it } from 'vitest';
import { isSequence } from '../src/core/deidentify';
import { type DicomFault, pixelsOf, readHead, Syntax } from '../src/core/dicom';
import {
    find,
    localText,
    numbers,
    tagName,
    text,
    unsigned,
    writeDataSet,
} from '../src/core/elements';
import { ctFields, ctFile, dataSet, meta, PIXELS } from './writer';

const read = (file: Blob) => readHead(file, isSequence);
const deflated = async (bytes: Uint8Array<ArrayBuffer>) =>
    new Response(
        new Blob([bytes]).stream().pipeThrough(new CompressionStream('deflate-raw')),
    ).arrayBuffer();

async function fault(file: Blob): Promise<DicomFault | 'none'> {
    return read(file).then(
        () => 'none' as const,
        (e) => e.fault,
    );
}

const functional = {
    tag: 0x52009229,
    vr: 'SQ',
    value: [
        [
            {
                tag: 0x00289110,
                vr: 'SQ',
                value: [[{ tag: 0x00280030, vr: 'DS', value: '1\\1' }]],
            },
        ],
    ],
};

describe('reading a head', () => {
    it.each([
        ['explicit little', Syntax.explicitLittle, {}],
        ['explicit, undefined lengths', Syntax.explicitLittle, { open: true }],
        ['implicit', Syntax.implicitLittle, { explicit: false }],
        ['implicit, undefined lengths', Syntax.implicitLittle, { explicit: false, open: true }],
        ['explicit big', Syntax.explicitBig, { little: false }],
        ['explicit big, undefined lengths', Syntax.explicitBig, { little: false, open: true }],
    ])('%s', async (_, syntax, layout) => {
        const file = ctFile(7, syntax, layout, [functional]);
        const head = await read(file);
        expect(head.syntax).toBe(syntax);
        expect(unsigned(find(head.data, 0x00280010), head.little)).toBe(3);
        expect(numbers(find(head.data, 0x00200032))).toEqual([0, 0, 10.5]);
        expect(text(find(head.data, 0x00080060))).toBe('CT');
        const groups = find(head.data, 0x52009229)!.items![0]!;
        const measures = find(groups, 0x00289110)!.items![0]!;
        expect(numbers(find(measures, 0x00280030))).toEqual([1, 1]);
        const pixels = await pixelsOf(file, head.pixels!);
        const bytes = new DataView(await pixels.arrayBuffer());
        expect(bytes.byteLength).toBe(24);
        expect(bytes.getUint16(2, head.little)).toBe(PIXELS[1]);
    });

    it('inflates a deflated data set', async () => {
        const body = dataSet([...ctFields(1), { tag: 0x7fe00010, vr: 'OW', value: PIXELS }]);
        const file = new Blob([meta(Syntax.deflated), await deflated(body)]);
        const head = await read(file);
        expect(head.syntax).toBe(Syntax.explicitLittle);
        expect((await pixelsOf(file, head.pixels!)).size).toBe(24);
        expect(await fault(new Blob([meta(Syntax.deflated), 'not deflated']))).toBe('truncated');
    });

    it.each([
        ['explicit', {}, Syntax.explicitLittle],
        ['implicit', { explicit: false }, Syntax.implicitLittle],
        ['big endian', { little: false }, Syntax.explicitBig],
    ])('does without preamble and meta information: %s', async (_, layout, syntax) => {
        const fields = [...ctFields(1), { tag: 0x7fe00010, vr: 'OW', value: PIXELS }];
        const head = await read(new Blob([dataSet(fields, layout)]));
        expect(head.syntax).toBe(syntax);
        expect(text(find(head.data, 0x00200013))).toBe('1');
    });

    it('does without a preamble but with meta information', async () => {
        const whole = ctFile(1);
        const head = await read(whole.slice(128 + 4));
        expect(head.syntax).toBe(Syntax.explicitLittle);
        expect(head.pixels).not.toBeNull();
    });

    it('finds the end of encapsulated pixels, and nothing behind it', async () => {
        const item = (n: number[]) => [0xfe, 0xff, 0x00, 0xe0, n.length, 0, 0, 0, ...n];
        const end = [0xfe, 0xff, 0xdd, 0xe0, 0, 0, 0, 0];
        const fragments = [...item([]), ...item([1, 2]), ...item([3, 4, 5, 6]), ...end];
        const start = [0xe0, 0x7f, 0x10, 0, 0x4f, 0x42, 0, 0, 255, 255, 255, 255];
        const parts = [meta('1.2.840.10008.1.2.5'), dataSet(ctFields(1)), Uint8Array.from(start)];
        const file = new Blob([...parts, Uint8Array.from(fragments), 'behind']);
        const { pixels } = await read(file);
        expect(pixels!.encapsulated).toBe(true);
        expect(pixels!.end - pixels!.start).toBe(fragments.length);
        expect(await fault(file.slice(0, file.size - 12))).toBe('truncated');
        expect(await fault(new Blob([...parts, 'no items here']))).toBe('malformed');
    });

    it('reads a head longer than a step', async () => {
        const long = { tag: 0x00090010, vr: 'OB', value: new Uint8Array(300_000) };
        const head = await read(ctFile(1, Syntax.explicitLittle, {}, [long]));
        expect(text(find(head.data, 0x00200013))).toBe('1');
    });

    it('reads sequences that were written as UN', async () => {
        const inner = dataSet([{ tag: 0x00280030, vr: 'DS', value: '2\\2' }], { explicit: false });
        const body = [0xfe, 0xff, 0x00, 0xe0, inner.length, 0, 0, 0, ...inner];
        const un = { tag: 0x00289110, vr: 'UN', value: Uint8Array.from(body) };
        const head = await read(ctFile(1, Syntax.explicitLittle, {}, [un]));
        const item = find(head.data, 0x00289110)!.items![0]!;
        expect(numbers(find(item, 0x00280030))).toEqual([2, 2]);
    });

    it('says what a file is that is no picture', async () => {
        expect(await fault(new Blob(['a text file that is named .dcm']))).toBe('not_dicom');
        expect(await fault(new Blob([]))).toBe('not_dicom');
        const directory = meta(Syntax.explicitLittle, '1.2.840.10008.1.3.10');
        expect(await fault(new Blob([directory, dataSet(ctFields(1))]))).toBe('dicomdir');
        expect(await fault(new Blob([directory]))).toBe('truncated');
        expect(await fault(ctFile(1).slice(0, 600))).toBe('truncated');
        const noPixels = await read(new Blob([meta(Syntax.explicitLittle), dataSet(ctFields(1))]));
        expect(noPixels.pixels).toBeNull();
    });

    it('answers every cut and many flipped bytes with a head or a fault', async () => {
        const whole = new Uint8Array(
            await ctFile(1, Syntax.explicitLittle, { open: true }, [functional]).arrayBuffer(),
        );
        const known = ['none', 'not_dicom', 'dicomdir', 'truncated', 'malformed'];
        for (let n = 0; n < whole.length; n += 3) {
            expect(known).toContain(await fault(new Blob([whole.subarray(0, n)])));
            const bad = whole.slice();
            bad[n]! ^= 0xff;
            expect(known).toContain(await fault(new Blob([bad])));
        }
    });

    it('refuses nesting without end', async () => {
        let field = { tag: 0x00289110, vr: 'SQ', value: [[]] } as import('./writer').Field;
        for (let i = 0; i < 30; i++) {
            field = { tag: 0x00289110, vr: 'SQ', value: [[field]] };
        }
        expect(await fault(ctFile(1, Syntax.explicitLittle, {}, [field]))).toBe('malformed');
    });

    it('shows texts in the character set of the file', async () => {
        const latin = { tag: 0x00204000, vr: 'LT', value: Uint8Array.of(0x4d, 0xfc, 0x72, 0x20) };
        const head = await read(ctFile(1, Syntax.explicitLittle, {}, [latin]));
        expect(localText(head.data, 0x00204000)).toBe('Mür');
        expect(localText(head.data, 0x00204001)).toBe('');
    });
});

describe('writing', () => {
    it.each([
        { explicit: true, little: true },
        { explicit: false, little: true },
        { explicit: true, little: false },
    ])('gives back what was read: %j', async (layout) => {
        const fields = [...ctFields(1), functional];
        const bytes = dataSet(fields, layout);
        const head = await read(new Blob([bytes]));
        expect(writeDataSet(head.data, layout)).toEqual(bytes);
    });

    it('writes tags as people do', () => {
        expect(tagName(0x7fe00010)).toBe('(7FE0,0010)');
    });
});
