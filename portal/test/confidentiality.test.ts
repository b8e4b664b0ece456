/*
 * Whatever is planted, and wherever: it does not leave the page. Each round
 * plants another word in every attribute that PS3.15 names, in private groups,
 * overlays, curves, file meta information, preamble and padding, at the top
 * and in sequences, and searches the bytes that would be sent.
 */

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import list from '../../api/deidentify.json';

import { newSecret } from '../src/core/deidentify';
import { pixelsOf } from '../src/core/dicom';
import { handlers } from '../src/core/reader';
import { sourceOf } from '../src/core/source';
import { ctFields, dataSet, type Field, type Layout, meta, PIXELS } from './writer';

const { attributes } = JSON.parse(
    readFileSync(new URL('../../t/vectors/confidentiality.json', import.meta.url), 'utf8'),
) as { attributes: string[] };

const WORD = 'CANARY';
const bytes = (s: string) => new TextEncoder().encode(s);
const tagOf = (hex: string) => Number.parseInt(hex, 16);

/** Of these some value is needed to be a picture at all; a word makes them none. */
const NEEDED = new Set(['0020000E', '00280010', '00280011', '00200032', '00200037', '00080016']);

const inGroupTwo = (line: string) => line.startsWith('0002');
const listed: Field[] = attributes
    .filter((line) => !inGroupTwo(line) && !line.startsWith('0000') && !line.startsWith('0004'))
    .map((line) => {
        const [hex, vr] = line.split(' ') as [string, string];
        const tag = tagOf(hex);
        return vr === 'SQ' ? nested(tag, [word(0x00100010, 'PN', hex)]) : word(tag, vr, hex);
    });

/** What the third value of these can be is up to the scanner's maker. */
const FREE = new Set(['00080008', '00089007']);

/** Every element that may stay carries a word too: its kind refuses it. */
const kept: Field[] = list.keep
    .filter(
        (r) =>
            !NEEDED.has(r.tag) &&
            !FREE.has(r.tag) &&
            !r.tag.startsWith('0002') &&
            !r.tag.startsWith('7FE0'),
    )
    .filter((r) => !r.vr.startsWith('O'))
    .map((r) => word(tagOf(r.tag), r.vr, r.tag));

const hidden: Field[] = [
    word(0x00090010, 'LO', 'maker'),
    word(0x00091001, 'UN', 'private'),
    nested(0x00091002, [word(0x00091003, 'LO', 'deep private')]),
    word(0x00291010, 'OB', 'csa'),
    word(0x50003000, 'OW', 'curve'),
    word(0x60000022, 'LO', 'overlay description'),
    word(0x60003000, 'OW', 'overlay'),
    word(0x60021500, 'LO', 'overlay label'),
    word(0x601e4000, 'LT', 'overlay comments'),
    word(0x00880200, 'OB', 'icon'),
    nested(0x00880200, [word(0x00200032, 'OW', 'icon pixels')]),
    nested(0x52009229, [
        nested(0x00289110, [word(0x00100010, 'PN', 'shared'), set(0x00280030, 'DS', '1\\1')]),
        word(0x00091001, 'LO', 'shared private'),
        nested(0x00081115, [word(0x00081155, 'UI', 'referenced')]),
    ]),
];

function word(tag: number, vr: string, where: string): Field {
    const text = `${WORD} ${where}`;
    return { tag, vr, value: bytes(text.length % 2 ? `${text} ` : text) };
}

function set(tag: number, vr: string, value: string): Field {
    return { tag, vr, value };
}

function nested(tag: number, item: Field[]): Field {
    return { tag, vr: 'SQ', value: [item.sort((a, b) => a.tag - b.tag)] };
}

