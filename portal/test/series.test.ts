import { describe, expect, it } from 'vitest';
import { type Entry, entriesOf, filesOf } from '../src/core/files';
import { findSeries } from '../src/core/series';
import { ctFile, dataSet, type Field, meta } from './writer';

const go = new AbortController().signal;
const look = (files: File[]) => findSeries(files, () => {}, go);
const set = (tag: number, vr: string, value: string): Field => ({ tag, vr, value });

/** A slice whose fields of these tags are replaced. */
async function slice(
    n: number,
    replace: Field[] = [],
    syntax = '1.2.840.10008.1.2.1',
): Promise<File> {
    const { ctFields, PIXELS } = await import('./writer');
    const tags = new Set(replace.map((f) => f.tag));
    const fields = [
        ...ctFields(n).filter((f) => !tags.has(f.tag)),
        ...replace,
        { tag: 0x7fe00010, vr: 'OW', value: PIXELS },
    ].sort((a, b) => a.tag - b.tag);
    return new File([meta(syntax), dataSet(fields)], `S${n}`);
}

describe('finding series', () => {
    it('groups files by series and leaves the rest alone', async () => {
        const files = [
            ctFile(3),
            ctFile(1),
            new File(['no scan'], 'autorun.exe'),
            ctFile(2),
            await slice(1, [set(0x0020000e, 'UI', '1.2.3.10')]),
            await slice(2, [set(0x0020000e, 'UI', '1.2.3.10')]),
            new File([ctFile(1).slice(0, 700)], 'cut'),
        ];
        let done = 0;
        const found = await findSeries(files, (n) => (done = n), go);
        expect(done).toBe(files.length);
        expect(found.files).toBe(7);
        expect(found.skipped).toMatchObject({ not_dicom: 1, truncated: 1, no_image: 0 });
        expect(found.series.map((s) => s.count)).toEqual([3, 2]);
        expect(found.series[0]).toMatchObject({
            uid: '1.2.3.9',
            modality: 'CT',
            description: 'Head SECRET',
            rows: 3,
            columns: 4,
            step_mm: 1.5,
            pixel_mm: [0.5, 0.5],
            refusal: null,
            notices: [],
        });
    });

    it('says why a series cannot be taken', async () => {
        const scout = set(0x00080008, 'CS', 'DERIVED\\PRIMARY\\LOCALIZER');
        const series = async (files: Promise<File>[]) =>
            (await look(await Promise.all(files))).series[0]!.refusal;
        expect(await series([slice(1, [scout]), slice(2, [scout])])).toBe('scout');
        expect(await series([slice(1)])).toBe('one_slice');
        expect(await series([slice(1), slice(1)])).toBe('one_slice');
        const nowhere = set(0x00200032, 'DS', '');
        expect(await series([slice(1, [nowhere]), slice(2, [nowhere])])).toBe('no_geometry');
    });

    it('refuses at once what the server would refuse after the upload', async () => {
        const two = async (replace: Field[], syntax?: string) => {
            const files = await Promise.all([slice(1, replace, syntax), slice(2, replace, syntax)]);
            return (await look(files)).series[0]!.refusal;
        };
        const storage = (n: string) => set(0x00080016, 'UI', `1.2.840.10008.5.1.4.1.1.${n}`);
        const modality = (m: string) => set(0x00080060, 'CS', m);
        for (const m of ['CT', 'MR', 'PT', 'NM']) {
            expect(await two([modality(m)])).toBeNull();
        }
        for (const m of ['US', 'OT', 'RTDOSE', 'SEG']) {
            expect(await two([modality(m)])).toBe('not_image');
        }
        expect(await two([storage('4')])).toBeNull();
        expect(await two([storage('66.4')])).toBe('not_image');
        expect(await two([set(0x00080016, 'UI', '1.2.3')])).toBe('not_image');
        expect(await two([storage('2.1')])).toBe('multiframe');
        expect(await two([set(0x00280008, 'IS', '40')])).toBe('multiframe');
        expect(await two([set(0x00280008, 'IS', '1')])).toBeNull();
        expect(await two([{ tag: 0x00280002, vr: 'US', value: [3] }])).toBe('colour');
        expect(await two([set(0x00280004, 'CS', 'PALETTE COLOR')])).toBe('colour');
        expect(await two([set(0x00080008, 'CS', 'ORIGINAL\\PRIMARY\\MOSAIC')])).toBe('mosaic');
        expect(await two([], '1.2.840.10008.1.2.4.70')).toBeNull();
        expect(await two([], '1.2.840.10008.1.2.4.90')).toBe('unsupported_syntax');
        expect(await two([], '1.2.840.10008.1.2.4.201')).toBe('unsupported_syntax');
    });

    it('leaves out the files of a series that cannot be read', async () => {
        const many = await slice(9, [set(0x00280008, 'IS', '40')]);
        const found = await look([many, ctFile(1), ctFile(2)]);
        expect(found.series).toHaveLength(1);
        expect(found.series[0]).toMatchObject({ refusal: null, count: 2 });
        expect(found.series[0]!.slices.map((s) => s.file)).not.toContain(many);
    });

    it('tells what to know about a series', async () => {
        const notices = async (files: Promise<File>[]) =>
            (await look(await Promise.all(files))).series[0]!.notices;
        expect(await notices([slice(1), slice(2), slice(1)])).toEqual(['repeated']);
        expect(await notices([slice(1), slice(2), slice(3), slice(6)])).toEqual(['uneven']);
        const burned = set(0x00280301, 'CS', 'YES');
        expect(await notices([slice(1, [burned]), slice(2)])).toEqual(['burned_in']);
        const sagittal = set(0x00200037, 'DS', '0\\1\\0\\0\\0\\-1');
        expect(await notices([slice(1), slice(2), slice(3, [sagittal])])).toEqual(['directions']);
    });

    it('counts what is DICOM but no picture', async () => {
        const report = new File(
            [meta('1.2.840.10008.1.2.1'), dataSet([set(0x00080060, 'CS', 'SR')])],
            'r',
        );
        expect((await look([report])).skipped.no_image).toBe(1);
    });

    it('stops when asked to', async () => {
        const stop = AbortSignal.abort();
        await expect(findSeries([ctFile(1)], () => {}, stop)).rejects.toThrow();
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
