/*
 * Rewrites a DICOM head to the allow-list of api/deidentify.json: what is on
 * it stays byte for byte, UIDs become new ones, and everything else does not
 * leave the computer.
 */

import list from '../../../api/deidentify.json';
import type { Head } from './dicom';
import {
    Bytes,
    type DataSet,
    type Element,
    elementHeader,
    find,
    tagName,
    tagNumber,
    text,
    values,
    writeDataSet,
} from './elements';
import { commonNames } from './names';
import { type Fate, Receipt } from './receipt';

interface Rule {
    tag: string;
    vr: string;
    name: string;
    /** Only this many values are kept. */
    max_values?: number;
    /** Kept only when each of its numbers is below. */
    below?: number;
    /** Kept only when it is one of these. */
    values?: string[];
    fill?: string;
    value?: string | Array<Array<{ tag: string; vr: string; value: string }>>;
}

const byTag = (rules: Rule[]) => new Map(rules.map((r) => [tagNumber(r.tag), r]));

const keep = byTag(list.keep);
const replace = byTag(list.replace_uid);
const empty = byTag(list.empty);
const set = byTag(list.set as Rule[]);
const sequences = byTag(list.sequences);

export const isSequence = (tag: number) => sequences.has(tag);

/* What a value may consist of, so that a field cannot carry something else. */
const ALPHABET: Record<string, RegExp> = {
    DS: /^[-+0-9.eE\\ ]*\0?$/,
    IS: /^[-+0-9\\ ]*\0?$/,
    UI: /^[0-9.\\]*\0?$/,
    CS: /^[-A-Za-z0-9_ \\./]*\0?$/,
    SH: /^[0-9 ]*\0?$/,
};
const LONGEST_CODE = 16;
/* Descriptors of tables have three numbers. */
const LONGEST_BYTES: Record<string, number> = { US: 6, FL: 4, FD: 8 };
const INDEX_MAX = 2 ** 24;
const REAL_MIN = 1e-6;
const REAL_MAX = 1e7;
const SHOWN_MAX = 80;
const ENCODER = new TextEncoder();

function nameOf(tag: number): string {
    for (const rules of [keep, replace, empty, set, sequences]) {
        const rule = rules.get(tag);
        if (rule) {
            return rule.name;
        }
    }
    return commonNames[tagName(tag)] ?? '';
}

const FATES: Fate[] = ['kept', 'replaced', 'emptied', 'added', 'removed'];
const PRIVATE = { tag: '', name: '', before: '', after: '' };
const nothing = () => '';

/** What ties the files of one upload together; never stored, never sent. */
export interface Secret {
    key: CryptoKey;
    /** Takes the place of the patient's number. */
    label: string;
}

export async function newSecret(): Promise<Secret> {
    const algorithm = { name: 'HMAC', hash: 'SHA-256', length: 256 };
    const key = await crypto.subtle.generateKey(algorithm, false, ['sign']);
    return { key, label: randomLabel() };
}

/**
 * The rewriting of one upload: equal UIDs get equal new ones, by a key that
 * nobody keeps, so that nobody can compute them again.
 */
export class Deidentifier {
    readonly receipt = new Receipt();
    private uids = new Map<string, string>();

    constructor(private secret: Secret) {}

    /**
     * Preamble, meta information and data set, up to the pixels' value.
     *
     * head: with pixels.
     */
    async rewrite(head: Head): Promise<Uint8Array<ArrayBuffer>> {
        const pixels = head.pixels;
        if (!pixels) {
            throw new Error('no pixels');
        }
        await this.learnUids(head.data);
        this.receipt.files++;

        const data = this.filter(head.data, head.little, true);
        for (const [tag, rule] of empty) {
            this.empty(data, tag, rule, find(head.data, tag));
        }
        for (const [tag, rule] of set) {
            if (tag >>> 16 !== 2) {
                data.push(added(tag, rule));
                this.note('added', tag, nothing, shownRule(rule));
            }
        }
        data.sort((a, b) => a.tag - b.tag);

        const length = pixels.encapsulated ? 0xffffffff : pixels.end - pixels.start;
        const vr = pixels.vr === 'OB' ? 'OB' : keep.get(pixels.tag)!.vr;
        const out = new Bytes();
        out.push(this.meta(head, data));
        out.push(writeDataSet(data, head));
        out.push(elementHeader(pixels.tag, vr, length, head));
        this.note('kept', pixels.tag);
        return out.join();
    }

