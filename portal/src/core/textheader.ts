/*
 * Headers that are lines of text: NRRD and MetaImage. Lines on the list stay
 * when their value is what the list allows; all others are left out.
 * Source: teem.sourceforge.net/nrrd/format.html; itk.org/Wiki/MetaIO.
 */

import list from '../../../api/deidentify.json';
import type { Packing } from './inflate';
import type { ReceiptLine } from './receipt';
import { VolumeError, type VolumeHeader } from './volumefile';

interface Rule {
    name: string;
    /** Of the "key:=value" kind. */
    key?: boolean;
    /** Else numbers. */
    values?: string[];
}

interface Field {
    name: string;
    value: string;
    key: boolean;
}

const NUMBERS = /^(none|nan|[-+0-9.eE(), \t])*$/;
const rules = {
    nrrd: list.volume_files.nrrd as Rule[],
    meta: list.volume_files.metaimage as Rule[],
};

const LATIN = new TextDecoder('iso-8859-1');

export const isNrrd = (start: Uint8Array) => latin(start.subarray(0, 7)) === 'NRRD000';

export function isMetaImage(start: Uint8Array): boolean {
    return /^(ObjectType|NDims|Comment)[ \t]*=/.test(latin(start.subarray(0, 40)));
}

export function nrrdHeader(start: Uint8Array): VolumeHeader {
    const text = latin(start);
    const end = /\r?\n\r?\n/.exec(text);
    const all = text.slice(0, end?.index).split(/\r?\n/);
    const fields = all.slice(1).filter((l) => l !== '' && !l.startsWith('#'));
    const comments = all.filter((l) => l.startsWith('#'));
    const { kept, lines, get } = sift(fields.map(nrrdField), rules.nrrd);
    lines.push(...comments.map((c) => removed('comment', c.slice(1).trim())));

    const type = get('type');
    const sizes = numbersOf(get('sizes'));
    const dataFile = get('data file') || get('datafile');
    const skip = Number(get('byte skip') || get('byteskip') || 0);
    const packed = get('encoding').startsWith('gz');
    if ((!end && !dataFile) || !type || lineSkip(get) || (packed && skip !== 0)) {
        throw new VolumeError('nrrd');
    }
    const written = kept.map((f) => `${f.name}${f.key ? ':=' : ': '}${f.value}`);
    return {
        format: 'NRRD',
        dims: sizes.slice(0, 3),
        spacing_mm: nrrdSpacing(get),
        bytes: ascii(`${all[0]!.slice(0, 8)}\n${written.join('\n')}\n\n`),
        at: begin(dataFile ? 0 : end!.index + end![0].length, skip),
        voxels: product(sizes) * nrrdBytes(type),
        packing: packed ? 'gzip' : null,
        dataFile: single(dataFile),
        lines,
    };
}

export function metaImageHeader(start: Uint8Array): VolumeHeader {
    const text = latin(start);
    const end = /^ElementDataFile[ \t]*=[ \t]*([^\r\n]*)(\r?\n|$)/m.exec(text);
    if (!end) {
        throw new VolumeError('metaimage');
    }
    const fields = text
        .slice(0, end.index)
        .split(/\r?\n/)
        .filter((l) => l.includes('='))
        .map((l) => field(l, '=', false));
    const { kept, lines, get } = sift(fields, rules.meta);
    const local = /^local$/i.test(end[1]!.trim());
    const sizes = numbersOf(get('DimSize'));
    const channels = Number(get('ElementNumberOfChannels') || 1);
    const packed = /^t/i.test(get('CompressedData'));
    const skip = Number(get('HeaderSize') || 0);
    const from = local ? end.index + end[0].length : 0;
    const packing: Packing | null = packed ? 'deflate' : null;
    const written = kept.map((f) => `${f.name} = ${f.value}`);
    return {
        format: 'MetaImage',
        dims: sizes.slice(0, 3),
        spacing_mm: numbersOf(get('ElementSpacing') || get('ElementSize')),
        bytes: ascii(`${written.join('\n')}\nElementDataFile = LOCAL\n`),
        at: begin(from, packed ? 0 : skip),
        voxels: product(sizes) * channels * metaBytes(get('ElementType')),
        packing,
        dataFile: local ? '' : single(end[1]!.trim()),
        lines,
    };
}

