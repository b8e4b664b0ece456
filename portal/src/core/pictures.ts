/* What a file's head says about its pictures: one, or many in one file. */

import { type Head, Syntax } from './dicom';
import {
    type DataSet,
    type Element,
    find,
    localText,
    numbers,
    text,
    unsigned,
    values,
} from './elements';
import type { Picture } from './plan';
import { cross, type Vector } from './stack';

/** Why the server would leave this file out. */
export type FileFault = 'not_image' | 'multiframe' | 'unsupported_syntax' | 'mosaic' | 'colour';

export interface FileInfo {
    pictures: Picture[];
    modality: string;
    /** Shown to the person only, as patient. */
    description: string;
    /** Tells people apart; '' when nobody is named. */
    patient: string;
    burnedIn: boolean;
    colour: boolean;
    fault: FileFault | null;
}

/* What can be read is the server's rule (render-worker/import/read.c); it is
 * here too so that nobody uploads for minutes to be told then. */
const CLASS_PREFIX = '1.2.840.10008.5.1.4.1.1.';
const CLASSES = new Set(
    `1.1 2 2.1 2.2 4 4.1 4.3 4.4 7 7.1 7.2 7.3 7.4 12.1 12.1.1 13.1.1 13.1.2 20 128 128.1
     130`.split(/\s+/),
);
const SYNTAXES = new Set([
    ...Object.values(Syntax),
    ...['5', '4.50', '4.51', '4.57', '4.70', '4.80', '4.81', '4.90', '4.91'].map(
        (s) => `1.2.840.10008.1.2.${s}`,
    ),
]);
const FRAMES_MAX = 32768;

/** Null when there is no picture in it. */
export function picturesOf(head: Head): FileInfo | null {
    const { data, little } = head;
    const rows = unsigned(find(data, 0x00280010), little);
    const columns = unsigned(find(data, 0x00280011), little);
    if (!head.pixels || !rows || !columns) {
        return null;
    }
    const looks = looksOf(head);
    const number = localText(data, 0x00100020);
    const name = localText(data, 0x00100010);
    const count = numberOf(data, 0x00280008) || 1;
    const pictures = looks.slice(0, FRAMES_MAX).map((look, i) => {
        const picture = pictureOf(look, number || name, rows, columns);
        const many = count > 1;
        return {
            ...picture,
            instance: many && picture.instance ? `${picture.instance} ${i}` : picture.instance,
            number: many ? i : picture.number,
            ...(isNuclear(looks[0]!) ? detected(look, i) : {}),
        };
    });
    return {
        pictures,
        modality: text(find(data, 0x00080060)),
        description: localText(data, 0x0008103e),
        patient: shownName(name, number),
        burnedIn: text(find(data, 0x00280301)) === 'YES',
        colour: colourOf(data, little) === 'colour',
        fault: faultOf(head, looks, count),
    };
}

/** As it is written on paper: «DOE JANE (4711)». */
function shownName(name: string, number: string): string {
    const words = name.replace(/[\^=]+/g, ' ').trim();
    return number === '' || number === name ? words || number : `${words} (${number})`.trim();
}

function faultOf(head: Head, looks: Look[], count: number): FileFault | null {
    const sop = text(find(head.data, 0x00080016));
    const storage = sop.startsWith(CLASS_PREFIX) ? sop.slice(CLASS_PREFIX.length) : sop;
    if (storage !== '' && !CLASSES.has(storage)) {
        return 'not_image';
    }
    if (looks.length !== count || count > FRAMES_MAX) {
        return 'multiframe';
    }
    if (!SYNTAXES.has(head.syntax)) {
        return 'unsupported_syntax';
    }
    if (typesOf(looks[0]!).includes('MOSAIC')) {
        return 'mosaic';
    }
    return colourOf(head.data, head.little) === 'foreign' ? 'colour' : null;
}

