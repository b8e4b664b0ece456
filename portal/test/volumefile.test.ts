import { describe, expect, it } from 'vitest';
import { withPool } from '../src/core/pool';
import { findSeries, type Series } from '../src/core/series';
import { sourceOf } from '../src/core/source';
import { prepare } from '../src/core/upload';
import { testPool } from './workers';

type Bytes = Uint8Array<ArrayBuffer>;

const go = new AbortController().signal;
const bytes = (s: string): Bytes => new TextEncoder().encode(s);
const VOXELS = Uint16Array.from({ length: 24 }, (_, i) => 100 + i);
const voxels = new Uint8Array(VOXELS.buffer);

async function packed(plain: Bytes, packing: CompressionFormat): Promise<Bytes> {
    const stream = new Blob([plain]).stream().pipeThrough(new CompressionStream(packing));
    return new Uint8Array(await new Response(stream).arrayBuffer());
}

async function unpacked(blob: Blob, packing: CompressionFormat): Promise<Bytes> {
    const stream = blob.stream().pipeThrough(new DecompressionStream(packing));
    return new Uint8Array(await new Response(stream).arrayBuffer());
}

function join(...parts: Bytes[]): Bytes {
    const out = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
    let at = 0;
    for (const part of parts) {
        out.set(part, at);
        at += part.length;
    }
    return out;
}

/** A gzip stream that names its file. */
function named(gzip: Bytes): Bytes {
    const head = gzip.slice(0, 10);
    head[3] = 8;
    return join(head, bytes('SECRET.nii\0'), gzip.slice(10));
}

/** 4 x 3 x 2 voxels of 16 bits, with every text that a header has. */
function nifti({ two = false, little = true } = {}): Bytes {
    const header = new Uint8Array(two ? 540 : 348);
    const v = new DataView(header.buffer);
    const texts = two
        ? [
              [240, 80],
              [320, 24],
              [508, 16],
              [525, 15],
          ]
        : [
              [4, 10],
              [14, 18],
              [148, 80],
              [228, 24],
              [328, 16],
          ];
    for (const [at, length] of texts) {
        header.set(bytes('SECRET'.padEnd(length!, '\0')).slice(0, length), at!);
    }
    const extension = bytes('\x01\0\0\0SECRET extension');
    const at = header.length + extension.length;
    const dims = [3, 4, 3, 2, 1, 1, 1, 1];
    const spacing = [1, 0.5, 0.75, 2, 0, 0, 0, 0];
    v.setInt32(0, header.length, little);
    if (two) {
        header.set(bytes('n+2\0\r\n\x1a\n'), 4);
        v.setInt16(12, 512, little);
        v.setInt16(14, 16, little);
        dims.forEach((d, i) => {
            v.setBigInt64(16 + 8 * i, BigInt(d), little);
        });
        spacing.forEach((s, i) => {
            v.setFloat64(104 + 8 * i, s, little);
        });
        v.setBigInt64(168, BigInt(at), little);
    } else {
        header.set(bytes('n+1\0'), 344);
        v.setInt16(70, 512, little);
        v.setInt16(72, 16, little);
        dims.forEach((d, i) => {
            v.setInt16(40 + 2 * i, d, little);
        });
        spacing.forEach((s, i) => {
            v.setFloat32(76 + 4 * i, s, little);
        });
        v.setFloat32(108, at, little);
    }
    return join(header, extension, voxels, bytes('SECRET behind'.padEnd(400)));
}

const nrrd = (...lines: string[]) =>
    [
        'NRRD0005',
        '# SECRET comment',
        'content: SECRET',
        'type: unsigned short',
        'dimension: 3',
        'space: left-posterior-superior',
        'sizes: 4 3 2',
        'space directions: (0.5,0,0) (0,0.75,0) (0,0,2)',
        'kinds: domain domain domain',
        'endian: little',
        'space origin: (-1,2,3e1)',
        'modality:=CT',
        'DICOM_patientName:=SECRET',
        ...lines,
    ].join('\n');

