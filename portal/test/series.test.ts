import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Entry, entriesOf, filesOf } from '../src/core/files';
import { withPool } from '../src/core/pool';
import { type Found, findSeries } from '../src/core/series';
import { sourceOf } from '../src/core/source';
import { testPool } from './workers';
import { ctFields, ctFile, dataSet, type Field, meta, PIXELS } from './writer';

const go = new AbortController().signal;
const look = (files: File[], progress = (_done: number, _all: number) => {}): Promise<Found> =>
    withPool(testPool, go, (pool) => findSeries(files.map(sourceOf), pool, progress));
const set = (tag: number, vr: string, value: string): Field => ({ tag, vr, value });
const storage = (n: string) => set(0x00080016, 'UI', `1.2.840.10008.5.1.4.1.1.${n}`);

/** A slice whose fields of these tags are replaced. */
function slice(n: number, replace: Field[] = [], syntax = '1.2.840.10008.1.2.1'): File {
    const tags = new Set(replace.map((f) => f.tag));
    const fields = [
        ...ctFields(n).filter((f) => !tags.has(f.tag)),
        ...replace,
        { tag: 0x7fe00010, vr: 'OW', value: PIXELS },
    ].sort((a, b) => a.tag - b.tag);
    return new File([meta(syntax), dataSet(fields)], `S${n}`);
}

/** An enhanced file: frames at these places. */
function enhanced(
    places: string[],
    frame: (i: number) => Field[] = () => [],
    more: Field[] = [],
): File {
    const sequence = (tag: number, value: Field[]): Field => ({ tag, vr: 'SQ', value: [value] });
    const each = places.map((place, i) => [
        sequence(0x00209113, [set(0x00200032, 'DS', place)]),
        ...frame(i),
    ]);
    return slice(1, [
        ...more,
        storage('2.1'),
        set(0x00280008, 'IS', String(places.length)),
        set(0x00200032, 'DS', ''),
        set(0x00200037, 'DS', ''),
        set(0x00280030, 'DS', ''),
        {
            tag: 0x52009229,
            vr: 'SQ',
            value: [
                [
                    sequence(0x00209116, [set(0x00200037, 'DS', '1\\0\\0\\0\\1\\0')]),
                    sequence(0x00289110, [set(0x00280030, 'DS', '0.5\\0.25')]),
                ],
            ],
        },
        { tag: 0x52009230, vr: 'SQ', value: each },
    ]);
}

/** A zip archive by Python's own hand. */
function zip(files: Record<string, Uint8Array>, ...options: string[]): File {
    const dir = mkdtempSync(join(tmpdir(), 'portal-zip-'));
    const script = `
import sys, zipfile
how = zipfile.ZIP_STORED if 'stored' in sys.argv else zipfile.ZIP_DEFLATED
with zipfile.ZipFile('a.zip', 'w', how) as z:
    for name in sys.argv[sys.argv.index('--') + 1:]:
        at = name.split('=', 1)
        info = zipfile.ZipInfo(at[1]); info.compress_type = how
        with z.open(info, 'w', force_zip64='zip64' in sys.argv) as out:
            out.write(open(at[0], 'rb').read())
`;
    try {
        const names = Object.entries(files).map(([name, bytes], i) => {
            writeFileSync(join(dir, String(i)), bytes);
            return `${i}=${name}`;
        });
        execFileSync('python3', ['-c', script, ...options, '--', ...names], { cwd: dir });
        return new File([new Uint8Array(readFileSync(join(dir, 'a.zip')))], 'a.zip');
    } finally {
        rmSync(dir, { recursive: true });
    }
}

const bytes = async (file: Blob) => new Uint8Array(await file.arrayBuffer());

