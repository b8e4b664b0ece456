/*
 * Which series lie in a heap of files, and what to know about each. Workers
 * read the heads; archives are opened, and what is in them is looked at too.
 */

import type { FileFault, FileInfo } from './pictures';
import { type Group, type Picture, plan } from './plan';
import type { Pool } from './pool';
import type { OtherFault } from './reader';
import type { Source } from './source';
import type { Drop, Warning } from './stack';
import type { VolumeFormat, VolumeHeader } from './volumefile';
import { members, ZipError, type ZipFault } from './zip';

export type Refusal = FileFault | Drop | 'no_data_file';

export type NoticeCode = Warning | 'burned_in' | 'colour' | 'stacks' | 'file';

/** n of so many: slices that are missing, copies that are left out, ... */
export interface Notice {
    code: NoticeCode;
    n: number;
    of: number;
}

export interface Series {
    /** Tells cards apart. */
    key: string;
    modality: string;
    /** Shown here only, as patient: they stay in the tab. */
    description: string;
    patient: string;
    format: 'DICOM' | VolumeFormat;
    /** Columns, rows, slices. */
    dims: number[];
    /** 0 where unknown. */
    spacing_mm: number[];
    /** The files of each time point; of all of them when one file holds several. */
    phases: Source[][];
    /** The time point with most slices, which dims, spacing and bytes are of. */
    phase: number;
    bytes: number;
    refusal: Refusal | null;
    notices: Notice[];
    /** For a file that is a volume already. */
    volume: { header: VolumeHeader; data: Source | null } | null;
}

export interface Found {
    series: Series[];
    files: number;
    /** Files that are no picture, by reason. */
    others: Partial<Record<OtherFault | ZipFault, number>>;
    /** More than one patient's files lie in the heap. */
    people: boolean;
}

interface Seen {
    source: Source;
    info: FileInfo;
}

interface Heap {
    images: Seen[];
    volumes: Array<{ source: Source; header: VolumeHeader }>;
    plain: Source[];
    others: Found['others'];
}

const BATCH = 24;

/** progress: files done of those known so far. */
export async function findSeries(
    sources: Source[],
    pool: Pool,
    progress: (done: number, all: number) => void,
): Promise<Found> {
    const heap: Heap = { images: [], volumes: [], plain: [], others: {} };
    let done = 0;
    let all = sources.length;
    const batch = async (some: Source[]) => {
        const looks = await pool.run('look', { sources: some });
        const inside: Source[] = [];
        for (const [i, look] of looks.entries()) {
            const source = some[i]!;
            if (look.kind === 'images') {
                heap.images.push({ source: { ...source, head: look.head }, info: look.info });
            } else if (look.kind === 'volume') {
                heap.volumes.push({ source, header: look.header });
            } else if (look.kind === 'zip') {
                inside.push(...(await opened(source, heap.others)));
            } else {
                heap.plain.push(source);
                count(heap.others, look.fault);
            }
        }
        done += some.length;
        all += inside.length;
        progress(done, all);
        await batches(inside, batch);
    };
    await batches(sources, batch);
    return describe(heap, all);
}

/** Calls f with BATCH sources at a time, all at once: the pool has the queue. */
async function batches(sources: Source[], f: (some: Source[]) => Promise<void>): Promise<void> {
    const calls: Promise<void>[] = [];
    for (let i = 0; i < sources.length; i += BATCH) {
        calls.push(f(sources.slice(i, i + BATCH)));
    }
    await Promise.all(calls);
}

async function opened(zip: Source, others: Found['others']): Promise<Source[]> {
    try {
        return (await members(zip.file)).map(({ path, size, ...packed }) => ({
            path: `${zip.path}/${path}`,
            file: zip.file,
            size,
            packed,
        }));
    } catch (e) {
        count(others, e instanceof ZipError ? e.fault : 'damaged');
        return [];
    }
}

function count(others: Found['others'], fault: OtherFault | ZipFault): void {
    others[fault] = (others[fault] ?? 0) + 1;
}

function describe({ images, volumes, plain, others }: Heap, files: number): Found {
    const order = (a: Seen, b: Seen) => (a.source.path < b.source.path ? -1 : 1);
    images.sort(order);
    const usable = images.filter(({ info }) => !info.fault);
    const series = [
        ...stacks(usable),
        ...refused(images.filter(({ info }) => info.fault)),
        ...volumes.map((v) => volumeSeries(v.source, v.header, plain)),
    ];
    const rank = (s: Series) => (s.refusal ? -1 : s.dims[2]!);
    series.sort((a, b) => rank(b) - rank(a));
    const people = new Set(series.map((s) => s.patient).filter((p) => p !== ''));
    const taken = volumes.filter((v) => v.header.dataFile !== '').length;
    if (taken > 0 && others.not_dicom) {
        others.not_dicom = Math.max(0, others.not_dicom - taken);
    }
    return { series, files, others, people: people.size > 1 };
}

