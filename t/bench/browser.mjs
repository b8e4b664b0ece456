// What the page does to a folder before anything is sent: 2000 files of 0.5 MB
// are read and grouped, then rewritten, in Chromium. Each is timed in the page,
// from the choice to what is shown; beside it stands the processor's time of all
// of Chromium, which other work on the machine does not stretch. Memory is the
// most that the page's process held. A table, and one JSON line.
//
// usage: scripts/bench browser [FILES]   (512 x 512 pixels of 16 bits each)

import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { newPage, PASSWORD, signIn, startBrowser, USER } from '../e2e/browser.mjs';
import { startService } from '../e2e/service.mjs';

const files = Number(process.argv[2] ?? 2000);
const EDGE = 512;
const ROUNDS = 3;
const PATIENCE_MS = 120_000;

const element = (tag, vr, value) => {
    const long = /^(OW|OB|SQ|UN)$/.test(vr);
    const text = Buffer.from(value);
    const body = text.length % 2 ? Buffer.concat([text, Buffer.from(vr === 'UI' ? '\0' : ' ')]) : text;
    const head = Buffer.alloc(long ? 12 : 8);
    head.writeUInt16LE(tag >>> 16, 0);
    head.writeUInt16LE(tag & 0xffff, 2);
    head.write(vr, 4);
    long ? head.writeUInt32LE(body.length, 8) : head.writeUInt16LE(body.length, 6);
    return Buffer.concat([head, body]);
};

const word = (n) => Buffer.from(Uint16Array.of(n).buffer);

/** Slice n of a CT, with 40 elements of its maker and a patient. */
function slice(n) {
    const meta = element(0x00020010, 'UI', '1.2.840.10008.1.2.1');
    const length = Buffer.alloc(4);
    length.writeUInt32LE(meta.length);
    const pixels = Buffer.alloc(2 * EDGE * EDGE, n);
    return Buffer.concat([
        Buffer.alloc(128), Buffer.from('DICM'), element(0x00020000, 'UL', length), meta,
        element(0x00080008, 'CS', 'ORIGINAL\\PRIMARY\\AXIAL'),
        element(0x00080016, 'UI', '1.2.840.10008.5.1.4.1.1.2'),
        element(0x00080018, 'UI', `1.2.826.0.1.${n + 1}`),
        element(0x00080060, 'CS', 'CT'),
        element(0x00090010, 'LO', 'A MAKER'),
        ...Array.from({ length: 40 }, (_, i) => element(0x00091001 + i, 'LO', `Value ${i}`)),
        element(0x00100010, 'PN', 'Mustermann^Erika'),
        element(0x00180050, 'DS', '1'),
        element(0x0020000e, 'UI', '1.2.826.0.2'),
        element(0x00200013, 'IS', String(n + 1)),
        element(0x00200032, 'DS', `0\\0\\${n}`),
        element(0x00200037, 'DS', '1\\0\\0\\0\\1\\0'),
        element(0x00280010, 'US', word(EDGE)),
        element(0x00280011, 'US', word(EDGE)),
        element(0x00280030, 'DS', '0.7\\0.7'),
        element(0x00280100, 'US', word(16)),
        element(0x7fe00010, 'OW', pixels),
    ]);
}

function write(folder) {
    mkdirSync(folder);
    for (let n = 0; n < files; n++) {
        writeFileSync(join(folder, `IM${n}`), slice(n));
    }
    return folder;
}

/** Chromium's processes of this kind, or all. */
function processes(kind = '') {
    return readdirSync('/proc').filter((pid) => {
        try {
            const command = readFileSync(`/proc/${pid}/cmdline`, 'latin1');
            return command.includes('chromium') && command.includes(kind);
        } catch {
            return false;
        }
    });
}

/** Milliseconds of processor that all of Chromium has taken. */
function taken() {
    const hundredths = processes().map((pid) => {
        const [, rest] = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ');
        const fields = rest.split(' ');
        return Number(fields[11]) + Number(fields[12]);
    });
    return 10 * hundredths.reduce((a, b) => a + b, 0);
}

/** The most bytes that any process that shows a page held. */
function mostHeld() {
    const held = processes('--type=renderer').map((pid) => {
        const status = readFileSync(`/proc/${pid}/status`, 'latin1');
        return 1024 * Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0);
    });
    return Math.max(...held);
}

/** Milliseconds in the page from an event until a selector shows, and of processor. */
async function timed(page, start, selector, act) {
    const before = taken();
    const done = page.evaluate(
        ([type, wanted]) =>
            new Promise((resolve) => {
                let from = 0;
                addEventListener(type, () => { from ||= performance.now(); }, { capture: true });
                const look = () =>
                    from && document.querySelector(wanted)
                        ? resolve(performance.now() - from)
                        : requestAnimationFrame(look);
                look();
            }),
        [start, selector],
    );
    await act();
    return { ms: await done, cpu_ms: taken() - before };
}

const median = (n) => [...n].sort((a, b) => a - b)[n.length >> 1];

const service = await startService();
let browser;
try {
    service.addUser(USER, PASSWORD);
    const folder = write(join(service.tmp, 'folder'));
    const bytes = Number(execFileSync('du', ['-sb', folder]).toString().split('\t')[0]);
    browser = await startBrowser();
    const page = await newPage(browser);
    page.setDefaultTimeout(PATIENCE_MS);
    await page.goto(`${service.origin}/upload`);
    await signIn(page);
    const before = await page.getByTestId('upload-input').waitFor({ state: 'attached' })
        .then(mostHeld);

    const reading = [];
    const rewriting = [];
    for (let i = 0; i < ROUNDS; i++) {
        reading.push(await timed(page, 'change', '[data-testid=series-card]', () =>
            page.getByTestId('upload-input').setInputFiles(folder)));
        rewriting.push(await timed(page, 'click', 'table', () =>
            page.getByText('What leaves this computer').click()));
        await page.getByRole('button', { name: 'Choose something else' }).click();
    }
    const each = (rounds, what) => median(rounds.map((r) => r[what])) / files;
    const rows = [
        ['read and group, ms a file', each(reading, 'ms')],
        ['rewrite, ms a file', each(rewriting, 'ms')],
        ['together, ms a file', each(reading, 'ms') + each(rewriting, 'ms')],
        ['of processor, ms a file', each(reading, 'cpu_ms') + each(rewriting, 'cpu_ms')],
        ['most memory beyond the page, MB', (mostHeld() - before) / 1e6],
        ['the files, MB', bytes / 1e6],
    ];
    for (const [name, value] of rows) {
        console.log(`  ${name.padEnd(34)} ${value.toFixed(2)}`);
    }
    const named = rows.map(([name, value]) => [name.replace(/[^a-z0-9]+/g, '_'), value]);
    console.log(JSON.stringify({ bench: 'browser', files, ...Object.fromEntries(named) }));
} finally {
    await browser?.close();
    service.stop();
}