const meta = (...lines: string[]) =>
    [
        'ObjectType = Image',
        'NDims = 3',
        'Comment = SECRET',
        'Name = SECRET',
        'BinaryData = True',
        'BinaryDataByteOrderMSB = False',
        'TransformMatrix = 1 0 0 0 1 0 0 0 1',
        'Offset = 1 2 3',
        'AcquisitionDate = SECRET',
        'ElementSpacing = 0.5 0.75 2',
        'DimSize = 4 3 2',
        'ElementType = MET_USHORT',
        ...lines,
    ].join('\n');

interface Sent {
    series: Series;
    bytes: Blob;
    removed: string[];
}

async function send(...files: File[]): Promise<Sent> {
    return withPool(
        () => testPool(),
        go,
        async (pool) => {
            const { series } = await findSeries(files.map(sourceOf), pool, () => {});
            const { body, receipt } = await prepare(series[0]!, 0, pool, () => {});
            const removed = receipt.lines().filter((l) => l.fate === 'removed');
            return {
                series: series[0]!,
                bytes: await body.slice(0, body.size),
                removed: removed.map((l) => l.name),
            };
        },
    );
}

const all = async (blob: Blob) => new Uint8Array(await blob.arrayBuffer());

async function refusal(...files: File[]) {
    return withPool(
        () => testPool(),
        go,
        async (pool) => {
            const found = await findSeries(files.map(sourceOf), pool, () => {});
            return found.series[0]?.refusal ?? found.others;
        },
    );
}

describe('NIfTI', () => {
    it.each([[{}], [{ little: false }], [{ two: true }], [{ two: true, little: false }]])(
        'keeps geometry and voxels alone: %j',
        async (kind) => {
            const before = nifti(kind);
            const { series, bytes: after, removed } = await send(new File([before], 'a.nii'));
            expect(series).toMatchObject({ format: 'NIfTI', dims: [4, 3, 2], refusal: null });
            expect(series.spacing_mm).toEqual([0.5, 0.75, 2]);
            expect(removed).toContain('descrip');
            expect(removed).toContain('extensions');
            expect(await after.text()).not.toMatch(/SECRET/);
            const header = 'two' in kind && kind.two ? 540 : 348;
            const sent = await all(after);
            expect(sent.subarray(header + 4)).toEqual(voxels);
            expect((await send(new File([sent], 'b.nii'))).bytes.size).toBe(sent.length);
        },
    );

    it('is packed anew, without what gzip says', async () => {
        const gz = named(await packed(nifti(), 'gzip'));
        const { bytes: after } = await send(new File([gz], 'SECRET.nii.gz'));
        expect(await after.text()).not.toContain('SECRET');
        const plain = await send(new File([nifti()], 'a.nii'));
        expect(await unpacked(after, 'gzip')).toEqual(await all(plain.bytes));
    });

    it('that makes no sense is told', async () => {
        const flat = nifti();
        new DataView(flat.buffer).setInt16(40, 2, true);
        expect(await refusal(new File([flat], 'a.nii'))).toEqual({ volume: 1 });
        const none = nifti();
        new DataView(none.buffer).setInt16(46, 0, true);
        expect(await refusal(new File([none], 'a.nii'))).toEqual({ volume: 1 });
        const short = nifti().slice(0, 380);
        const long = join(short, new Uint8Array(200)).slice(0, 560);
        new DataView(long.buffer).setInt16(44, 300, true);
        await expect(send(new File([long], 'a.nii'))).rejects.toThrow('short');
    });
});

