/* The elements of a DICOM data set: their values, and how they are written. */

export interface Element {
    /** Group in the upper, element in the lower 16 bits. */
    tag: number;
    /** Two letters; for implicit VR files UN unless it is a sequence. */
    vr: string;
    /** Bytes as in the file; empty for sequences. */
    value: Uint8Array;
    items?: DataSet[];
}

export type DataSet = Element[];

export interface Encoding {
    explicit: boolean;
    little: boolean;
}

/** Value representations whose length takes 32 bits when explicit. */
export const LONG_VRS = new Set('OB OD OF OL OV OW SQ SV UC UN UR UT UV'.split(' '));
export const ITEM = 0xfffee000;

export function find(data: DataSet, tag: number): Element | undefined {
    return data.find((e) => e.tag === tag);
}

/** The value as trimmed ASCII; '' for nothing. */
export function text(element: Element | undefined): string {
    let out = '';
    for (const byte of element?.value ?? []) {
        out += String.fromCharCode(byte);
    }
    return out.replace(/[\0 ]+$/, '').trimStart();
}

/** The numbers of a DS or IS. */
export function numbers(element: Element | undefined): number[] {
    const t = text(element);
    return t === '' ? [] : t.split('\\').map(Number);
}

/** The numbers of an element of these binary types. */
export function values(
    element: Element | undefined,
    vr: 'US' | 'UL' | 'FD',
    little: boolean,
): number[] {
    const v = element?.value;
    const size = { US: 2, UL: 4, FD: 8 }[vr];
    if (!v) {
        return [];
    }
    const view = new DataView(v.buffer, v.byteOffset, v.length);
    return Array.from({ length: Math.floor(v.length / size) }, (_, i) =>
        vr === 'US'
            ? view.getUint16(i * 2, little)
            : vr === 'UL'
              ? view.getUint32(i * 4, little)
              : view.getFloat64(i * 8, little),
    );
}

/** The first number of a US. */
export function unsigned(element: Element | undefined, little: boolean): number | undefined {
    return values(element, 'US', little)[0];
}

const CHARSETS: Record<string, string> = {
    'ISO_IR 100': 'iso-8859-1',
    'ISO_IR 101': 'iso-8859-2',
    'ISO_IR 109': 'iso-8859-3',
    'ISO_IR 110': 'iso-8859-4',
    'ISO_IR 144': 'iso-8859-5',
    'ISO_IR 127': 'iso-8859-6',
    'ISO_IR 126': 'iso-8859-7',
    'ISO_IR 138': 'iso-8859-8',
    'ISO_IR 148': 'iso-8859-9',
    'ISO_IR 203': 'iso-8859-15',
    'ISO_IR 166': 'windows-874',
    'ISO_IR 13': 'shift_jis',
    'ISO_IR 87': 'iso-2022-jp',
    'ISO_IR 159': 'iso-2022-jp',
    'ISO_IR 149': 'euc-kr',
    'ISO_IR 58': 'gb18030',
    'ISO_IR 192': 'utf-8',
    GB18030: 'gb18030',
    GBK: 'gbk',
};

/** A text as the file's character set says, for showing it to its owner. */
export function localText(data: DataSet, tag: number): string {
    const value = find(data, tag)?.value;
    if (!value) {
        return '';
    }
    const sets = text(find(data, 0x00080005)).replaceAll('ISO 2022 IR', 'ISO_IR').split('\\');
    const label = sets.map((s) => CHARSETS[s.trim()]).findLast((s) => s !== undefined);
    return new TextDecoder(label ?? 'iso-8859-1').decode(value).replace(/[\0 ]+$/, '');
}

/** Collects bytes; the parts are joined once. */
export class Bytes {
    private parts: Uint8Array[] = [];
    length = 0;

    push(part: Uint8Array) {
        this.parts.push(part);
        this.length += part.length;
    }

    join(): Uint8Array<ArrayBuffer> {
        const out = new Uint8Array(this.length);
        let at = 0;
        for (const part of this.parts) {
            out.set(part, at);
            at += part.length;
        }
        return out;
    }
}

/** Tag, VR and length as they stand before a value. */
export function elementHeader(
    tag: number,
    vr: string,
    length: number,
    { explicit, little }: Encoding,
): Uint8Array<ArrayBuffer> {
    const short = !LONG_VRS.has(vr) && length <= 0xffff;
    const long = explicit && !short;
    const out = new Uint8Array(long ? 12 : 8);
    const view = new DataView(out.buffer);
    view.setUint16(0, tag >>> 16, little);
    view.setUint16(2, tag & 0xffff, little);
    if (!explicit) {
        view.setUint32(4, length, little);
        return out;
    }
    const name = LONG_VRS.has(vr) || short ? vr : 'UN';
    out[4] = name.charCodeAt(0);
    out[5] = name.charCodeAt(1);
    if (long) {
        view.setUint32(8, length, little);
    } else {
        view.setUint16(6, length, little);
    }
    return out;
}

/** Elements in the order given; sequences and items get defined lengths. */
export function writeDataSet(data: DataSet, encoding: Encoding): Uint8Array<ArrayBuffer> {
    const out = new Bytes();
    for (const element of data) {
        const value = element.items ? writeItems(element.items, encoding) : even(element);
        out.push(elementHeader(element.tag, element.vr, value.length, encoding));
        out.push(value);
    }
    return out.join();
}

function writeItems(items: DataSet[], encoding: Encoding): Uint8Array {
    const out = new Bytes();
    for (const item of items) {
        const body = writeDataSet(item, encoding);
        out.push(elementHeader(ITEM, '', body.length, { ...encoding, explicit: false }));
        out.push(body);
    }
    return out.join();
}

function even({ value, vr }: Element): Uint8Array {
    if (value.length % 2 === 0) {
        return value;
    }
    const padded = new Uint8Array(value.length + 1);
    padded.set(value);
    padded[value.length] = vr === 'UI' || vr.startsWith('O') || vr === 'UN' ? 0 : 0x20;
    return padded;
}

/** "00280010" to its number. */
export function tagNumber(hex: string): number {
    return Number.parseInt(hex, 16);
}

/** The number to "(0028,0010)". */
export function tagName(tag: number): string {
    const hex = tag.toString(16).toUpperCase().padStart(8, '0');
    return `(${hex.slice(0, 4)},${hex.slice(4)})`;
}