/** In this order: what comes later takes the place of what came before. */
function picture(n: number, planted: Field[], layout: Layout, syntax: string): File {
    const byTag = new Map<number, Field>();
    for (const field of [...ctFields(n), ...planted]) {
        byTag.set(field.tag, field);
    }
    for (const field of ctFields(n)) {
        const hex = field.tag.toString(16).padStart(8, '0').toUpperCase();
        if (NEEDED.has(hex)) {
            byTag.set(field.tag, field);
        }
    }
    const fields = [...byTag.values()].sort((a, b) => a.tag - b.tag);
    const head = meta(syntax);
    head.set(bytes(`${WORD} preamble`));
    const more = dataSet([
        word(0x00020016, 'AE', 'source application'),
        word(0x00020102, 'OB', 'private information'),
    ]);
    const pixels = dataSet([{ tag: 0x7fe00010, vr: 'OW', value: PIXELS }], layout);
    const padding = dataSet([word(0xfffcfffc, 'OB', 'padding')], layout);
    const trailing = bytes(`${WORD} behind everything`);
    return new File(
        [withMeta(head, more), dataSet(fields, layout), pixels, padding, trailing],
        `${WORD}.dcm`,
    );
}

/** More elements of group 2, counted in its length. */
function withMeta(head: Uint8Array<ArrayBuffer>, more: Uint8Array): Uint8Array<ArrayBuffer> {
    const out = new Uint8Array(head.length + more.length);
    out.set(head);
    out.set(more, head.length);
    const view = new DataView(out.buffer);
    view.setUint32(140, view.getUint32(140, true) + more.length, true);
    return out;
}

/** The bytes of the files that would leave, and what the receipt says. */
async function sent(files: File[]) {
    const sources = files.map(sourceOf);
    const rewritten = await handlers.rewrite({ sources, secret: await newSecret() });
    const parts = rewritten.files.map(async ({ header, pixels }, i) => [
        header,
        await pixelsOf(files[i]!, pixels),
    ]);
    const text = await new Blob((await Promise.all(parts)).flat()).text();
    return { text, lines: rewritten.lines };
}

const layouts: Array<[string, Layout, string]> = [
    ['explicit', {}, '1.2.840.10008.1.2.1'],
    ['explicit, undefined lengths', { open: true }, '1.2.840.10008.1.2.1'],
    ['implicit', { explicit: false }, '1.2.840.10008.1.2'],
    ['implicit, undefined lengths', { explicit: false, open: true }, '1.2.840.10008.1.2'],
    ['big endian', { little: false }, '1.2.840.10008.1.2.2'],
];

describe('what is planted does not leave', () => {
    it('knows the attributes of PS3.15', () => {
        expect(attributes).toHaveLength(617);
        expect(new Set(attributes).size).toBe(617);
    });

    it.each(layouts)('at the top: %s', async (_, layout, syntax) => {
        const files = [1, 2].map((n) =>
            picture(n, [...kept, ...listed, ...hidden], layout, syntax),
        );
        const { text, lines } = await sent(files);
        expect(leaks(text)).toEqual([]);
        const removed = lines.filter((l) => l.fate === 'removed' && l.tag !== '');
        expect(removed.length).toBeGreaterThan(550);
        expect(removed.some((l) => l.before.includes(WORD))).toBe(true);
    });

    it.each(layouts)('inside functional groups: %s', async (_, layout, syntax) => {
        const groups = list.sequences
            .filter((r) => !r.tag.startsWith('5200'))
            .map((r) => nested(tagOf(r.tag), [...kept.map((f) => ({ ...f })), ...once(listed)]));
        const planted = [
            nested(0x52009229, groups.slice(0, 8)),
            nested(0x52009230, groups.slice(8)),
            ...groups.map((g) => ({ ...g })),
        ];
        const files = [1, 2].map((n) => picture(n, planted, layout, syntax));
        expect(leaks((await sent(files)).text)).toEqual([]);
    });

    it('one at a time', async () => {
        const files = [...listed, ...kept].map((field, n) =>
            picture(n + 1, [field], {}, '1.2.840.10008.1.2.1'),
        );
        expect(leaks((await sent(files)).text)).toEqual([]);
    });
});

/** The words that are found, with what follows them. */
function leaks(text: string): string[] {
    return text.match(new RegExp(`${WORD}.{0,12}`, 'g')) ?? [];
}

/** Elements that no other field of the item takes the place of. */
function once(fields: Field[]): Field[] {
    const tags = new Set(kept.map((f) => f.tag));
    return fields.filter((f) => !tags.has(f.tag));
}
