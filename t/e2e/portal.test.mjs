// What a person does, in a real browser, from signing in to deleting.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import {
    addScan, difference, look, newPage, PASSWORD, signIn as signInOn, somePicture as seen,
    startBrowser, USER,
} from './browser.mjs';
import { startService } from './service.mjs';

// exposure-demo writes the name into name, number and physician, and a birth date.
const NAME = 'Quennevais^Zerubbabel';
const PLANTED = [...NAME.split('^'), '19500101'];

let service;
let browser;
let page;
let lookout; // an empty page whose only use is to measure pictures

before(async () => {
    service = await startService();
    service.addUser(USER, PASSWORD);
    browser = await startBrowser();
    page = await newPage(browser, { viewport: { width: 1280, height: 800 } });
    lookout = await newPage(browser);

    // Remembers every byte that leaves the page in a request's body.
    await page.addInitScript(() => {
        window.sentBodies = [];
        const keep = (body) => {
            if (body) {
                window.sentBodies.push(new Response(body).arrayBuffer());
            }
        };
        const send = XMLHttpRequest.prototype.send;
        XMLHttpRequest.prototype.send = function (body) {
            keep(body);
            return send.call(this, body);
        };
        const fetch = window.fetch;
        window.fetch = (input, init) => {
            if (init?.body && !(init.body instanceof ReadableStream)) {
                keep(init.body);
            }
            return fetch(input, init);
        };
    });
});

after(async () => {
    await browser?.close();
    service?.stop();
});

const by = (id) => page.getByTestId(id);

const signIn = () => signInOn(page);

const picture = async () => look(lookout, await by('view-canvas').screenshot());

const somePicture = () => seen(page, lookout);

test('a wrong password is answered with a sentence', async () => {
    await page.goto(`${service.origin}/`);
    await by('sign-in-name').fill(USER);
    await by('sign-in-password').fill('certainly not this');
    await by('sign-in-submit').click();
    await page.getByRole('alert').waitFor();
});

test('signs in', async () => {
    await signIn();
    await by('upload-input').waitFor({ state: 'attached' });
});

test('a folder of DICOM files becomes a scan', async () => {
    await addScan(page, service.phantom('cd', '--patient', NAME));
});

test('what left the browser does not name the patient', async () => {
    const { bytes, found } = await page.evaluate(async (planted) => {
        const bodies = await Promise.all(window.sentBodies);
        const text = bodies.map((b) => new TextDecoder('latin1').decode(b));
        return {
            bytes: bodies.reduce((sum, b) => sum + b.byteLength, 0),
            found: planted.filter((p) => text.some((t) => t.includes(p))),
        };
    }, PLANTED);
    assert.ok(bytes > 100_000, `the upload was seen: ${bytes} bytes`);
    assert.deepEqual(found, []);
});

test('opening it shows a picture', async () => {
    await by('scan-open').first().click();
    await by('view-canvas').waitFor();
    const seen = await somePicture();
    assert.ok(seen.deviation > 8, `luma deviates by ${seen.deviation}`);
});

test('dragging turns it, and it moves while it is dragged', async () => {
    const first = await picture();
    const box = await by('view-canvas').boundingBox();
    const x = box.x + box.width / 2;
    const y = box.y + box.height / 2;
    let during = 0;

    await page.mouse.move(x, y);
    await page.mouse.down();
    for (let i = 1; i <= 20; i++) {
        await page.mouse.move(x + i * 12, y + i * 3);
        await page.waitForTimeout(50);
        if (i % 5 === 0) {
            during = Math.max(during, difference(first, await picture()));
        }
    }
    await page.mouse.up();
    assert.ok(during > 2, `the picture moved by ${during} while dragging`);

    let settled = 0;
    for (let i = 0; i < 50 && settled <= 2; i++) {
        await page.waitForTimeout(100);
        settled = difference(first, await picture());
    }
    assert.ok(settled > 2, `the picture changed by ${settled}`);
});

test('a saved view comes back after reload and sign-in', async () => {
    await page.waitForTimeout(1500);
    const saved = await picture();
    await by('config-name').fill('From the side');
    await by('config-save').click();
    await by('config-load').first().waitFor();

    const address = page.url();
    assert.match(address, /\/scans\/[^/]+$/);
    await page.reload();
    await signIn();
    await by('view-canvas').waitFor();
    assert.equal(page.url(), address, 'signing in leads to where one came for');
    await somePicture();
    await by('look-P').click();
    let off = 0;
    for (let i = 0; i < 100 && off <= 2; i++) {
        await page.waitForTimeout(100);
        off = difference(saved, await picture());
    }
    assert.ok(off > 2, `from the back it looks different by ${off}`);

    await by('config-load').first().click();
    for (let i = 0; i < 100 && off > 2; i++) {
        await page.waitForTimeout(100);
        off = difference(saved, await picture());
    }
    assert.ok(off <= 2, `the picture is what was saved but for ${off}`);
});

test('whose sign-in has run out is asked again and led back', async () => {
    const address = page.url();
    await page.reload();
    await page.routeWebSocket(/execute$/, (socket) => socket.close({ code: 4401 }));
    await signIn();
    await page.getByRole('alert').getByText('You have been signed out').waitFor();
    await page.unrouteAll();
    assert.equal(page.url(), address);
});

test('a deleted scan is gone from the page and from the store', async () => {
    await page.goto(`${service.origin}/`);
    await signIn();
    await by('scan-card').first().waitFor();
    await by('scan-delete').first().click();
    await by('scan-delete-confirm').click();
    await by('scan-card').first().waitFor({ state: 'detached' });
    assert.deepEqual(service.blobs(), []);
});

test('neither name nor number of the patient is in the data or the logs', () => {
    for (const planted of PLANTED) {
        const grep = spawnSync('grep', [
            '-rqa', planted, ...['store', 'log', 'run'].map((d) => join(service.data, d)),
        ]);
        assert.equal(grep.status, 1, `${planted} is in the data folder`);
    }
});