describe('finding series', () => {
    it('groups files by series and leaves the rest alone', async () => {
        const other = set(0x0020000e, 'UI', '1.2.3.10');
        const files = [
            ctFile(3),
            ctFile(1),
            new File(['no scan'], 'autorun.exe'),
            new File(
                [meta('1.2.840.10008.1.2.1', '1.2.840.10008.1.3.10'), dataSet(ctFields(1))],
                'DICOMDIR',
            ),
            ctFile(2),
            slice(1, [other]),
            slice(2, [other]),
            new File([ctFile(1).slice(0, 700)], 'cut'),
        ];
        let last = [0, 0];
        const found = await look(files, (done, all) => {
            last = [done, all];
        });
        expect(last).toEqual([8, 8]);
        expect(found.files).toBe(8);
        expect(found.others).toEqual({ not_dicom: 1, dicomdir: 1, truncated: 1 });
        expect(found.people).toBe(false);
        expect(found.series.map((s) => s.dims)).toEqual([
            [4, 3, 3],
            [4, 3, 2],
        ]);
        expect(found.series[0]).toMatchObject({
            modality: 'CT',
            description: 'Head SECRET',
            spacing_mm: [0.5, 0.5, 1.5],
            refusal: null,
            notices: [],
        });
        expect(found.series[0]!.phases[0]!.map((s) => s.path)).toEqual(['IM1', 'IM2', 'IM3']);
    });

    it('says why a series cannot be taken', async () => {
        const refusal = async (...files: File[]) => (await look(files)).series[0]!.refusal;
        const scout = set(0x00080008, 'CS', 'DERIVED\\PRIMARY\\LOCALIZER');
        expect(await refusal(slice(1, [scout]), slice(2, [scout]))).toBe('localizer');
        expect(await refusal(slice(1))).toBe('one_slice');
        const nowhere = [set(0x00200032, 'DS', ''), set(0x00180050, 'DS', '')];
        expect(await refusal(slice(1, nowhere), slice(2, nowhere))).toBe('no_geometry');
    });

    it('leaves overviews beside a scan out', async () => {
        const sagittal = [
            set(0x00080008, 'CS', 'ORIGINAL\\PRIMARY\\LOCALIZER'),
            set(0x00200037, 'DS', '0\\1\\0\\0\\0\\-1'),
        ];
        const found = await look([slice(1), slice(2), slice(3), slice(4, sagittal)]);
        expect(found.series.map((s) => [s.refusal, s.dims[2]])).toEqual([
            [null, 3],
            ['localizer', 1],
        ]);
    });

    it('refuses at once what the server would refuse after the upload', async () => {
        const two = async (replace: Field[], syntax?: string) =>
            (await look([slice(1, replace, syntax), slice(2, replace, syntax)])).series[0]!.refusal;
        expect(await two([storage('4')])).toBeNull();
        expect(await two([storage('66.4')])).toBe('not_image');
        expect(await two([set(0x00080016, 'UI', '1.2.3')])).toBe('not_image');
        expect(await two([storage('481.2')])).toBe('not_image');
        expect(await two([set(0x00280004, 'CS', 'CMYK')])).toBe('colour');
        expect(await two([{ tag: 0x00280002, vr: 'US', value: [4] }])).toBe('colour');
        expect(await two([set(0x00280008, 'IS', '40')])).toBe('multiframe');
        expect(await two([set(0x00280008, 'IS', '1')])).toBeNull();
        expect(await two([set(0x00080008, 'CS', 'ORIGINAL\\PRIMARY\\MOSAIC')])).toBe('mosaic');
        for (const s of ['5', '4.50', '4.70', '4.81', '4.90', '4.91']) {
            expect(await two([], `1.2.840.10008.1.2.${s}`)).toBeNull();
        }
        expect(await two([], '1.2.840.10008.1.2.4.201')).toBe('unsupported_syntax');
        expect(await two([], '1.2.840.10008.1.2.4.102')).toBe('unsupported_syntax');
    });

    it('leaves out the files of a series that cannot be read, and says so', async () => {
        const many = slice(9, [set(0x00280008, 'IS', '40')]);
        const found = await look([many, ctFile(1), ctFile(2)]);
        expect(found.series.map((s) => s.refusal)).toEqual([null, 'multiframe']);
        expect(found.series[0]!.phases).toHaveLength(1);
        expect(found.series[0]!.phases[0]).toHaveLength(2);
    });

    it('tells what to know about a series', async () => {
        const notices = async (...files: File[]) =>
            (await look(files)).series[0]!.notices.map(({ code, n, of }) => [code, n, of]);
        const none = set(0x00080018, 'UI', '1.2.3.99');
        expect(await notices(slice(1), slice(2), slice(1, [none]))).toEqual([['duplicates', 1, 3]]);
        expect(await notices(slice(1), slice(2), slice(3), slice(6))).toEqual([['missing', 2, 6]]);
        const burned = set(0x00280301, 'CS', 'YES');
        expect(await notices(slice(1, [burned]), slice(2))).toEqual([['burned_in', 0, 0]]);
        const rgb = [{ tag: 0x00280002, vr: 'US', value: [3] }, set(0x00280004, 'CS', 'RGB')];
        expect(await notices(slice(1, rgb), slice(2, rgb))).toEqual([['colour', 0, 0]]);
    });

    it('splits a recording over time, the earliest first', async () => {
        const at = (n: number, time: string) =>
            slice(n, [set(0x00080032, 'TM', time), set(0x00080018, 'UI', `1.2.3.${n}.${time}`)]);
        const files = [1, 2, 3].flatMap((n) => [at(n, '101530.5'), at(n, '101500')]);
        const [series] = (await look(files)).series;
        expect(series!.phases.map((p) => p.length)).toEqual([3, 3]);
        expect(series!.dims).toEqual([4, 3, 3]);
        expect(series!.phases[0]!.map((s) => files.indexOf(s.file as File))).toEqual([1, 3, 5]);
        expect(series!.notices).toEqual([]);
        expect(series!.bytes).toBe([1, 3, 5].reduce((n, i) => n + files[i]!.size, 0));
    });

    it('tells people apart who share a series', async () => {
        const other = set(0x00100020, 'LO', 'SECRET-OTHER');
        const found = await look([1, 2, 3].flatMap((n) => [slice(n), slice(n, [other])]));
        expect(found.people).toBe(true);
        expect(found.series.map((s) => s.dims[2])).toEqual([3, 3]);
        expect(new Set(found.series.map((s) => s.patient)).size).toBe(2);
    });

    it('counts what is DICOM but no picture', async () => {
        const report = dataSet([set(0x00080060, 'CS', 'SR')]);
        const file = new File([meta('1.2.840.10008.1.2.1'), report], 'r');
        expect((await look([file])).others).toEqual({ no_image: 1 });
    });

    it('stops when asked to', async () => {
        const stop = new AbortController();
        const found = withPool(testPool, stop.signal, (pool) =>
            findSeries(
                Array.from({ length: 200 }, (_, i) => sourceOf(ctFile(i))),
                pool,
                () => stop.abort(),
            ),
        );
        await expect(found).rejects.toMatchObject({ name: 'AbortError' });
        const never = withPool(testPool, AbortSignal.abort(), async () => 1);
        await expect(never).rejects.toMatchObject({ name: 'AbortError' });
    });
});