/** One for each stack or recording; those that share files are one, the largest. */
function stacks(seen: Seen[]): Series[] {
    const pictures: Picture[] = [];
    const owners: Seen[] = [];
    for (const one of seen) {
        for (const picture of one.info.pictures) {
            pictures.push(picture);
            owners.push(one);
        }
    }
    const recordings = new Map<number, Group[]>();
    for (const group of plan(pictures)) {
        const times = recordings.get(group.recording) ?? [];
        recordings.set(group.recording, [...times, group]);
    }
    const all = [...recordings.values()].map((times) => recorded(times, owners));
    all.sort((a, b) => size(b.best) - size(a.best));

    const out: Series[] = [];
    const taken = new Map<Source, Series>();
    for (const recording of all) {
        const other = taken.get(recording.sources[0]!);
        if (!other) {
            const one = stackSeries(recording);
            out.push(one);
            for (const source of recording.sources) {
                taken.set(source, one);
            }
        } else if (!recording.best.drop && !other.notices.some((n) => n.code === 'stacks')) {
            other.notices.push({ code: 'stacks', n: 0, of: 0 });
        }
    }
    return out;
}

const size = (g: Group) => (g.drop ? 0 : g.positions);

interface Recording {
    best: Group;
    phase: number;
    phases: Source[][];
    /** The files of all time points. */
    sources: Source[];
    infos: FileInfo[];
}

/** times: the groups of one recording, the earliest first. */
function recorded(times: Group[], owners: Seen[]): Recording {
    const usable = times.some((g) => !g.drop) ? times.filter((g) => !g.drop) : times;
    const best = usable.reduce((a, b) => (size(b) > size(a) ? b : a));
    const files = (indexes: number[]) => [...new Set(indexes.map((i) => owners[i]!.source))];
    const own = times.flatMap((g) => g.members);
    const sources = files(own);
    const phases = usable.map((g) => files(g.drop ? g.members : g.picked));
    const apart = new Set(phases.flat()).size === phases.reduce((n, p) => n + p.length, 0);
    return {
        best,
        phase: apart ? usable.indexOf(best) : 0,
        phases: apart ? phases : [sources],
        sources,
        infos: [...new Set(own.map((i) => owners[i]!.info))],
    };
}

function stackSeries({ best, phase, phases, infos }: Recording): Series {
    const [info] = infos as [FileInfo];
    const slices = best.dims[2] || best.members.length;
    const notices: Notice[] = best.warnings.map((code) =>
        code === 'duplicates'
            ? { code, n: best.duplicates, of: best.members.length }
            : { code, n: best.filled, of: slices },
    );
    if (infos.some((i) => i.burnedIn)) {
        notices.unshift({ code: 'burned_in', n: 0, of: 0 });
    }
    if (infos.some((i) => i.colour)) {
        notices.push({ code: 'colour', n: 0, of: 0 });
    }
    return {
        key: crypto.randomUUID(),
        modality: info.modality,
        description: info.description,
        patient: info.patient,
        format: 'DICOM',
        dims: [best.dims[0], best.dims[1], slices],
        spacing_mm: best.spacing_mm,
        phases,
        phase,
        bytes: bytesOf(phases[phase]!),
        refusal: best.drop,
        notices: best.drop ? [] : notices,
        volume: null,
    };
}

/** Files that cannot be read, by series and reason. */
function refused(seen: Seen[]): Series[] {
    const groups = new Map<string, Seen[]>();
    for (const one of seen) {
        const key = `${one.info.pictures[0]!.series} ${one.info.fault}`;
        const own = groups.get(key);
        if (own) {
            own.push(one);
        } else {
            groups.set(key, [one]);
        }
    }
    return [...groups.values()].map((own) => {
        const { info } = own[0]!;
        const { columns, rows } = info.pictures[0]!;
        const sources = own.map((one) => one.source);
        const slices = own.reduce((n, one) => n + one.info.pictures.length, 0);
        return {
            key: crypto.randomUUID(),
            modality: info.modality,
            description: info.description,
            patient: info.patient,
            format: 'DICOM' as const,
            dims: [columns, rows, slices],
            spacing_mm: [0, 0, 0],
            phases: [sources],
            phase: 0,
            bytes: bytesOf(sources),
            refusal: info.fault,
            notices: [],
            volume: null,
        };
    });
}

function volumeSeries(source: Source, header: VolumeHeader, plain: Source[]): Series {
    const data = header.dataFile ? (sibling(source, header.dataFile, plain) ?? null) : null;
    const missing = header.dataFile !== '' && !data;
    return {
        key: crypto.randomUUID(),
        modality: '',
        description: nameOf(source.path),
        patient: '',
        format: header.format,
        dims: header.dims,
        spacing_mm: header.spacing_mm,
        phases: [[source]],
        phase: 0,
        bytes: source.size + (data?.size ?? 0),
        refusal: missing ? 'no_data_file' : null,
        notices: missing ? [] : [{ code: 'file', n: 0, of: 0 }],
        volume: { header, data },
    };
}

/** The file of that name in the same folder. */
function sibling(source: Source, name: string, plain: Source[]): Source | undefined {
    const folder = source.path.slice(0, source.path.length - nameOf(source.path).length);
    return plain.find((s) => s.path === folder + nameOf(name));
}

const nameOf = (path: string) => path.split(/[/\\]/).at(-1)!;

const bytesOf = (sources: Source[]) => sources.reduce((n, s) => n + s.size, 0);
