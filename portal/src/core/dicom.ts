/*
 * Reads the head of a DICOM file, up to the pixels, and writes elements back.
 * Explicit and implicit little endian, explicit big endian and deflated; with
 * or without preamble and file meta information. Pixel bytes are never read:
 * the head says where they lie.
 */

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

export interface Pixels {
    tag: number;
    vr: string;
    /** Bytes of the value in source; encapsulated ones with their delimiter. */
    start: number;
    end: number;
    encapsulated: boolean;
}

export interface Head extends Encoding {
    /** Transfer syntax of source: the file's own, but inflated if deflated. */
    syntax: string;
    meta: DataSet;
    data: DataSet;
    /** The file, or its inflated data set. */
    source: Blob;
    pixels: Pixels | null;
}

export type DicomFault = 'not_dicom' | 'dicomdir' | 'truncated' | 'malformed';

export class DicomError extends Error {
    constructor(readonly fault: DicomFault) {
        super(fault);
    }
}

export const Syntax = {
    implicitLittle: '1.2.840.10008.1.2',
    explicitLittle: '1.2.840.10008.1.2.1',
    explicitBig: '1.2.840.10008.1.2.2',
    deflated: '1.2.840.10008.1.2.1.99',
} as const;

const DICOMDIR_CLASS = '1.2.840.10008.1.3.10';
const UNDEFINED = 0xffffffff;
const ITEM = 0xfffee000;
const ITEM_END = 0xfffee00d;
const SEQUENCE_END = 0xfffee0dd;
const PIXEL_TAGS = [0x7fe00008, 0x7fe00009, 0x7fe00010];
const STEP = 65536;
const HEAD_MAX = 256 << 20;
const DEPTH_MAX = 16;
const LONG_VRS = new Set('OB OD OF OL OV OW SQ SV UC UN UR UT UV'.split(' '));
const VRS = new Set(
    `AE AS AT CS DA DS DT FL FD IS LO LT OB OD OF OL OV OW PN SH SL SQ SS ST SV
     TM UC UI UL UN UR US UT UV`.split(/\s+/),
);

/** More bytes of the file are needed. */
class Short extends Error {}

/**
 * Reads a file's head.
 *
 * isSequence: tells sequences apart in implicit VR files.
 * Throws DicomError.
 */
export async function readHead(file: Blob, isSequence: (tag: number) => boolean): Promise<Head> {
    const start = new Uint8Array(await file.slice(0, STEP).arrayBuffer());
    const first = findStart(start);
    const metaRead = first.meta
        ? await grow(file, 0, (bytes) => readMeta(bytes, first.at))
        : { meta: [], end: first.at };
    const { meta, end } = metaRead;

    let syntax = text(find(meta, 0x00020010)) || guessSyntax(start, end);
    if (text(find(meta, 0x00020002)) === DICOMDIR_CLASS) {
        throw new DicomError('dicomdir');
    }

    let source = file;
    let from = end;
    if (syntax === Syntax.deflated) {
        source = await inflate(file.slice(end));
        from = 0;
        syntax = Syntax.explicitLittle;
    }

    const encoding = {
        explicit: syntax !== Syntax.implicitLittle,
        little: syntax !== Syntax.explicitBig,
    };
    const read = await grow(source, from, (bytes, whole) => {
        const reader = new Reader(bytes, encoding, isSequence);
        const data = reader.dataSet(0, bytes.length, 0, true);
        if (!reader.pixel && !whole) {
            throw new Short();
        }
        return { data, pixel: reader.pixel };
    });
    if (read.data.length === 0) {
        throw new DicomError('not_dicom');
    }

    const pixels = read.pixel ? await locate(source, from, read.pixel, encoding) : null;
    return { ...encoding, syntax, meta, data: read.data, source, pixels };
}

/** Runs parse on the file from offset on, with more and more of it. */
async function grow<T>(
    file: Blob,
    offset: number,
    parse: (bytes: Uint8Array, whole: boolean) => T,
): Promise<T> {
    for (let size = STEP; ; size *= 4) {
        const whole = offset + size >= file.size;
        const bytes = new Uint8Array(await file.slice(offset, offset + size).arrayBuffer());
        try {
            return parse(bytes, whole);
        } catch (e) {
            if (!(e instanceof Short)) {
                throw e;
            }
            if (whole || size > HEAD_MAX) {
                throw new DicomError(whole ? 'truncated' : 'malformed');
            }
        }
    }
}