describe('files of many frames', () => {
    const places = ['0\\0\\6', '0\\0\\0', '0\\0\\3', '0\\0\\9'];

    it('are stacked by where each frame lies', async () => {
        const [series] = (await look([enhanced(places)])).series;
        expect(series).toMatchObject({
            refusal: null,
            dims: [4, 3, 4],
            spacing_mm: [0.25, 0.5, 3],
            notices: [],
        });
        expect(series!.phases).toHaveLength(1);
        expect(series!.phases[0]).toHaveLength(1);
    });

    it('of several times are sent whole', async () => {
        const content = (i: number): Field[] => [
            {
                tag: 0x00209111,
                vr: 'SQ',
                value: [[{ tag: 0x00209128, vr: 'UL', value: [1 + (i % 2), 0] }]],
            },
        ];
        const twice = places.flatMap((p) => [p, p]);
        const [series] = (await look([enhanced(twice, content)])).series;
        expect(series).toMatchObject({ refusal: null, dims: [4, 3, 4] });
        expect(series!.phases).toHaveLength(1);
    });

    it('may differ in a dimension that has no name here', async () => {
        const pointer = (value: number[]): Field => ({ tag: 0x00209165, vr: 'AT', value });
        const dimensions: Field = {
            tag: 0x00209222,
            vr: 'SQ',
            value: [[pointer([0x20, 0x32])], [pointer([0x18, 0x9073])]],
        };
        const index = (i: number): Field[] => [
            {
                tag: 0x00209111,
                vr: 'SQ',
                value: [[{ tag: 0x00209157, vr: 'UL', value: [1, 0, 2 - (i % 2), 0] }]],
            },
        ];
        const twice = places.flatMap((p) => [p, p]);
        const [series] = (await look([enhanced(twice, index, [dimensions])])).series;
        expect(series).toMatchObject({ refusal: null, dims: [4, 3, 4] });
    });

    it('of nuclear medicine lie along their detector', async () => {
        const detector: Field = {
            tag: 0x00540022,
            vr: 'SQ',
            value: [[set(0x00200032, 'DS', '0\\0\\9'), set(0x00200037, 'DS', '1\\0\\0\\0\\1\\0')]],
        };
        const recon = [
            storage('20'),
            set(0x00080008, 'CS', 'ORIGINAL\\PRIMARY\\RECON TOMO'),
            set(0x00280008, 'IS', '5'),
            set(0x00200032, 'DS', ''),
            set(0x00180088, 'DS', '4'),
            detector,
        ];
        const [series] = (await look([slice(1, recon)])).series;
        expect(series).toMatchObject({ refusal: null, dims: [4, 3, 5], spacing_mm: [0.5, 0.5, 4] });
        const nowhere = recon.filter((f) => f.tag !== 0x00180088);
        const [counted] = (await look([slice(1, nowhere)])).series;
        expect(counted!.notices.map((n) => n.code)).toEqual(['no_position']);
    });

    it('of several stacks are one series, the largest', async () => {
        const content = (i: number): Field[] => [
            { tag: 0x00209111, vr: 'SQ', value: [[set(0x00209056, 'SH', i < 3 ? '1' : '2')]] },
        ];
        const found = await look([enhanced([...places, '0\\0\\12'], content)]);
        expect(found.series).toHaveLength(1);
        expect(found.series[0]!.dims[2]).toBe(3);
        expect(found.series[0]!.notices.map((n) => n.code)).toContain('stacks');
    });
});