describe('NRRD', () => {
    it('keeps what the list has', async () => {
        const head = bytes(`${nrrd('encoding: raw')}\n\n`);
        const file = new File([head, voxels, 'SECRET'], 'a.nrrd');
        const { series, bytes: after, removed } = await send(file);
        expect(series).toMatchObject({
            format: 'NRRD',
            dims: [4, 3, 2],
            spacing_mm: [0.5, 0.75, 2],
            notices: [{ code: 'file' }],
        });
        const text = await after.text();
        expect(text).not.toContain('SECRET');
        expect(text).toMatch(/^NRRD0005\n/);
        expect(text).toContain('\nspace origin: (-1,2,3e1)\n');
        expect(text).toContain('\nmodality:=CT\n');
        expect(removed.sort()).toEqual(['DICOM_patientName', 'comment', 'content', 'kinds']);
        expect((await all(after)).slice(-voxels.length)).toEqual(voxels);
    });

    it('packs voxels anew', async () => {
        const head = bytes(`${nrrd('encoding: gzip')}\n\n`);
        const gz = named(await packed(join(voxels, bytes('SECRET')), 'gzip'));
        const { bytes: after } = await send(new File([head, gz], 'a.nrrd'));
        const text = await after.text();
        expect(text).not.toContain('SECRET');
        const end = text.indexOf('\n\n') + 2;
        expect(await unpacked(after.slice(end), 'gzip')).toEqual(voxels);
    });

    it('finds its voxels in another file, or asks for it', async () => {
        const lines = ['encoding: raw', 'data file: SECRET.raw', 'byte skip: -1'];
        const header = new File([bytes(nrrd(...lines))], 'a.nhdr');
        const raw = new File([bytes('SECRET'), voxels], 'SECRET.raw');
        const { bytes: after } = await send(header, raw);
        expect(await after.text()).not.toContain('SECRET');
        expect((await all(after)).slice(-voxels.length)).toEqual(voxels);
        expect(await refusal(header)).toBe('no_data_file');
        const many = new File([bytes(nrrd('encoding: raw', 'data file: LIST'))], 'a.nhdr');
        expect(await refusal(many)).toEqual({ volume: 1 });
    });

    it('says no to what it does not understand', async () => {
        for (const line of ['encoding: ascii', 'space: SECRET', 'line skip: 3\nencoding: raw']) {
            const file = new File([bytes(`${nrrd(line)}\n\n`), voxels], 'a.nrrd');
            expect(await refusal(file)).toEqual({ volume: 1 });
        }
        const key = new File([bytes(`${nrrd('encoding: raw', 'unit:=SECRET')}\n\n`), voxels], 'a');
        expect(await (await send(key)).bytes.text()).not.toContain('SECRET');
    });
});

describe('MetaImage', () => {
    it('keeps what the list has', async () => {
        const head = bytes(`${meta('ElementDataFile = LOCAL')}\n`);
        const { series, bytes: after, removed } = await send(new File([head, voxels], 'a.mha'));
        expect(series).toMatchObject({ format: 'MetaImage', dims: [4, 3, 2] });
        const text = await after.text();
        expect(text).not.toContain('SECRET');
        expect(text).toContain('\nOffset = 1 2 3\n');
        expect(removed.sort()).toEqual(['AcquisitionDate', 'Comment', 'Name']);
        expect((await all(after)).slice(-voxels.length)).toEqual(voxels);
    });

    it('packs voxels anew, from its own or another file', async () => {
        const z = join(await packed(voxels, 'deflate'));
        const own = ['CompressedData = True', 'CompressedDataSize = 99'];
        const local = bytes(`${meta(...own, 'ElementDataFile = LOCAL')}\n`);
        const other = bytes(`${meta(...own, 'ElementDataFile = a.zraw')}\n`);
        const sent = [
            await send(new File([local, z], 'a.mha')),
            await send(new File([other], 'a.mhd'), new File([z], 'a.zraw')),
        ];
        for (const { bytes: after } of sent) {
            const text = await after.text();
            expect(text).not.toContain('CompressedDataSize');
            const end = text.indexOf('LOCAL\n') + 6;
            expect(await unpacked(after.slice(end), 'deflate')).toEqual(voxels);
        }
    });

    it('says no to what it does not understand', async () => {
        const odd = [meta('ElementDataFile = %d.raw'), meta(), meta('NDims = SECRET')];
        for (const text of odd) {
            const file = new File([bytes(`${text}\n`), voxels], 'a.mha');
            expect(await refusal(file)).toEqual({ volume: 1 });
        }
        const head = bytes(`${meta('CompressedData = True', 'ElementDataFile = LOCAL')}\n`);
        await expect(send(new File([head, voxels], 'a.mha'))).rejects.toThrow('short');
    });
});
