/* Makes DICOM files for the tests, independently of src/core's writer. */

export interface Field {
    tag: number;
    vr: string;
    value: string | Uint8Array | number[] | Field[][];
}

export interface Layout {
    explicit?: boolean;
    little?: boolean;
    /** Sequences and items with undefined lengths. */
    open?: boolean;
}

const LONG = /^(O[BDFLVW]|SQ|SV|U[CNRTV])$/;

const u16 = (n: number, little: boolean) => (little ? [n & 255, n >> 8] : [n >> 8, n & 255]);
const u32 = (n: number, little: boolean) =>
    little
        ? [...u16(n & 0xffff, true), ...u16(n >>> 16, true)]
        : [...u16(n >>> 16, false), ...u16(n & 0xffff, false)];

export function element(field: Field, layout: Layout): number[] {
    const { explicit = true, little = true, open = false } = layout;
    const { tag, vr } = field;
    const tagBytes = [...u16(tag >>> 16, little), ...u16(tag & 0xffff, little)];
    const value = bytesOf(field, layout);
    const length = vr === 'SQ' && open ? 0xffffffff : value.length;
    const tail =
        vr === 'SQ' && open ? [...u16(0xfffe, little), ...u16(0xe0dd, little), 0, 0, 0, 0] : [];
    if (!explicit) {
        return [...tagBytes, ...u32(length, little), ...value, ...tail];
    }
    const name = [vr.charCodeAt(0), vr.charCodeAt(1)];
    const size = LONG.test(vr) ? [0, 0, ...u32(length, little)] : u16(length, little);
    return [...tagBytes, ...name, ...size, ...value, ...tail];
}

function bytesOf({ vr, value }: Field, layout: Layout): number[] {
    const { little = true, open = false } = layout;
    if (value instanceof Uint8Array) {
        return [...value];
    }
    if (typeof value === 'string') {
        const bytes = [...new TextEncoder().encode(value)];
        return bytes.length % 2 ? [...bytes, vr === 'UI' ? 0 : 32] : bytes;
    }
    if (vr !== 'SQ') {
        return (value as number[]).flatMap((n) => u16(n, little));
    }
    return (value as Field[][]).flatMap((item) => {
        const body = item.flatMap((f) => element(f, layout));
        const head = [...u16(0xfffe, little), ...u16(0xe000, little)];
        const end = [...u16(0xfffe, little), ...u16(0xe00d, little), 0, 0, 0, 0];
        return open
            ? [...head, 255, 255, 255, 255, ...body, ...end]
            : [...head, ...u32(body.length, little), ...body];
    });
}

export function dataSet(fields: Field[], layout: Layout = {}): Uint8Array<ArrayBuffer> {
    return Uint8Array.from(fields.flatMap((f) => element(f, layout)));
}

/** Preamble, DICM, group 2 with this transfer syntax. */
export function meta(syntax: string, sopClass = CT_CLASS): Uint8Array<ArrayBuffer> {
    const group = dataSet([
        { tag: 0x00020001, vr: 'OB', value: Uint8Array.of(0, 1) },
        { tag: 0x00020002, vr: 'UI', value: sopClass },
        { tag: 0x00020003, vr: 'UI', value: '1.2.3.4.5' },
        { tag: 0x00020010, vr: 'UI', value: syntax },
    ]);
    const length = dataSet([{ tag: 0x00020000, vr: 'UL', value: [group.length, 0] }]);
    const preamble = new Uint8Array(132);
    preamble.set(new TextEncoder().encode('SECRETPREAMBLE'));
    preamble.set(new TextEncoder().encode('DICM'), 128);
    return Uint8Array.from([...preamble, ...length, ...group]);
}

export const CT_CLASS = '1.2.840.10008.5.1.4.1.1.2';

/** One CT slice with much that must not leave, 4 x 3 pixels. */
export function ctFields(n: number, more: Field[] = []): Field[] {
    const fields: Field[] = [
        { tag: 0x00080005, vr: 'CS', value: 'ISO_IR 100' },
        { tag: 0x00080008, vr: 'CS', value: 'ORIGINAL\\PRIMARY\\AXIAL\\SECRET' },
        { tag: 0x00080016, vr: 'UI', value: CT_CLASS },
        { tag: 0x00080018, vr: 'UI', value: `1.2.3.${n}` },
        { tag: 0x00080020, vr: 'DA', value: '20200102' },
        { tag: 0x00080060, vr: 'CS', value: 'CT' },
        { tag: 0x00080080, vr: 'LO', value: 'SECRET Hospital' },
        { tag: 0x0008103e, vr: 'LO', value: 'Head SECRET' },
        {
            tag: 0x00081140,
            vr: 'SQ',
            value: [[{ tag: 0x00081155, vr: 'UI', value: '1.2.99.SECRET' }]],
        },
        { tag: 0x00090010, vr: 'LO', value: 'SECRET VENDOR' },
        { tag: 0x00091001, vr: 'LO', value: 'SECRET PRIVATE' },
        { tag: 0x00100010, vr: 'PN', value: 'SECRET^Name' },
        { tag: 0x00100020, vr: 'LO', value: 'SECRET-ID' },
        { tag: 0x00180050, vr: 'DS', value: '1.5' },
        { tag: 0x0020000d, vr: 'UI', value: '1.2.3' },
        { tag: 0x0020000e, vr: 'UI', value: '1.2.3.9' },
        { tag: 0x00200013, vr: 'IS', value: String(n) },
        { tag: 0x00200032, vr: 'DS', value: `0\\0\\${1.5 * n}` },
        { tag: 0x00200037, vr: 'DS', value: '1\\0\\0\\0\\1\\0' },
        { tag: 0x00200052, vr: 'UI', value: '1.2.3.7' },
        { tag: 0x00280002, vr: 'US', value: [1] },
        { tag: 0x00280010, vr: 'US', value: [3] },
        { tag: 0x00280011, vr: 'US', value: [4] },
        { tag: 0x00280030, vr: 'DS', value: '0.5\\0.5' },
        { tag: 0x00280100, vr: 'US', value: [16] },
        ...more,
    ];
    return fields.sort((a, b) => a.tag - b.tag);
}

export const PIXELS = Array.from({ length: 12 }, (_, i) => 100 + i);

export function ctFile(
    n: number,
    syntax = '1.2.840.10008.1.2.1',
    layout: Layout = {},
    more: Field[] = [],
    name = `IM${n}`,
): File {
    const fields = [
        ...ctFields(n, more),
        { tag: 0x7fe00010, vr: 'OW', value: PIXELS },
        { tag: 0xfffcfffc, vr: 'OB', value: new TextEncoder().encode('SECRETPADDING!') },
    ];
    return new File([meta(syntax), dataSet(fields, layout)], name);
}