function findStart(bytes: Uint8Array): { at: number; meta: boolean } {
    const magic = String.fromCharCode(...bytes.subarray(128, 132));
    if (magic === 'DICM') {
        return { at: 132, meta: true };
    }
    const group = bytes.length >= 8 ? bytes[0]! | (bytes[1]! << 8) : 0;
    if (group === 2 && vrAt(bytes, 4)) {
        return { at: 0, meta: true };
    }
    if (group === 8 || group === 0x0800) {
        return { at: 0, meta: false };
    }
    throw new DicomError('not_dicom');
}

function vrAt(bytes: Uint8Array, at: number): boolean {
    return VRS.has(String.fromCharCode(bytes[at]!, bytes[at + 1]!));
}

/** The data set at `at` has no meta information that would say. */
function guessSyntax(bytes: Uint8Array, at: number): string {
    if (!vrAt(bytes, at + 4)) {
        return Syntax.implicitLittle;
    }
    return bytes[at] === 0 ? Syntax.explicitBig : Syntax.explicitLittle;
}

function readMeta(bytes: Uint8Array, at: number): { meta: DataSet; end: number } {
    const reader = new Reader(bytes, { explicit: true, little: true }, () => false);
    const meta: DataSet = [];
    reader.at = at;
    for (;;) {
        const before = reader.at;
        if (before === bytes.length && meta.length > 0) {
            throw new Short();
        }
        if (reader.peekGroup() !== 2) {
            return { meta, end: before };
        }
        meta.push(reader.element(bytes.length, 0));
    }
}

async function inflate(data: Blob): Promise<Blob> {
    try {
        const inflater = new DecompressionStream('deflate-raw');
        return await new Response(data.stream().pipeThrough(inflater)).blob();
    } catch {
        throw new DicomError('truncated');
    }
}

interface PixelStart {
    tag: number;
    vr: string;
    start: number;
    length: number;
}

async function locate(
    source: Blob,
    from: number,
    pixel: PixelStart,
    encoding: Encoding,
): Promise<Pixels> {
    const { tag, vr, length } = pixel;
    const start = from + pixel.start;
    const encapsulated = length === UNDEFINED;
    const end = encapsulated ? await endOfItems(source, start, encoding.little) : start + length;
    if (end > source.size) {
        throw new DicomError('truncated');
    }
    return { tag, vr, start, end, encapsulated };
}

/** Offset behind the sequence delimiter of encapsulated pixels. */
async function endOfItems(source: Blob, start: number, little: boolean): Promise<number> {
    for (let at = start; ; ) {
        const bytes = await source.slice(at, at + 8).arrayBuffer();
        if (bytes.byteLength < 8) {
            throw new DicomError('truncated');
        }
        const view = new DataView(bytes);
        const tag = tagOf(view, 0, little);
        if (tag === SEQUENCE_END) {
            return at + 8;
        }
        if (tag !== ITEM) {
            throw new DicomError('malformed');
        }
        at += 8 + view.getUint32(4, little);
    }
}

function tagOf(view: DataView, at: number, little: boolean): number {
    return ((view.getUint16(at, little) << 16) | view.getUint16(at + 2, little)) >>> 0;
}

class Reader {
    at = 0;
    pixel: PixelStart | null = null;
    private view: DataView;

    constructor(
        private bytes: Uint8Array,
        private encoding: Encoding,
        private isSequence: (tag: number) => boolean,
    ) {
        this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    }

    peekGroup(): number {
        this.need(4);
        return this.view.getUint16(this.at, this.encoding.little);
    }