    private note(fate: Fate, tag: number, before = nothing, after = '') {
        const ownMaker = fate === 'removed' && ((tag >>> 16) & 1) === 1;
        if (ownMaker) {
            this.receipt.note(0, nothing, () => ({ fate, ...PRIVATE }));
        } else {
            const key = tag * FATES.length + FATES.indexOf(fate);
            const line = () => ({ fate, tag: tagName(tag), name: nameOf(tag), before: '', after });
            this.receipt.note(key, before, line);
        }
    }

    private filter(data: DataSet, little: boolean, top: boolean): DataSet {
        const out: DataSet = [];
        for (const element of data) {
            const { tag, items } = element;
            const rule = keep.get(tag);
            if (items && sequences.has(tag)) {
                const kept = items.map((item) => this.filter(item, little, false));
                out.push({ tag, vr: 'SQ', value: element.value, items: kept });
                this.note('kept', tag);
            } else if (!items && replace.has(tag)) {
                const uid = this.uids.get(text(element)) ?? '';
                out.push({ tag, vr: 'UI', value: ascii(uid) });
                this.note('replaced', tag, () => text(element), uid);
            } else if (!items && rule && (tag & 0xffff) !== 0) {
                this.keep(out, element, rule, little);
            } else if (!(top && (empty.has(tag) || set.has(tag))) && (tag & 0xffff) !== 0) {
                this.note('removed', tag, () => shown(element, little));
            }
        }
        return out;
    }

    private keep(out: DataSet, element: Element, rule: Rule, little: boolean) {
        const { tag } = element;
        const before = () => shown(element, little);
        const value = fits(element, rule, little) ? allowed(element.value, rule) : null;
        if (!value) {
            this.note('removed', tag, before);
            return;
        }
        const vr = element.vr === 'UN' ? rule.vr : element.vr;
        out.push({ tag, vr, value });
        this.note('kept', tag, before);
    }

    private empty(data: DataSet, tag: number, rule: Rule, was: Element | undefined) {
        const after = rule.fill === 'random' ? this.secret.label : '';
        data.push({ tag, vr: rule.vr, value: ascii(after) });
        this.note('emptied', tag, () => (was ? shown(was, true) : ''), after);
    }

    /** Preamble and group 2, always explicit little endian. */
    private meta(head: Head, data: DataSet): Uint8Array<ArrayBuffer> {
        const encoding = { explicit: true, little: true };
        const group: DataSet = [
            { tag: 0x00020001, vr: 'OB', value: Uint8Array.of(0, 1) },
            copy(0x00020002, find(data, 0x00080016)),
            copy(0x00020003, find(data, 0x00080018)),
            { tag: 0x00020010, vr: 'UI', value: ascii(head.syntax) },
        ];
        for (const [tag, rule] of set) {
            if (tag >>> 16 === 2) {
                group.push(added(tag, rule));
            }
        }
        const body = writeDataSet(group, encoding);
        const length = new Uint8Array(4);
        new DataView(length.buffer).setUint32(0, body.length, true);

        const out = new Bytes();
        out.push(new Uint8Array(128));
        out.push(ascii('DICM'));
        out.push(writeDataSet([{ tag: 0x00020000, vr: 'UL', value: length }], encoding));
        out.push(body);
        return out.join();
    }

    private async learnUids(data: DataSet): Promise<void> {
        for (const element of data) {
            for (const item of element.items ?? []) {
                await this.learnUids(item);
            }
            const uid = text(element);
            if (replace.has(element.tag) && !element.items && !this.uids.has(uid)) {
                this.uids.set(uid, await this.uid(uid));
            }
        }
    }

