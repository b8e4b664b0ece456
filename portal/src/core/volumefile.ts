/*
 * NIfTI, NRRD and MetaImage files: their headers rewritten to the allow-list
 * of api/deidentify.json, their voxels cut out exactly. What stands before,
 * between and behind stays here: comments, keys, extensions, file names.
 */

import { inflated, inflateStart, type Packing } from './inflate';
import { isNifti, niftiHeader } from './nifti';
import type { ReceiptLine } from './receipt';
import { isMetaImage, isNrrd, metaImageHeader, nrrdHeader } from './textheader';

export type VolumeFormat = 'NIfTI' | 'NRRD' | 'MetaImage';

export interface VolumeHeader {
    format: VolumeFormat;
    /** Columns, rows, layers. */
    dims: number[];
    /** 0 where the header does not say. */
    spacing_mm: number[];
    /** Written anew. */
    bytes: Uint8Array<ArrayBuffer>;
    /** Where voxels begin, -1: they are the end of the file. */
    at: number;
    /** Bytes of all voxels, unpacked. */
    voxels: number;
    /** Of the voxels alone. */
    packing: Packing | null;
    /** A file of its own; '' when voxels follow the header. */
    dataFile: string;
    lines: ReceiptLine[];
}

/** The header says what cannot be read here or on the server. */
export class VolumeError extends Error {}

const HEADER_MAX = 65536;
const VOXELS_MAX = 16 * 2 ** 30;

/** Whether a file that begins so may be one. */
export const isVolume = (start: Uint8Array) =>
    isGzip(start) || isNifti(start) || isNrrd(start) || isMetaImage(start);

/** start: the file's first bytes. Null when it is none of these. Throws VolumeError. */
export async function readVolumeHeader(
    start: Uint8Array,
    file: () => Promise<Blob>,
): Promise<VolumeHeader | null> {
    const bytes = isGzip(start) ? await inflateStart(await file(), 'gzip', HEADER_MAX) : start;
    const read = isNifti(bytes)
        ? niftiHeader(bytes)
        : isNrrd(start)
          ? nrrdHeader(start)
          : isMetaImage(start)
            ? metaImageHeader(start)
            : null;
    if (read && !(read.voxels > 0 && read.voxels <= VOXELS_MAX)) {
        throw new VolumeError('size');
    }
    return read;
}

/**
 * Header and voxels as they are sent; packed voxels are packed anew, because a
 * packed stream can name its file and go on behind its end.
 *
 * data: the file of the voxels where the header names one.
 * Throws VolumeError when it holds fewer voxels than the header says.
 */
export async function rewriteVolume(
    file: Blob,
    header: VolumeHeader,
    data: Blob | null,
): Promise<Blob> {
    const { bytes, at, voxels, packing } = header;
    const whole = !data && isGzip(new Uint8Array(await file.slice(0, 2).arrayBuffer()));
    if (whole) {
        const all = await cut(inflated(file, 'gzip'), at, voxels);
        return pack(new Blob([bytes, all]), 'gzip');
    }
    const body = data ?? file;
    const from = at < 0 && !packing ? body.size - voxels : Math.max(0, at);
    if (packing) {
        const unpacked = await unpack(body.slice(from), packing, voxels);
        return new Blob([bytes, await pack(unpacked, packing)]);
    }
    if (from < 0 || from + voxels > body.size) {
        throw new VolumeError('short');
    }
    return new Blob([bytes, body.slice(from, from + voxels)]);
}

function isGzip(start: Uint8Array): boolean {
    return start[0] === 0x1f && start[1] === 0x8b;
}

async function unpack(packed: Blob, packing: Packing, voxels: number): Promise<Blob> {
    try {
        return await cut(inflated(packed, packing), 0, voxels);
    } catch (e) {
        throw e instanceof VolumeError ? e : new VolumeError('damaged');
    }
}

/** Bytes at to at + length of a stream; what follows is not asked for. */
async function cut(
    stream: ReadableStream<Uint8Array<ArrayBuffer>>,
    at: number,
    length: number,
): Promise<Blob> {
    const end = at + length;
    let passed = 0;
    const only = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
        transform(chunk, controller) {
            const from = Math.max(0, at - passed);
            const to = Math.min(chunk.length, end - passed);
            passed += chunk.length;
            if (from < to) {
                controller.enqueue(chunk.subarray(from, to));
            }
            if (passed >= end) {
                controller.terminate();
            }
        },
    });
    const out = await new Response(stream.pipeThrough(only)).blob().catch(() => null);
    if (out?.size !== length) {
        throw new VolumeError('short');
    }
    return out;
}

function pack(plain: Blob, packing: Packing): Promise<Blob> {
    return new Response(plain.stream().pipeThrough(new CompressionStream(packing))).blob();
}
