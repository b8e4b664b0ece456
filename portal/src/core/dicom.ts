/*
 * Reads the head of a DICOM file, up to the pixels.
 * Explicit and implicit little endian, explicit big endian and deflated; with
 * or without preamble and file meta information. Pixel bytes are never read:
 * the head says where they lie.
 */

import { type DataSet, type Element, type Encoding, find, ITEM, LONG_VRS, text } from './elements';
import { inflate } from './inflate';

/** Where pixels lie: in the file, or in what is inflated from there on. */
export interface Place {
    start: number;
    end: number;
    deflatedFrom: number | null;
}

/** Encapsulated ones lie with their delimiter. */
export interface Pixels extends Place {
    tag: number;
    vr: string;
    encapsulated: boolean;
}

export interface Head extends Encoding {
    /** The file's transfer syntax; of the inflated data set if deflated. */
    syntax: string;
    meta: DataSet;
    data: DataSet;
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
export const HEAD_STEP = 65536;
const GROWTH = 4;
const HEAD_MAX = 64 << 20;
const INFLATED_MAX = 2 ** 30;
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
 * start: the first HEAD_STEP bytes where they are known already.
 * Throws DicomError.
 */
export async function readHead(
    file: Blob,
    isSequence: (tag: number) => boolean,
    start?: Uint8Array,
): Promise<Head> {
    const plain = new Prefix(file, start);
    await plain.fill();
    const first = findStart(plain.bytes);
    const { meta, end } = first.meta
        ? await plain.parse((bytes) => readMeta(bytes, first.at))
        : { meta: [], end: first.at };

    let syntax = text(find(meta, 0x00020010)) || guessSyntax(plain.bytes, end);
    if (text(find(meta, 0x00020002)) === DICOMDIR_CLASS) {
        throw new DicomError('dicomdir');
    }

    let content = plain;
    let deflatedFrom: number | null = null;
    if (syntax === Syntax.deflated) {
        deflatedFrom = end;
        content = new Prefix(await inflateFrom(file, end));
        await content.fill();
        syntax = Syntax.explicitLittle;
    }

    const encoding = {
        explicit: syntax !== Syntax.implicitLittle,
        little: syntax !== Syntax.explicitBig,
    };
    const { data, pixel } = await content.parse((bytes, whole) => {
        const reader = new Reader(bytes, encoding, isSequence);
        const from = deflatedFrom === null ? end : 0;
        const read = reader.dataSet(from, bytes.length, 0, true);
        if (!reader.pixel && !whole) {
            throw new Short();
        }
        return { data: read, pixel: reader.pixel };
    });
    if (data.length === 0) {
        throw new DicomError('not_dicom');
    }
    const pixels = pixel ? await locate(content, pixel, encoding, deflatedFrom) : null;
    return { ...encoding, syntax, meta, data, pixels };
}

/** The bytes of pixels; file is what readHead was given. */
export async function pixelsOf(file: Blob, { start, end, deflatedFrom }: Place): Promise<Blob> {
    const content = deflatedFrom === null ? file : await inflateFrom(file, deflatedFrom);
    return content.slice(start, end);
}

/** The first bytes of a file, more when they are asked for. */
class Prefix {
    constructor(
        readonly file: Blob,
        public bytes: Uint8Array = new Uint8Array(0),
    ) {}

    get whole(): boolean {
        return this.bytes.length >= this.file.size;
    }

    async fill(): Promise<void> {
        if (this.bytes.length === 0) {
            this.bytes = await bytesOf(this.file, 0, HEAD_STEP);
        }
    }

    /** Runs f on more and more of the file until it is enough. */
    async parse<T>(f: (bytes: Uint8Array, whole: boolean) => T): Promise<T> {
        for (;;) {
            try {
                return f(this.bytes, this.whole);
            } catch (e) {
                if (!(e instanceof Short)) {
                    throw e;
                }
            }
            if (this.whole || this.bytes.length > HEAD_MAX) {
                throw new DicomError(this.whole ? 'truncated' : 'malformed');
            }
            this.bytes = await bytesOf(this.file, 0, this.bytes.length * GROWTH);
        }
    }
}

async function bytesOf(file: Blob, start: number, end: number): Promise<Uint8Array> {
    return new Uint8Array(await file.slice(start, end).arrayBuffer());
}

/** Whether a file that begins so may be one. */
export function isDicom(start: Uint8Array): boolean {
    return startOf(start) !== null;
}

function findStart(bytes: Uint8Array): { at: number; meta: boolean } {
    const found = startOf(bytes);
    if (!found) {
        throw new DicomError('not_dicom');
    }
    return found;
}

function startOf(bytes: Uint8Array): { at: number; meta: boolean } | null {
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
    return null;
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

async function inflateFrom(file: Blob, at: number): Promise<Blob> {
    try {
        return await inflate(file.slice(at), 'deflate-raw', INFLATED_MAX);
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
    content: Prefix,
    { tag, vr, start, length }: PixelStart,
    { little }: Encoding,
    deflatedFrom: number | null,
): Promise<Pixels> {
    const encapsulated = length === UNDEFINED;
    const end = encapsulated ? await endOfItems(content, start, little) : start + length;
    if (end > content.file.size) {
        throw new DicomError('truncated');
    }
    return { tag, vr, start, end, encapsulated, deflatedFrom };
}

/** Offset behind the sequence delimiter of encapsulated pixels. */
async function endOfItems({ file, bytes }: Prefix, start: number, little: boolean) {
    for (let at = start; ; ) {
        const item =
            at + 8 <= bytes.length ? bytes.subarray(at, at + 8) : await bytesOf(file, at, at + 8);
        if (item.length < 8) {
            throw new DicomError('truncated');
        }
        const view = new DataView(item.buffer, item.byteOffset, 8);
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
