/* NIfTI-1 and NIfTI-2 headers. Source: nifti1.h, nifti2.h. */

import list from '../../../api/deidentify.json';
import type { ReceiptLine } from './receipt';
import { VolumeError, type VolumeHeader } from './volumefile';

const { nifti1, nifti2 } = list.volume_files;
const EXTENDER = 4;

export function isNifti(start: Uint8Array): boolean {
    return shape(start) !== null;
}

interface Shape {
    little: boolean;
    two: boolean;
}

function shape(start: Uint8Array): Shape | null {
    if (start.length < nifti1.header) {
        return null;
    }
    const v = new DataView(start.buffer, start.byteOffset);
    for (const little of [true, false]) {
        const size = v.getInt32(0, little);
        const two = size === nifti2.header;
        const magic = two ? 4 : 344;
        const known = size === nifti1.header || (two && start.length >= size);
        if (known && start[magic] === 0x6e && start[magic + 1] === 0x2b) {
            return { little, two };
        }
    }
    return null;
}

/** start: of a file that isNifti. */
export function niftiHeader(start: Uint8Array): VolumeHeader {
    const { little, two } = shape(start)!;
    const rules = two ? nifti2 : nifti1;
    const v = new DataView(start.buffer, start.byteOffset);
    const dim = (i: number) =>
        two ? Number(v.getBigInt64(16 + 8 * i, little)) : v.getInt16(40 + 2 * i, little);
    const pixdim = (i: number) =>
        two ? v.getFloat64(104 + 8 * i, little) : v.getFloat32(76 + 4 * i, little);
    const axes = Array.from({ length: dim(0) >= 1 && dim(0) <= 7 ? dim(0) : 0 }, (_, i) => i + 1);
    const at = two ? Number(v.getBigInt64(168, little)) : v.getFloat32(108, little);
    const bits = v.getInt16(two ? 14 : 72, little);
    if (axes.length < 3 || !Number.isInteger(at) || at < rules.header || bits % 8 !== 0) {
        throw new VolumeError('nifti');
    }

    const bytes = new Uint8Array(rules.header + EXTENDER);
    for (const field of rules.keep) {
        bytes.set(start.subarray(field.at, field.at + field.bytes), field.at);
    }
    const out = new DataView(bytes.buffer);
    if (two) {
        out.setBigInt64(168, BigInt(bytes.length), little);
    } else {
        out.setFloat32(108, bytes.length, little);
    }
    return {
        format: 'NIfTI',
        dims: axes.slice(0, 3).map(dim),
        spacing_mm: [1, 2, 3].map((i) => Math.abs(pixdim(i))),
        bytes,
        at,
        voxels: axes.reduce((n, i) => n * dim(i), bits / 8),
        packing: null,
        dataFile: '',
        lines: lines(rules, start, at),
    };
}

function lines(rules: typeof nifti1, start: Uint8Array, at: number): ReceiptLine[] {
    const kept: ReceiptLine[] = rules.keep.map(({ name }) => line('kept', name, ''));
    const removed = rules.texts
        .map(({ name, at, bytes }) => line('removed', name, words(start.subarray(at, at + bytes))))
        .filter((l) => l.before !== '');
    const extended = at > rules.header + EXTENDER;
    const size = `${at - rules.header - EXTENDER} bytes`;
    return [...kept, ...removed, ...(extended ? [line('removed', 'extensions', size)] : [])];
}

function words(bytes: Uint8Array): string {
    return String.fromCharCode(...bytes)
        .replace(/\0.*$/s, '')
        .trim();
}

function line(fate: 'kept' | 'removed', name: string, before: string): ReceiptLine {
    return { fate, tag: '', name, before, after: '', count: 1 };
}