function colourOf(data: DataSet, little: boolean): 'grey' | 'colour' | 'foreign' {
    const samples = unsigned(find(data, 0x00280002), little) ?? 1;
    const name = text(find(data, 0x00280004));
    if (samples === 1) {
        const grey = name === '' || name.startsWith('MONOCHROME');
        return grey ? 'grey' : name === 'PALETTE COLOR' ? 'colour' : 'foreign';
    }
    return samples === 3 && /^(RGB|YBR_RCT|YBR_ICT|YBR_FULL.*)$/.test(name) ? 'colour' : 'foreign';
}

/** Where to look for what is said of one picture: its own functional groups,
 * those that all of the file share, the file as a whole. */
interface Look {
    own: DataSet | null;
    shared: DataSet;
    root: DataSet;
    little: boolean;
}

/** One for each picture; of a file of many that says where none lies, one. */
function looksOf({ data: root, little }: Head): Look[] {
    const shared = find(root, 0x52009229)?.items?.[0] ?? [];
    const look = { own: null, shared, root, little };
    const each = find(root, 0x52009230)?.items;
    if (each) {
        return each.map((own) => ({ ...look, own }));
    }
    const count = numberOf(root, 0x00280008) || 1;
    return Array.from({ length: isNuclear(look) && count <= FRAMES_MAX ? count : 1 }, () => look);
}

/** The part that has the element: of the picture, of all, of the file. */
function where({ own, shared, root }: Look, macro: number, tag: number): DataSet {
    for (const groups of [own ?? [], shared]) {
        const item = find(groups, macro)?.items?.[0];
        if (item && find(item, tag)) {
            return item;
        }
    }
    return root;
}

function pictureOf(look: Look, person: string, rows: number, columns: number): Picture {
    const { root } = look;
    const measures = where(look, 0x00289110, 0x00280030);
    const place = where(look, 0x00209113, 0x00200032);
    const [between_rows = Number.NaN, between_columns = Number.NaN] = numbers(
        find(measures, 0x00280030),
    );
    const sized = Number.isFinite(between_rows) && Number.isFinite(between_columns);
    return {
        series: text(find(root, 0x0020000e)),
        instance: text(find(root, 0x00080018)),
        frame: text(find(root, 0x00200052)),
        person,
        kind: kindOf(look),
        rows,
        columns,
        spacing_mm: sized ? [between_columns, between_rows] : null,
        position: vector(numbers(find(place, 0x00200032))),
        along: alongOf(where(look, 0x00209116, 0x00200037)),
        step_mm: Math.abs(numberOf(measures, 0x00180088) || numberOf(measures, 0x00180050) || 0),
        time: timesOf(look),
        number: numberOf(root, 0x00200013) || 0,
        localizer: typesOf(look).includes('LOCALIZER'),
    };
}

/** ImageType, or what a frame has instead of it. */
function typesOf(look: Look): string[] {
    const macros = [0x00189226, 0x00189329, 0x00189751, 0x00189504];
    const own = macros.map((m) => where(look, m, 0x00089007)).find((part) => part !== look.root);
    const type = own ? find(own, 0x00089007) : find(look.root, 0x00080008);
    return text(type)
        .split('\\')
        .map((t) => t.trim());
}

/** What else sets pictures of one series apart. */
function kindOf(look: Look): string {
    const { little } = look;
    const said = (macro: number, tag: number) => text(find(where(look, macro, tag), tag));
    const real = (macro: number, tag: number) =>
        values(find(where(look, macro, tag), tag), 'FD', little)[0] ?? '';
    return [
        ...typesOf(look).slice(0, 4),
        said(0, 0x00080060),
        said(0, 0x00280004),
        said(0, 0x00180081),
        said(0, 0x00180086),
        real(0x00189114, 0x00189082),
        real(0x00189117, 0x00189087),
        said(0x00189314, 0x00181210),
        said(0x00209111, 0x00209056),
    ].join('|');
}

