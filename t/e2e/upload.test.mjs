// Folders, archives and files that are added; uploads that are stopped, cut off
// and gone on with.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';

import { newPage, PASSWORD, signIn, startBrowser, USER } from './browser.mjs';
import { startService } from './service.mjs';

/** A line to the service that can be cut: connections break, new ones are refused. */
async function startLine(port) {
    const sockets = new Set();
    const line = { cut: false };
    const server = createServer((from) => {
        const to = connect(port, '127.0.0.1');
        for (const [socket, other] of [[from, to], [to, from]]) {
            sockets.add(socket);
            socket.pipe(other);
            socket.on('error', () => {});
            socket.on('close', () => {
                sockets.delete(socket);
                other.destroy();
            });
        }
        if (line.cut) {
            from.destroy();
        }
    });
    await new Promise((done) => server.listen(0, '127.0.0.1', done));
    line.origin = `https://localhost:${server.address().port}`;
    line.break = () => {
        line.cut = true;
        sockets.forEach((s) => s.destroy());
    };
    line.mend = () => {
        line.cut = false;
    };
    line.close = () => {
        line.break();
        server.close();
    };
    return line;
}

let service;
let line;
let browser;
let page;
let cdp;

before(async () => {
    service = await startService();
    service.addUser(USER, PASSWORD);
    browser = await startBrowser();
    page = await newPage(browser);
    cdp = await page.context().newCDPSession(page);
    line = await startLine(Number(new URL(service.origin).port));
    await page.goto(`${line.origin}/`);
    await signIn(page);
});

after(async () => {
    await browser?.close();
    line?.close();
    service?.stop();
});

const by = (id) => page.getByTestId(id);

/** What the window system does when files are let go over the drop zone. */
async function drop(...paths) {
    const box = await by('upload-drop').boundingBox();
    const x = box.x + box.width / 2;
    const y = box.y + box.height / 2;
    const data = { items: [], files: paths, dragOperationsMask: 1 };
    for (const type of ['dragEnter', 'dragOver', 'drop']) {
        await cdp.send('Input.dispatchDragEvent', { type, x, y, data });
    }
}

const sentPercent = async () =>
    Number(await by('upload-progress').getAttribute('aria-valuenow'));

/** Waits until ask() is true, 10 s at most. */
async function until(ask, what) {
    for (let i = 0; !(await ask()); i++) {
        assert.ok(i < 100, what);
        await page.waitForTimeout(100);
    }
}

test('a dropped folder is read to the end, more than 100 files of it', async () => {
    await by('upload-drop').waitFor();
    await drop(service.phantom('many', '--slices', '120', '--size', '64'));
    const card = by('series-card');
    await card.waitFor();
    assert.equal(await card.count(), 1);
    assert.match(await card.textContent(), /120 slices/);
});

test('the dropped folder becomes a scan', async () => {
    await by('series-upload').click();
    await page.locator('[data-testid=scan-open]:not([disabled])').waitFor();
    assert.match(await by('scan-card').textContent(), /64 × 64 × 120/);
    await by('scan-delete').click();
    await by('scan-delete-confirm').click();
    await by('scan-card').waitFor({ state: 'detached' });
    assert.deepEqual(service.blobs(), []);
});

test('a folder without DICOM files is answered with a sentence', async () => {
    const folder = join(service.tmp, 'holiday', 'rome');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'notes.txt'), 'Saw the Pantheon. '.repeat(100));
    writeFileSync(join(folder, 'empty'), '');
    await drop(join(service.tmp, 'holiday'));
    await page.getByRole('alert').getByText('no CT or MRI series').waitFor();
    assert.equal(await by('series-card').count(), 0);
    await page.getByText('2 other files left alone').waitFor();
});

/** From whatever page, to the empty drop zone. */
async function begin() {
    await page.getByRole('link', { name: 'Add a scan' }).click();
    const again = page.getByRole('button', { name: 'Choose something else' });
    if (await again.isVisible()) {
        await again.click();
    }
    await by('upload-drop').waitFor();
}

const network = (conditions) => cdp.send('Network.emulateNetworkConditions', {
    offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: -1, ...conditions,
});

/** Sends the only series of a folder, at 2 MB/s, until some of it is there. */
async function sendSlowly(folder) {
    await begin();
    await by('upload-input').setInputFiles(folder);
    await by('series-upload').waitFor();
    await cdp.send('Network.enable');
    await network({ uploadThroughput: 2 << 20 });
    await by('series-upload').click();
    await page.getByText('MB/s').waitFor();
    await until(async () => await sentPercent() > 20, 'it gets on');
    assert.ok(await sentPercent() < 75, 'and is not all there yet');
}

async function arrives() {
    await page.locator('[data-testid=scan-open]:not([disabled])').waitFor({ timeout: 60_000 });
    const text = await by('scan-card').textContent();
    await by('scan-delete').click();
    await by('scan-delete-confirm').click();
    await by('scan-card').waitFor({ state: 'detached' });
    return text;
}

let large;

