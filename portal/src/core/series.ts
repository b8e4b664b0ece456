/*
 * Which series lie in a heap of files. Only heads are read, several files at
 * a time, and only what the choice needs is kept.
 */

import { isSequence } from './deidentify';
import { DicomError, type DicomFault, type Head, readHead, Syntax } from './dicom';
import { find, localText, numbers, text, unsigned } from './elements';

export interface Slice {
    file: File;
    series: string;
    modality: string;
    description: string;
    rows: number;
    columns: number;
    frames: number;
    /** mm, LPS; null where the file does not say. */
    position: [number, number, number] | null;
    normal: [number, number, number] | null;
    pixel_mm: [number, number] | null;
    localizer: boolean;
    burnedIn: boolean;
    /** Why the server would leave this file out. */
    fault: FileFault | null;
}

export type FileFault = 'not_image' | 'multiframe' | 'unsupported_syntax' | 'colour' | 'mosaic';
export type Refusal = FileFault | 'scout' | 'one_slice' | 'no_geometry';
export type Notice = 'repeated' | 'uneven' | 'burned_in' | 'directions';

export interface Series {
    uid: string;
    modality: string;
    /** Shown here only: it stays in the tab. */
    description: string;
    slices: Slice[];
    /** Files, or frames of multi-frame files. */
    count: number;
    rows: number;
    columns: number;
    /** In the plane (row, column) and between slices; null when unknown. */
    pixel_mm: [number, number] | null;
    step_mm: number | null;
    bytes: number;
    refusal: Refusal | null;
    notices: Notice[];
}

export interface Found {
    series: Series[];
    skipped: Record<DicomFault | 'no_image', number>;
    files: number;
}

const PARALLEL = 8;

/* What can be read is the server's rule (render-worker/import); it is here too
 * so that nobody uploads for minutes to be told then. */
const MODALITIES = new Set(['', 'CT', 'MR', 'PT', 'NM']);
const CLASS_PREFIX = '1.2.840.10008.5.1.4.1.1.';
const CLASSES = new Set(['2', '4', '128', '7', '1.1', '12.1']);
const MULTIFRAME_CLASSES = new Set(['2.1', '2.2', '4.1', '4.3', '4.4', '20', '128.1', '130']);
const SYNTAXES = new Set([
    ...Object.values(Syntax),
    ...['5', '4.50', '4.51', '4.57', '4.70', '4.80', '4.81'].map((s) => `1.2.840.10008.1.2.${s}`),
]);

/** Reads all heads. progress: files done. Throws AbortError. */
export async function findSeries(
    files: File[],
    progress: (done: number) => void,
    signal: AbortSignal,
): Promise<Found> {
    const skipped = { not_dicom: 0, dicomdir: 0, truncated: 0, malformed: 0, no_image: 0 };
    const slices: Slice[] = [];
    let next = 0;
    let done = 0;
    const work = async () => {
        while (next < files.length) {
            signal.throwIfAborted();
            const file = files[next++]!;
            const slice = await sliceOf(file);
            if (typeof slice === 'string') {
                skipped[slice]++;
            } else {
                slices.push(slice);
            }
            progress(++done);
        }
    };
    await Promise.all(Array.from({ length: PARALLEL }, work));
    return { series: group(slices), skipped, files: files.length };
}

async function sliceOf(file: File): Promise<Slice | DicomFault | 'no_image'> {
    try {
        return summarise(file, await readHead(file, isSequence)) ?? 'no_image';
    } catch (e) {
        return e instanceof DicomError ? e.fault : 'malformed';
    }
}

/** Null when there is no picture in it. */
export function summarise(file: File, head: Head): Slice | null {
    const { data, little } = head;
    const rows = unsigned(find(data, 0x00280010), little);
    const columns = unsigned(find(data, 0x00280011), little);
    if (!head.pixels || !rows || !columns) {
        return null;
    }
    const pixel = numbers(find(data, 0x00280030));
    const type = text(find(data, 0x00080008)).split('\\');
    return {
        file,
        series: text(find(data, 0x0020000e)),
        modality: text(find(data, 0x00080060)),
        description: localText(data, 0x0008103e),
        rows,
        columns,
        frames: numbers(find(data, 0x00280008))[0] || 1,
        position: triple(numbers(find(data, 0x00200032))),
        normal: normalOf(numbers(find(data, 0x00200037))),
        pixel_mm: pixel.length === 2 ? [pixel[0]!, pixel[1]!] : null,
        localizer: type[2]?.trim() === 'LOCALIZER',
        burnedIn: text(find(data, 0x00280301)) === 'YES',
        fault: faultOf(head, type),
    };
}