/** Dearest first: what counts time points, then what measures them. */
function timesOf(look: Look): number[] {
    const { root, little, own } = look;
    const content = where(look, 0x00209111, 0x00209128);
    const cardiac = where(look, 0x00189118, 0x00209153);
    const acquired = clock(find(where(look, 0x00209111, 0x00189074), 0x00189074));
    return [
        values(find(content, 0x00209128), 'UL', little)[0] ?? numberOf(root, 0x00200100),
        values(find(cardiac, 0x00209153), 'FD', little)[0] ?? numberOf(root, 0x00181060),
        Number.isNaN(acquired) ? clock(find(root, 0x00080032)) : acquired,
        own ? otherDimensions(look) : clock(find(root, 0x00080033)),
    ];
}

/** Stack, places and time, which are looked at by name. */
const NAMED_DIMENSIONS = new Set([0x00209057, 0x00200032, 0x00209056, 0x00209128]);

/** Where a frame stands in dimensions without a name here: a number that orders as they do. */
function otherDimensions(look: Look): number {
    const content = where(look, 0x00209111, 0x00209157);
    const place = values(find(content, 0x00209157), 'UL', look.little);
    const dimensions = find(look.root, 0x00209222)?.items ?? [];
    let order = Number.NaN;
    let step = 1;
    for (const [i, item] of dimensions.slice(0, 7).entries()) {
        const [group, element] = values(find(item, 0x00209165), 'US', look.little);
        if (group === undefined || element === undefined) {
            break;
        }
        if (!NAMED_DIMENSIONS.has(((group << 16) | element) >>> 0) && place[i] !== undefined) {
            step /= 128;
            order = (Number.isNaN(order) ? 0 : order) + place[i] * step;
        }
    }
    return order;
}

function isNuclear(look: Look): boolean {
    return !!find(look.root, 0x00540022)?.items?.length && typesOf(look).includes('RECON TOMO');
}

/** Slices of one detector's place, counted along the normal. Source: PS3.3, C.8.4.15. */
function detected({ root, little }: Look, i: number): Pick<Picture, 'position' | 'along'> {
    const detector = find(root, 0x00540022)!.items![0]!;
    const first = vector(numbers(find(detector, 0x00200032)));
    const along = alongOf(detector);
    const step_mm = numberOf(root, 0x00180088);
    if (!first || !along || Number.isNaN(step_mm)) {
        return { position: null, along: alongOf(root) };
    }
    const at = step_mm * ((values(find(root, 0x00540080), 'US', little)[i] ?? i + 1) - 1);
    const normal = cross(...along);
    return { position: first.map((p, axis) => p + at * normal[axis]!) as Vector, along };
}

function alongOf(data: DataSet): [Vector, Vector] | null {
    const six = numbers(find(data, 0x00200037));
    const row = vector(six.slice(0, 3));
    const column = vector(six.slice(3, 6));
    return row && column ? [row, column] : null;
}

function vector(n: number[]): Vector | null {
    const three = n.slice(0, 3);
    return three.length === 3 && three.every(Number.isFinite) ? (three as Vector) : null;
}

function numberOf(data: DataSet, tag: number): number {
    return numbers(find(data, tag))[0] ?? Number.NaN;
}

/** [YYYYMMDD]HHMMSS.FFFFFF in seconds that grow with time. */
function clock(element: Element | undefined): number {
    const t = text(element);
    const whole = t.search(/[.+-]/);
    const dated = (whole < 0 ? t.length : whole) === 14;
    const day = dated ? Number(t.slice(0, 8)) : 0;
    const [, h, m, s] = /^(\d\d)(\d\d)(\d\d(?:\.\d*)?)?/.exec(t.slice(dated ? 8 : 0)) ?? [];
    return day * 86400 + Number(h ?? Number.NaN) * 3600 + Number(m) * 60 + Number(s ?? 0);
}