describe('archives', () => {
    const cd = async () => ({
        'DICOM/A/IM1': await bytes(ctFile(1)),
        'DICOM/A/IM2': await bytes(ctFile(2)),
        'DICOM/B/IM3': await bytes(ctFile(3)),
        'VIEWER/START.EXE': new Uint8Array(100_000),
        empty: new Uint8Array(0),
    });

    it.each([[[]], [['stored']], [['zip64']]])('are opened: %j', async (options) => {
        const found = await look([zip(await cd(), ...options), ctFile(9)]);
        expect(found.others).toEqual({ not_dicom: 2 });
        expect(found.files).toBe(7);
        expect(found.series[0]).toMatchObject({ dims: [4, 3, 9], refusal: null });
        expect(found.series[0]!.phases[0]![0]!.path).toBe('a.zip/DICOM/A/IM1');
    });

    it('within archives stay closed', async () => {
        const inner = await bytes(zip(await cd()));
        expect((await look([zip({ 'b.zip': inner })])).others).toEqual({ archive: 1 });
        expect((await look([new File(['Rar!....'], 'a.rar')])).others).toEqual({ archive: 1 });
    });

    it('of other kinds, and damaged or encrypted ones, are told', async () => {
        const whole = await bytes(zip(await cd(), 'stored'));
        const cut = new File([whole.subarray(0, whole.length - 30)], 'cut.zip');
        expect((await look([cut])).others).toEqual({ damaged: 1 });
        const locked = whole.slice();
        const entry = locked.findIndex((_, i) => locked[i] === 0x50 && locked[i + 2] === 1);
        locked[entry + 8]! |= 1;
        expect((await look([new File([locked], 'a.zip')])).others).toEqual({ encrypted: 1 });
    });
});

describe('files of a drop', () => {
    const file = (name: string): Entry => ({
        isFile: true,
        isDirectory: false,
        file: (done) => done(new File(['x'], name)),
    });
    /** Hands out two entries a call, as browsers hand out a hundred. */
    const folder = (children: Entry[]): Entry => ({
        isFile: false,
        isDirectory: true,
        createReader: () => {
            let at = 0;
            return {
                readEntries: (done) => {
                    done(children.slice(at, at + 2));
                    at += 2;
                },
            };
        },
    });

    it('come from all folders, however many calls a reader needs', async () => {
        const many = Array.from({ length: 7 }, (_, i) => file(`a${i}`));
        const tree = [folder([...many, folder([folder([file('deep')])])]), file('top')];
        const names = (await filesOf(tree)).map((f) => f.name).sort();
        expect(names).toEqual([...many.map((_, i) => `a${i}`), 'deep', 'top'].sort());
    });

    it('are left out when they cannot be read', async () => {
        const bad: Entry = { isFile: true, isDirectory: false, file: (_, no) => no('gone') };
        const locked: Entry = {
            isFile: false,
            isDirectory: true,
            createReader: () => ({ readEntries: (_, no) => no('locked') }),
        };
        const odd: Entry = { isFile: true, isDirectory: false };
        expect(await filesOf([bad, locked, odd, file('good')])).toHaveLength(1);
    });

    it('are taken from the items at once', () => {
        const entry = file('x');
        const items = [{ webkitGetAsEntry: () => entry }, { webkitGetAsEntry: () => null }];
        expect(entriesOf(items)).toEqual([entry]);
    });
});