function faultOf(head: Head, type: string[]): FileFault | null {
    const { data, little } = head;
    const sop = text(find(data, 0x00080016));
    const storage = sop.startsWith(CLASS_PREFIX) ? sop.slice(CLASS_PREFIX.length) : sop;
    const many = MULTIFRAME_CLASSES.has(storage);
    const image = many || CLASSES.has(storage) || storage === '';
    if (!image || !MODALITIES.has(text(find(data, 0x00080060)))) {
        return 'not_image';
    }
    if (many || (numbers(find(data, 0x00280008))[0] ?? 1) > 1) {
        return 'multiframe';
    }
    if (!SYNTAXES.has(head.syntax)) {
        return 'unsupported_syntax';
    }
    const samples = unsigned(find(data, 0x00280002), little) ?? 1;
    if (samples !== 1 || text(find(data, 0x00280004)) === 'PALETTE COLOR') {
        return 'colour';
    }
    return type.some((t) => t.trim() === 'MOSAIC') ? 'mosaic' : null;
}

function triple(n: number[]): [number, number, number] | null {
    return n.length === 3 && n.every(Number.isFinite) ? [n[0]!, n[1]!, n[2]!] : null;
}

/** Row direction x column direction. */
function normalOf(n: number[]): [number, number, number] | null {
    if (n.length !== 6 || !n.every(Number.isFinite)) {
        return null;
    }
    const [a, b, c, d, e, f] = n as [number, number, number, number, number, number];
    return [b * f - c * e, c * d - a * f, a * e - b * d];
}

/** Series by SeriesInstanceUID, those that can be shown first, larger first. */
export function group(slices: Slice[]): Series[] {
    const byUid = new Map<string, Slice[]>();
    for (const slice of slices) {
        const list = byUid.get(slice.series);
        if (list) {
            list.push(slice);
        } else {
            byUid.set(slice.series, [slice]);
        }
    }
    const rank = (s: Series) => (s.refusal ? 0 : s.count);
    return [...byUid].map(([uid, list]) => describe(uid, list)).sort((a, b) => rank(b) - rank(a));
}

function describe(uid: string, all: Slice[]): Series {
    const readable = all.filter((s) => !s.fault);
    const slices = readable.length > 0 ? readable : all;
    const first = slices.find((s) => !s.localizer) ?? slices[0]!;
    const count = slices.reduce((n, s) => n + s.frames, 0);
    const steps = stepsOf(slices, first);
    const notices: Notice[] = [];
    if (slices.some((s) => s.burnedIn)) {
        notices.push('burned_in');
    }
    if (slices.some((s) => !parallel(s, first))) {
        notices.push('directions');
    }
    const distinct = steps.filter((d) => d > 0.01);
    if (distinct.length < steps.length) {
        notices.push('repeated');
    }
    const step = median(distinct);
    if (step !== null && distinct.some((d) => Math.abs(d - step) > Math.max(0.01 * step, 0.01))) {
        notices.push('uneven');
    }
    return {
        uid,
        modality: first.modality,
        description: first.description,
        slices,
        count,
        rows: first.rows,
        columns: first.columns,
        pixel_mm: first.pixel_mm,
        step_mm: step,
        bytes: slices.reduce((n, s) => n + s.file.size, 0),
        refusal: refusalOf(slices, first, distinct.length + 1),
        notices,
    };
}

function refusalOf(slices: Slice[], first: Slice, planes: number): Refusal | null {
    if (first.fault) {
        return first.fault;
    }
    if (slices.every((s) => s.localizer)) {
        return 'scout';
    }
    if (slices.length === 1 || (first.position && first.normal && planes === 1)) {
        return 'one_slice';
    }
    return first.position && first.normal ? null : 'no_geometry';
}

function parallel(a: Slice, b: Slice): boolean {
    return !a.normal || !b.normal || Math.abs(Math.abs(dot(a.normal, b.normal)) - 1) < 1e-2;
}

/** Distances between neighbours along the normal, mm. */
function stepsOf(slices: Slice[], first: Slice): number[] {
    const n = first.normal;
    if (!n) {
        return [];
    }
    const along = slices
        .filter((s) => s.position && parallel(s, first) && s.localizer === first.localizer)
        .map((s) => dot(s.position!, n))
        .sort((a, b) => a - b);
    return along.slice(1).map((s, i) => s - along[i]!);
}

function dot(a: number[], b: number[]): number {
    return a[0]! * b[0]! + a[1]! * b[1]! + a[2]! * b[2]!;
}

function median(n: number[]): number | null {
    if (n.length === 0) {
        return null;
    }
    return [...n].sort((a, b) => a - b)[n.length >> 1]!;
}
