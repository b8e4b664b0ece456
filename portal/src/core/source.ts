/* One file that was given, or one member of a zip archive; read when needed. */

import { HEAD_STEP } from './dicom';
import { inflate, inflateStart } from './inflate';
import { type Packed, packedBytes } from './zip';

export interface Source {
    /** Folders and name; stays in the tab. */
    path: string;
    /** The file, or the archive that it is in. */
    file: Blob;
    /** Bytes of the content. */
    size: number;
    packed?: Packed;
    /** All up to the pixels, where it is known and short: a read costs a millisecond. */
    head?: Uint8Array;
}

export function sourceOf(file: File): Source {
    return { path: file.webkitRelativePath || file.name, file, size: file.size };
}

/** Most heads are shorter; what is not is read again. */
export const FIRST_LOOK = 16384;

/**
 * The first bytes of each: FIRST_LOOK, or HEAD_STEP of what is packed. One read
 * for all files together, which cost Chromium half of what one for each does.
 */
export async function startsOf(sources: Source[]): Promise<Array<Promise<Uint8Array>>> {
    const parts = sources.map((s) => (s.packed ? null : s.file.slice(0, FIRST_LOOK)));
    const together = new Blob(parts.filter((part) => part !== null));
    const all = await together.arrayBuffer().catch(() => null);
    let at = 0;
    return sources.map(async (source, i) => {
        const part = parts[i];
        if (!part || !all) {
            return startOf(source);
        }
        at += part.size;
        return new Uint8Array(all, at - part.size, part.size);
    });
}

/** The first HEAD_STEP bytes. */
export async function startOf(source: Source): Promise<Uint8Array> {
    if (!source.packed) {
        return new Uint8Array(await source.file.slice(0, HEAD_STEP).arrayBuffer());
    }
    const bytes = await packedBytes(source.file, source.packed);
    return source.packed.deflated
        ? inflateStart(bytes, 'deflate-raw', Math.min(HEAD_STEP, source.size))
        : new Uint8Array(await bytes.slice(0, HEAD_STEP).arrayBuffer());
}

/** All of it. Rejects when it does not unpack to the size that was told. */
export async function contentOf(source: Source): Promise<Blob> {
    if (!source.packed) {
        return source.file;
    }
    const bytes = await packedBytes(source.file, source.packed);
    if (!source.packed.deflated) {
        return bytes;
    }
    const content = await inflate(bytes, 'deflate-raw', source.size);
    if (content.size !== source.size) {
        throw new TypeError('shorter than told');
    }
    return content;
}