interface Sifted {
    kept: Field[];
    lines: ReceiptLine[];
    /** Of all fields, kept or not; '' for none. */
    get: (name: string) => string;
}

/** Throws VolumeError when a field that is needed says what nobody understands. */
function sift(fields: Field[], allowed: Rule[]): Sifted {
    const kept: Field[] = [];
    const lines: ReceiptLine[] = [];
    for (const f of fields) {
        const rule = allowed.find((r) => r.name === f.name && !!r.key === f.key);
        const fine = rule && (rule.values?.includes(f.value) ?? NUMBERS.test(f.value));
        if (rule && !fine && !rule.key) {
            throw new VolumeError(f.name);
        }
        if (fine) {
            kept.push(f);
            lines.push({ ...removed(f.name, f.value), fate: 'kept', after: f.value });
        } else {
            lines.push(removed(f.name, f.value));
        }
    }
    return { kept, lines, get: (name) => fields.find((f) => f.name === name)?.value ?? '' };
}

function nrrdField(line: string): Field {
    const key = line.indexOf(':=');
    const colon = line.indexOf(':');
    return key >= 0 && key === colon ? field(line, ':=', true) : field(line, ':', false);
}

function field(line: string, mark: string, key: boolean): Field {
    const at = line.indexOf(mark);
    return at < 0
        ? { name: line, value: '', key }
        : { name: line.slice(0, at).trim(), value: line.slice(at + mark.length).trim(), key };
}

function removed(name: string, before: string): ReceiptLine {
    return { fate: 'removed', tag: '', name, before, after: '', count: 1 };
}

/** A name of one file; lists and patterns are not read. */
function single(name: string): string {
    if (/^LIST|%/.test(name)) {
        throw new VolumeError('data file');
    }
    return name;
}

const lineSkip = (get: (name: string) => string) =>
    Number(get('line skip') || get('lineskip') || 0) !== 0;

/** skip: bytes; -1 when the voxels are the end of the file. */
function begin(from: number, skip: number): number {
    return skip < 0 ? -1 : from + skip;
}

function nrrdSpacing(get: (name: string) => string): number[] {
    const directions = get('space directions').match(/\([^)]*\)/g);
    return directions
        ? directions.map((d) => Math.hypot(...numbersOf(d)))
        : numbersOf(get('spacings'));
}

function nrrdBytes(type: string): number {
    const sizes: Array<[RegExp, number]> = [
        [/char|int8/, 1],
        [/short|int16/, 2],
        [/long|int64|double/, 8],
    ];
    return sizes.find(([name]) => name.test(type))?.[1] ?? 4;
}

function metaBytes(type: string): number {
    const sizes: Array<[RegExp, number]> = [
        [/CHAR/, 1],
        [/SHORT/, 2],
        [/LONG_LONG|DOUBLE/, 8],
        [/INT|LONG|FLOAT/, 4],
    ];
    return sizes.find(([name]) => name.test(type))?.[1] ?? 0;
}

function numbersOf(value: string): number[] {
    return value
        .split(/[(), \t]+/)
        .filter((s) => s !== '')
        .map(Number);
}

function product(sizes: number[]): number {
    return sizes.length >= 3 ? sizes.reduce((a, b) => a * b, 1) : 0;
}

function latin(bytes: Uint8Array): string {
    return LATIN.decode(bytes);
}

function ascii(s: string): Uint8Array<ArrayBuffer> {
    return new TextEncoder().encode(s);
}