    /** 2.25 and a UUID (version 8) of the keyed hash. */
    private async uid(uid: string): Promise<string> {
        const mac = await crypto.subtle.sign('HMAC', this.secret.key, ascii(uid));
        const bytes = new Uint8Array(mac, 0, 16);
        bytes[6] = (bytes[6]! & 0x0f) | 0x80;
        bytes[8] = (bytes[8]! & 0x3f) | 0x80;
        let n = 0n;
        for (const byte of bytes) {
            n = (n << 8n) | BigInt(byte);
        }
        return `2.25.${n}`;
    }
}

/** Declared, as long and as large as a value of its kind can be. */
function fits(element: Element, rule: Rule, little: boolean): boolean {
    const { vr, value } = element;
    const same = vr === rule.vr || vr === 'UN' || (vr === 'SS' && rule.vr === 'US');
    const bulk = rule.vr.startsWith('O') && vr.startsWith('O');
    if (!(same || bulk)) {
        return false;
    }
    if (rule.below !== undefined) {
        return values(element, 'US', little).every((n) => n < rule.below!);
    }
    if (value.length > (LONGEST_BYTES[rule.vr] ?? Number.POSITIVE_INFINITY)) {
        return false;
    }
    switch (rule.vr) {
        case 'UL':
            return values(element, 'UL', little).every((n) => n < INDEX_MAX);
        case 'FD':
            return values(element, 'FD', little).every(
                (n) => n === 0 || (Math.abs(n) > REAL_MIN && Math.abs(n) < REAL_MAX),
            );
        case 'AT':
            return pointers(element, little).every((tag) => keep.has(tag) || sequences.has(tag));
        default:
            return true;
    }
}

function pointers(element: Element, little: boolean): number[] {
    const halves = values(element, 'US', little);
    return halves.flatMap((group, i) =>
        i % 2 ? [] : [((group << 16) | (halves[i + 1] ?? 0)) >>> 0],
    );
}

function allowed(value: Uint8Array, rule: Rule): Uint8Array | null {
    const alphabet = ALPHABET[rule.vr];
    if (!alphabet && !rule.values) {
        return value;
    }
    const t = String.fromCharCode(...value);
    const values = t.split('\\');
    if (alphabet && !alphabet.test(t)) {
        return null;
    }
    if (rule.vr === 'CS' && values.some((v) => v.trim().length > LONGEST_CODE)) {
        return null;
    }
    if (rule.values && !values.every((v) => rule.values!.includes(v.replace(/[\0 ]+$/, '')))) {
        return null;
    }
    if (rule.max_values && values.length > rule.max_values) {
        return ascii(values.slice(0, rule.max_values).join('\\'));
    }
    return value;
}

function added(tag: number, { vr, value }: Rule): Element {
    if (Array.isArray(value)) {
        const items = value.map((item) =>
            item.map((e) => ({ tag: tagNumber(e.tag), vr: e.vr, value: ascii(e.value) })),
        );
        return { tag, vr, value: new Uint8Array(0), items };
    }
    return { tag, vr, value: ascii(value ?? '') };
}

function shownRule({ value }: Rule): string {
    return Array.isArray(value)
        ? value.map((item) => item.map((e) => e.value).join(' ')).join(', ')
        : (value ?? '');
}

function copy(tag: number, element: Element | undefined): Element {
    return { tag, vr: 'UI', value: element?.value ?? new Uint8Array(0) };
}

/** A value for the receipt: text where it is text, else numbers or a size. */
function shown({ vr, value, items, tag }: Element, little: boolean): string {
    if (items) {
        return '';
    }
    const type = vr === 'UN' ? (keep.get(tag)?.vr ?? 'UN') : vr;
    if (type === 'US' && value.length >= 2) {
        return String(new DataView(value.buffer, value.byteOffset).getUint16(0, little));
    }
    const t = text({ tag, vr, value: value.subarray(0, SHOWN_MAX) });
    return /^[\x20-\x7e\xa0-\xff]*$/.test(t) ? t : `${value.length} bytes`;
}

function ascii(s: string): Uint8Array<ArrayBuffer> {
    return ENCODER.encode(s);
}

function randomLabel(): string {
    const bytes = crypto.getRandomValues(new Uint8Array(5));
    return Array.from(bytes, (b) => b.toString(16).padStart(2, '0'))
        .join('')
        .toUpperCase();
}
