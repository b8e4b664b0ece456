/*
 * The reader against an independent one, dicom-parser, on files that chance
 * has changed: where both read a file they read the same, and what is written
 * from it says to the other reader nothing that the list does not have.
 */

import dicomParser from 'dicom-parser';
import { describe, expect, it } from 'vitest';
import list from '../../api/deidentify.json';
import { Deidentifier, isSequence, newSecret } from '../src/core/deidentify';
import { DicomError, type Head, pixelsOf, readHead } from '../src/core/dicom';
import { tagNumber } from '../src/core/elements';
import { ctFile, type Field, type Layout } from './writer';

const ROUNDS = 400;

const onList = new Set(
    [
        ...[list.keep, list.replace_uid, list.empty, list.set, list.sequences].flat(),
        ...list.set.flatMap((r) => (Array.isArray(r.value) ? r.value.flat() : [])),
    ].map((r) => tagNumber(r.tag)),
);

const groups: Field = {
    tag: 0x52009229,
    vr: 'SQ',
    value: [
        [{ tag: 0x00289110, vr: 'SQ', value: [[{ tag: 0x00280030, vr: 'DS', value: '1\\1' }]] }],
        [{ tag: 0x00209113, vr: 'SQ', value: [] }],
    ],
};

const kinds: Array<[string, string, Layout]> = [
    ['explicit', '1.2.840.10008.1.2.1', {}],
    ['undefined lengths', '1.2.840.10008.1.2.1', { open: true }],
    ['implicit', '1.2.840.10008.1.2', { explicit: false, open: true }],
    ['big endian', '1.2.840.10008.1.2.2', { little: false }],
];

/** Chance that comes again: mulberry32. */
function chance(seed: number): (below: number) => number {
    let state = seed;
    return (below) => {
        state = (state + 0x6d2b79f5) | 0;
        let t = Math.imul(state ^ (state >>> 15), 1 | state);
        t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
        return ((t ^ (t >>> 14)) >>> 0) % below;
    };
}

/** A few bytes flipped, set, doubled or cut out, behind the preamble. */
function changed(bytes: Uint8Array, random: (below: number) => number): Uint8Array<ArrayBuffer> {
    let out = [...bytes];
    for (let n = 1 + random(4); n > 0; n--) {
        const at = 132 + random(out.length - 132);
        const some = random(12);
        const edits = [
            () => out.with(at, out[at]! ^ (1 << random(8))),
            () => out.with(at, [0, 1, 0x7f, 0xff, 0xfe][random(5)]!),
            () => out.toSpliced(at, some),
            () => out.toSpliced(at, 0, ...out.slice(at, at + some)),
            () => out.slice(0, out.length - some),
        ];
        out = edits[random(edits.length)]!();
    }
    return Uint8Array.from(out);
}

/** What the other reader finds at the top, up to the pixels; null when it gives up. */
function other(bytes: Uint8Array): dicomParser.DataSet | null {
    try {
        return dicomParser.parseDicom(bytes);
    } catch {
        return null;
    }
}

const tagOf = (x: string) => Number.parseInt(x.slice(1), 16);

async function own(bytes: Uint8Array<ArrayBuffer>): Promise<Head | null> {
    return readHead(new Blob([bytes]), isSequence).catch((e) => {
        expect(e).toBeInstanceOf(DicomError);
        return null;
    });
}

/** The same tags at the top before the same pixels; a tag twice is one to the other. */
function agree(head: Head, theirs: dicomParser.DataSet): boolean {
    const start = theirs.elements.x7fe00010!.dataOffset;
    const mine = head.data.map((e) => e.tag);
    const their = Object.values(theirs.elements)
        .filter((e) => e.dataOffset < start)
        .map((e) => tagOf(e.tag))
        .filter((tag) => tag >>> 16 !== 2);
    const sorted = (tags: number[]) => [...new Set(tags)].sort((a, b) => a - b).join();
    return sorted(mine) === sorted(their) && head.pixels?.start === start;
}

function strangers(data: dicomParser.DataSet): string[] {
    return Object.entries(data.elements).flatMap(([name, element]) => [
        ...(onList.has(tagOf(name)) || name === 'x00020000' ? [] : [name]),
        ...(element.items ?? []).flatMap((item) => (item.dataSet ? strangers(item.dataSet) : [])),
    ]);
}

describe('against an independent reader', () => {
    it.each(kinds)('%s', async (_, syntax, layout) => {
        const whole = new Uint8Array(await ctFile(1, syntax, layout, [groups]).arrayBuffer());
        const random = chance(syntax.length + (layout.open ? 1 : 0));
        const deidentifier = new Deidentifier(await newSecret());
        let both = 0;
        for (let round = 0; round < ROUNDS; round++) {
            const bytes = round === 0 ? whole : changed(whole, random);
            const head = await own(bytes);
            const theirs = other(bytes);
            if (head?.pixels && theirs?.elements.x7fe00010) {
                both++;
                expect(agree(head, theirs)).toBe(true);
            }
            if (head?.pixels) {
                const header = await deidentifier.rewrite(head);
                const pixels = await pixelsOf(new Blob([bytes]), head.pixels);
                const sent = new Uint8Array(await new Blob([header, pixels]).arrayBuffer());
                const seen = other(sent);
                expect(seen).not.toBeNull();
                expect(strangers(seen!)).toEqual([]);
                expect(new TextDecoder('latin1').decode(header)).not.toMatch(/SECRET[^,]/);
            }
        }
        expect(both).toBeGreaterThan(ROUNDS / 10);
    });
});
