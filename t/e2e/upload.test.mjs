// Folders that are dropped, and uploads that somebody stops.

import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { newPage, PASSWORD, signIn, startBrowser, USER } from './browser.mjs';
import { startService } from './service.mjs';

let service;
let browser;
let page;
let cdp;

before(async () => {
    service = await startService();
    service.addUser(USER, PASSWORD);
    browser = await startBrowser();
    page = await newPage(browser);
    cdp = await page.context().newCDPSession(page);
    await page.goto(`${service.origin}/`);
    await signIn(page);
});

after(async () => {
    await browser?.close();
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

test('an upload that is cancelled half-way leaves nothing', async () => {
    const folder = service.phantom('large', '--slices', '120', '--size', '256');
    await page.getByRole('link', { name: 'Add a scan' }).click();
    await page.getByRole('button', { name: 'Choose something else' }).click();
    await by('upload-input').setInputFiles(folder);
    await by('series-upload').waitFor();
    await cdp.send('Network.enable');
    await cdp.send('Network.emulateNetworkConditions', {
        offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: 1 << 20,
    });

    await by('series-upload').click();
    await page.getByText('MB/s').waitFor();
    await until(async () => await sentPercent() > 25, 'it gets on');
    assert.ok(await sentPercent() < 75, 'and is not all there yet');
    await by('upload-cancel').click();
    await page.getByRole('alert').getByText('Cancelled').waitFor();

    await page.waitForTimeout(1000);
    assert.deepEqual(service.blobs(), []);
    await cdp.send('Network.emulateNetworkConditions', {
        offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: -1,
    });
    await page.getByRole('link', { name: 'My scans' }).click();
    await page.getByText('No scans yet').waitFor();
    assert.equal(await by('scan-card').count(), 0);
});
