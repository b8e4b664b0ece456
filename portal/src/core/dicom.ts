/*
 * Reads the head of a DICOM file, up to the pixels.
 * Explicit and implicit little endian, explicit big endian and deflated; with
 * or without preamble and file meta information. Pixel bytes are never read:
 * the head says where they lie.
 */

import { type DataSet, type Element, type Encoding, find, ITEM, LONG_VRS, text } from './elements';

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
const ITEM_END = 0xfffee00d;
const SEQUENCE_END = 0xfffee0dd;
const PIXEL_TAGS = [0x7fe00008, 0x7fe00009, 0x7fe00010];
const STEP = 65536;
const HEAD_MAX = 256 << 20;
const DEPTH_MAX = 16;
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