    /**
     * Elements up to end. A data set at the top ends at the pixels or at the
     * end of the file; one of undefined length at its delimiter.
     */
    dataSet(start: number, end: number, depth: number, top: boolean): DataSet {
        const out: DataSet = [];
        this.at = start;
        while (this.at < end) {
            this.need(8);
            const tag = tagOf(this.view, this.at, this.encoding.little);
            if (tag === ITEM_END && !top) {
                this.at += 8;
                return out;
            }
            if (tag >>> 16 < 8 || tag >>> 16 === 0xfffe) {
                throw new DicomError(out.length === 0 ? 'not_dicom' : 'malformed');
            }
            if (top && PIXEL_TAGS.includes(tag)) {
                const { vr, length } = this.header();
                this.pixel = { tag, vr, start: this.at, length };
                return out;
            }
            out.push(this.element(end, depth));
        }
        if (end === Number.POSITIVE_INFINITY) {
            throw new Short();
        }
        return out;
    }

    element(end: number, depth: number): Element {
        const { tag, vr, length } = this.header();
        const sequence =
            vr === 'SQ' || length === UNDEFINED || (this.isSequence(tag) && length > 0);
        if (sequence) {
            const stop = length === UNDEFINED ? Number.POSITIVE_INFINITY : this.at + length;
            const items = this.sequence(stop, depth + 1, vr === 'UN' && this.encoding.explicit);
            return { tag, vr: 'SQ', value: new Uint8Array(0), items };
        }
        if (end !== Number.POSITIVE_INFINITY && this.at + length > end && depth > 0) {
            throw new DicomError('malformed');
        }
        this.need(length);
        const value = this.bytes.subarray(this.at, this.at + length);
        this.at += length;
        return { tag, vr, value };
    }

    private header(): { tag: number; vr: string; length: number } {
        this.need(8);
        const { explicit, little } = this.encoding;
        const tag = tagOf(this.view, this.at, little);
        let vr = 'UN';
        let length = 0;
        if (!explicit) {
            length = this.view.getUint32(this.at + 4, little);
            this.at += 8;
            return { tag, vr, length };
        }
        vr = String.fromCharCode(this.bytes[this.at + 4]!, this.bytes[this.at + 5]!);
        if (!VRS.has(vr)) {
            throw new DicomError('malformed');
        }
        if (LONG_VRS.has(vr)) {
            this.need(12);
            length = this.view.getUint32(this.at + 8, little);
            this.at += 12;
        } else {
            length = this.view.getUint16(this.at + 6, little);
            this.at += 8;
        }
        return { tag, vr, length };
    }

    /** unknown: declared UN, so its items are implicit little endian. */
    private sequence(end: number, depth: number, unknown: boolean): DataSet[] {
        if (depth > DEPTH_MAX) {
            throw new DicomError('malformed');
        }
        const encoding = this.encoding;
        if (unknown) {
            this.encoding = { explicit: false, little: true };
        }
        const items: DataSet[] = [];
        while (this.at < end) {
            this.need(8);
            const tag = tagOf(this.view, this.at, this.encoding.little);
            const length = this.view.getUint32(this.at + 4, this.encoding.little);
            this.at += 8;
            if (tag === SEQUENCE_END) {
                break;
            }
            if (tag !== ITEM) {
                throw new DicomError('malformed');
            }
            const stop = length === UNDEFINED ? Number.POSITIVE_INFINITY : this.at + length;
            items.push(this.dataSet(this.at, stop, depth, false));
        }
        this.encoding = encoding;
        return items;
    }

    private need(n: number) {
        if (this.at + n > this.bytes.length) {
            throw new Short();
        }
    }
}

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

/** The first number of a US. */
export function unsigned(element: Element | undefined, little: boolean): number | undefined {
    const v = element?.value;
    if (!v || v.length < 2) {
        return undefined;
    }
    return little ? v[0]! | (v[1]! << 8) : (v[0]! << 8) | v[1]!;
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
    'ISO_IR 13': 'shift_jis',
    'ISO 2022 IR 87': 'iso-2022-jp',
    'ISO 2022 IR 149': 'euc-kr',
    'ISO_IR 192': 'utf-8',
    GB18030: 'gb18030',
};

/** A text as the file's character set says, for showing it to its owner. */
export function localText(data: DataSet, tag: number): string {
    const value = find(data, tag)?.value;
    if (!value) {
        return '';
    }
    const sets = text(find(data, 0x00080005)).split('\\');
    const label = sets.map((s) => CHARSETS[s.trim()]).find((s) => s !== undefined);
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
