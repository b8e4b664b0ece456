/*
 * The directory of a zip archive, read by slices: nothing is unpacked before
 * a member is asked for. Names are only names. Zip64 is understood; archives
 * that are encrypted, or made to unpack without end, are refused whole.
 * Source: PKWARE APPNOTE 6.3.10, sections 4.3 and 4.5.
 */

export interface Packed {
    /** Of the local header. */
    at: number;
    /** As packed. */
    bytes: number;
    deflated: boolean;
}

export interface Member extends Packed {
    path: string;
    /** Unpacked. */
    size: number;
}

export type ZipFault = 'encrypted' | 'damaged' | 'bomb';

export class ZipError extends Error {
    constructor(readonly fault: ZipFault) {
        super(fault);
    }
}

const MEMBERS_MAX = 200_000;
const DIRECTORY_MAX = 64 << 20;
const UNPACKED_MAX = 32 * 2 ** 30;
/** No deflate stream unpacks to more than 1032 times its length. */
const RATIO_MAX = 1032;

const END = 0x06054b50;
const END_BYTES = 22;
const COMMENT_MAX = 0xffff;
const LOCATOR = 0x07064b50;
const LOCATOR_BYTES = 20;
const END64 = 0x06064b50;
const END64_BYTES = 56;
const ENTRY = 0x02014b50;
const ENTRY_BYTES = 46;
const LOCAL = 0x04034b50;
const LOCAL_BYTES = 30;
const ZIP64_EXTRA = 1;
const ENCRYPTED = 1 | (1 << 6) | (1 << 13);
const UTF8 = 1 << 11;
const STORED = 0;
const DEFLATED = 8;

export const isZip = (start: Uint8Array) =>
    start.length >= 4 && view(start).getUint32(0, true) === LOCAL;

/** Members that are files, packed in a way that can be read. Throws ZipError. */
export async function members(zip: Blob): Promise<Member[]> {
    const { at, bytes, count } = await directory(zip);
    if (count > MEMBERS_MAX || bytes > DIRECTORY_MAX) {
        throw new ZipError('bomb');
    }
    const all = entries(await read(zip, at, bytes), count);
    if (all.some((m) => m.encrypted)) {
        throw new ZipError('encrypted');
    }
    refuseBombs(all, at);
    return all.filter((m) => m.readable && !m.path.endsWith('/'));
}

/** The packed bytes of a member. */
export async function packedBytes(zip: Blob, { at, bytes }: Packed): Promise<Blob> {
    const local = view(await read(zip, at, LOCAL_BYTES));
    if (local.getUint32(0, true) !== LOCAL) {
        throw new ZipError('damaged');
    }
    const from = at + LOCAL_BYTES + local.getUint16(26, true) + local.getUint16(28, true);
    if (from + bytes > zip.size) {
        throw new ZipError('damaged');
    }
    return zip.slice(from, from + bytes);
}

interface Directory {
    at: number;
    bytes: number;
    count: number;
}

async function directory(zip: Blob): Promise<Directory> {
    const from = Math.max(0, zip.size - END_BYTES - COMMENT_MAX);
    const tail = view(await read(zip, from, zip.size - from));
    let end = tail.byteLength - END_BYTES;
    while (end >= 0 && tail.getUint32(end, true) !== END) {
        end--;
    }
    if (end < 0) {
        throw new ZipError('damaged');
    }
    const count = tail.getUint16(end + 10, true);
    const bytes = tail.getUint32(end + 12, true);
    const at = tail.getUint32(end + 16, true);
    if (count < 0xffff && bytes < 0xffffffff && at < 0xffffffff) {
        return { at, bytes, count };
    }

    const locatorAt = from + end - LOCATOR_BYTES;
    if (locatorAt < 0) {
        return { at, bytes, count };
    }
    const locator = view(await read(zip, locatorAt, LOCATOR_BYTES));
    if (locator.getUint32(0, true) !== LOCATOR) {
        return { at, bytes, count };
    }
    const end64 = view(await read(zip, long(locator, 8), END64_BYTES));
    if (end64.getUint32(0, true) !== END64) {
        throw new ZipError('damaged');
    }
    return { count: long(end64, 32), bytes: long(end64, 40), at: long(end64, 48) };
}

interface Entry extends Member {
    encrypted: boolean;
    readable: boolean;
}

function entries(bytes: Uint8Array, count: number): Entry[] {
    const v = view(bytes);
    const out: Entry[] = [];
    for (let at = 0; out.length < count; ) {
        if (at + ENTRY_BYTES > bytes.length || v.getUint32(at, true) !== ENTRY) {
            throw new ZipError('damaged');
        }
        const flags = v.getUint16(at + 8, true);
        const method = v.getUint16(at + 10, true);
        const nameEnd = at + ENTRY_BYTES + v.getUint16(at + 28, true);
        const extraEnd = nameEnd + v.getUint16(at + 30, true);
        if (extraEnd > bytes.length) {
            throw new ZipError('damaged');
        }
        const name = bytes.subarray(at + ENTRY_BYTES, nameEnd);
        const [size, packed, local] = wide(
            [v.getUint32(at + 24, true), v.getUint32(at + 20, true), v.getUint32(at + 42, true)],
            view(bytes.subarray(nameEnd, extraEnd)),
        );
        out.push({
            path: new TextDecoder(flags & UTF8 ? 'utf-8' : 'iso-8859-1').decode(name),
            at: local!,
            bytes: packed!,
            size: size!,
            deflated: method === DEFLATED,
            readable: method === STORED || method === DEFLATED,
            encrypted: (flags & ENCRYPTED) !== 0,
        });
        at = extraEnd + v.getUint16(at + 32, true);
    }
    return out;
}

/** Sizes and offset that did not fit 32 bits stand in the zip64 field, in order. */
function wide(narrow: number[], extra: DataView): number[] {
    for (let at = 0; at + 4 <= extra.byteLength; ) {
        const end = at + 4 + extra.getUint16(at + 2, true);
        if (extra.getUint16(at, true) === ZIP64_EXTRA) {
            let from = at + 4;
            return narrow.map((n) => {
                if (n !== 0xffffffff) {
                    return n;
                }
                if (from + 8 > Math.min(end, extra.byteLength)) {
                    throw new ZipError('damaged');
                }
                from += 8;
                return long(extra, from - 8);
            });
        }
        at = end;
    }
    return narrow;
}

/** Members share no bytes, and unpack to no more than deflate can hold. */
function refuseBombs(all: Entry[], directoryAt: number): void {
    const total = all.reduce((n, m) => n + m.size, 0);
    if (total > UNPACKED_MAX) {
        throw new ZipError('bomb');
    }
    let end = 0;
    for (const m of [...all].sort((a, b) => a.at - b.at)) {
        if (m.at < end || (m.readable && m.size > m.bytes * (m.deflated ? RATIO_MAX : 1))) {
            throw new ZipError('bomb');
        }
        end = m.at + LOCAL_BYTES + m.bytes;
    }
    if (end > directoryAt) {
        throw new ZipError('damaged');
    }
}

async function read(zip: Blob, at: number, bytes: number): Promise<Uint8Array<ArrayBuffer>> {
    const out = new Uint8Array(await zip.slice(at, at + bytes).arrayBuffer());
    if (out.length < bytes) {
        throw new ZipError('damaged');
    }
    return out;
}

function view(bytes: Uint8Array): DataView {
    return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function long(v: DataView, at: number): number {
    const n = Number(v.getBigUint64(at, true));
    if (n > Number.MAX_SAFE_INTEGER) {
        throw new ZipError('damaged');
    }
    return n;
}
