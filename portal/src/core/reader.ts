/*
 * What the workers do: look into files, and rewrite them. Everything that
 * comes in or goes out can be sent between threads; pixels are never read.
 */

import { Deidentifier, isSequence, type Secret } from './deidentify';
import { DicomError, type DicomFault, type Head, isDicom, type Place, readHead } from './dicom';
import { type FileInfo, picturesOf } from './pictures';
import type { ReceiptLine } from './receipt';
import { contentOf, FIRST_LOOK, type Source, startOf, startsOf } from './source';
import {
    isVolume,
    readVolumeHeader,
    rewriteVolume,
    VolumeError,
    type VolumeHeader,
} from './volumefile';
import { isZip } from './zip';

export type OtherFault = DicomFault | 'no_image' | 'archive' | 'volume' | 'damaged';

export type Look =
    | { kind: 'images'; info: FileInfo; head: Uint8Array | undefined }
    | { kind: 'volume'; header: VolumeHeader }
    | { kind: 'zip' }
    | { kind: 'other'; fault: OtherFault };

export interface Rewritten {
    /** One for each source. */
    files: Array<{ header: Uint8Array<ArrayBuffer>; pixels: Place }>;
    lines: ReceiptLine[];
}

export interface Jobs {
    look: { in: { sources: Source[] }; out: Look[] };
    rewrite: { in: { sources: Source[]; secret: Secret }; out: Rewritten };
    volume: { in: { source: Source; header: VolumeHeader; data: Source | null }; out: Blob };
}

export type JobName = keyof Jobs;

/** Encapsulated pixels begin with one. */
const ITEM_HEADER = 8;
const KNOWN_MAX = 16384;
const ARCHIVES = [
    [0x37, 0x7a, 0xbc, 0xaf],
    [0x52, 0x61, 0x72, 0x21],
    [0x1f, 0x8b],
    [0x42, 0x5a, 0x68],
    [0xfd, 0x37, 0x7a, 0x58],
];

export const handlers: { [J in JobName]: (job: Jobs[J]['in']) => Promise<Jobs[J]['out']> } = {
    look: async ({ sources }) => {
        const starts = await startsOf(sources);
        return Promise.all(sources.map((source, i) => look(source, starts[i]!)));
    },
    rewrite,
    volume: async ({ source, header, data }) =>
        rewriteVolume(await contentOf(source), header, data && (await contentOf(data))),
};

async function look(source: Source, start: Promise<Uint8Array>): Promise<Look> {
    try {
        return await lookInto(source, await start);
    } catch (e) {
        const fault =
            e instanceof DicomError ? e.fault : e instanceof VolumeError ? 'volume' : 'damaged';
        return { kind: 'other', fault };
    }
}

async function lookInto(source: Source, start: Uint8Array): Promise<Look> {
    if (isZip(start)) {
        return source.packed ? { kind: 'other', fault: 'archive' } : { kind: 'zip' };
    }
    const header = await volumeHeader(source, start);
    if (header) {
        return { kind: 'volume', header };
    }
    if (!isDicom(start)) {
        return { kind: 'other', fault: isArchive(start) ? 'archive' : 'not_dicom' };
    }
    const head = await readHead(await contentOf(source), isSequence, start);
    const info = picturesOf(head);
    return info
        ? { kind: 'images', info, head: known(head, start) }
        : { kind: 'other', fault: 'no_image' };
}

/** Their headers can be longer than a first look. */
async function volumeHeader(source: Source, start: Uint8Array): Promise<VolumeHeader | null> {
    const long = start.length === FIRST_LOOK && isVolume(start);
    const enough = long ? await startOf(source) : start;
    return readVolumeHeader(enough, () => contentOf(source));
}

/** What rewriting would read again. */
function known({ pixels }: Head, start: Uint8Array): Uint8Array | undefined {
    const end = (pixels?.start ?? 0) + ITEM_HEADER;
    const short = pixels?.deflatedFrom === null && end <= Math.min(start.length, KNOWN_MAX);
    return short ? start.slice(0, end) : undefined;
}

/** Of a kind that cannot be opened here. */
function isArchive(start: Uint8Array): boolean {
    return ARCHIVES.some((magic) => magic.every((byte, i) => start[i] === byte));
}

async function rewrite({ sources, secret }: Jobs['rewrite']['in']): Promise<Rewritten> {
    const deidentifier = new Deidentifier(secret);
    const files = await Promise.all(
        sources.map(async (source) => {
            const head = await readHead(await contentOf(source), isSequence, source.head);
            const header = await deidentifier.rewrite(head);
            const { start, end, deflatedFrom } = head.pixels!;
            return { header, pixels: { start, end, deflatedFrom } };
        }),
    );
    return { files, lines: deidentifier.receipt.lines() };
}