test('an upload that is cancelled half-way leaves nothing', async () => {
    large = service.phantom('large', '--slices', '120', '--size', '256');
    await sendSlowly(large);
    await by('upload-cancel').click();
    await by('series-upload').waitFor();
    await network({});

    for (let i = 0; i < 50 && service.blobs().length > 0; i++) {
        await page.waitForTimeout(100);
    }
    assert.deepEqual(service.blobs(), []);
    await page.getByRole('link', { name: 'My scans' }).click();
    await page.getByText('No scans yet').waitFor();
    assert.equal(await by('scan-card').count(), 0);
});

test('an upload goes on by itself when the line is cut and the server reloads', async () => {
    await sendSlowly(large);
    line.break();
    await page.getByText('goes on by itself').waitFor();
    const nginx = Number(readFileSync(join(service.data, 'run/nginx.pid'), 'utf8'));
    process.kill(nginx, 'SIGHUP');
    await page.waitForTimeout(1500);
    line.mend();
    await page.getByText('MB/s').waitFor();
    assert.ok(await sentPercent() > 15, 'what had arrived is not sent again');
    await network({});
    assert.match(await arrives(), /256 × 256 × 120/);
});

test('an upload can be paused, and another page be looked at meanwhile', async () => {
    await sendSlowly(large);
    await by('upload-pause').click();
    await page.getByText('Paused at').waitFor();
    await network({});
    await page.getByRole('link', { name: 'My scans' }).click();
    await page.getByText('1 series is being added').waitFor();
    await page.getByRole('link', { name: 'Show', exact: true }).click();
    await by('upload-pause').click();
    assert.match(await arrives(), /256 × 256 × 120/);
});

test('a zipped patient CD becomes a scan, a gap in it is told', async () => {
    const cd = join(service.tmp, 'cd');
    mkdirSync(join(cd, 'VIEWER'), { recursive: true });
    writeFileSync(join(cd, 'VIEWER', 'START.EXE'), Buffer.alloc(300_000, 'MZ'));
    writeFileSync(join(cd, 'AUTORUN.INF'), '[autorun]');
    service.phantom('cd/DICOM/PAT1/ST1', '--slices', '40', '--size', '64', '--gap');
    const zip = join(service.tmp, 'cd.zip');
    execFileSync('python3', ['-m', 'zipfile', '-c', zip, cd]);
    await begin();
    await by('upload-files').setInputFiles(zip);
    await by('series-card').waitFor();
    assert.match(await by('series-card').textContent(), /3 of 40 slices are missing/);
    await page.getByText('2 other files left alone').waitFor();
    await by('series-upload').click();
    await page.locator('[data-testid=scan-open]:not([disabled])').waitFor();
    await page.getByText('note from the import').click();
    assert.match(await arrives(), /64 × 64 × 40.*3 .*missing/s);
});

/** A NIfTI-1 file of 16-bit voxels, a box that is brighter inside. */
function nifti(n) {
    const header = Buffer.alloc(352);
    header.writeInt32LE(348, 0);
    [3, n, n, n, 1, 1, 1, 1].forEach((d, i) => header.writeInt16LE(d, 40 + 2 * i));
    header.writeInt16LE(4, 70);
    header.writeInt16LE(16, 72);
    [1, 2, 2, 2, 0, 0, 0, 0].forEach((s, i) => header.writeFloatLE(s, 76 + 4 * i));
    header.writeFloatLE(352, 108);
    header.write('Erika Mustermann', 148);
    header.writeInt16LE(1, 254);
    [2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 2, 0].forEach((v, i) => header.writeFloatLE(v, 280 + 4 * i));
    header.write('n+1\0', 344);
    const voxels = new Int16Array(n ** 3);
    const inside = (i) => i > n / 4 && i < (3 * n) / 4;
    for (let i = 0; i < voxels.length; i++) {
        const at = [i % n, Math.floor(i / n) % n, Math.floor(i / n / n)];
        voxels[i] = at.every(inside) ? 1000 : i % 7;
    }
    return Buffer.concat([header, Buffer.from(voxels.buffer)]);
}

test('a NIfTI file becomes a scan after a notice, without what its header says', async () => {
    const file = join(service.tmp, 'volume.nii.gz');
    writeFileSync(file, gzipSync(nifti(48)));
    await begin();
    await by('upload-files').setInputFiles(file);
    await by('series-card').waitFor();
    await page.getByText('Not straight from a scanner').waitFor();
    await page.getByText('What leaves this computer').click();
    const row = page.getByRole('row', { name: /descrip/ });
    assert.match(await row.textContent(), /Erika Mustermann.*not sent/);
    await by('series-upload').click();
    assert.match(await arrives(), /48 × 48 × 48/);
});

test('two series are sent one after the other', async () => {
    const both = join(service.tmp, 'both');
    service.phantom('both/a', '--slices', '30', '--size', '64', '--seed', '2');
    service.phantom('both/b', '--slices', '20', '--size', '64', '--seed', '3', '--modality', 'MR');
    await begin();
    await by('upload-input').setInputFiles(both);
    await by('series-upload').first().waitFor();
    await by('series-upload').first().click();
    await by('series-upload').first().click();
    await page.locator('[data-testid=scan-open]:not([disabled])').nth(1).waitFor();
    assert.equal(await by('scan-card').count(), 2);
});
