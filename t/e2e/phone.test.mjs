// The same pages in a hand: fingers on the picture, upright.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import {
    addScan, difference, look, newPage, PASSWORD, signIn, somePicture, startBrowser, USER,
} from './browser.mjs';
import { startService } from './service.mjs';

let service;
let browser;
let page;
let lookout;
let cdp;
let camera; // as the server and the page agree on it
let sent = 0; // changes of settings that the page asked for

before(async () => {
    service = await startService();
    service.addUser(USER, PASSWORD);
    browser = await startBrowser();
    lookout = await newPage(browser);
    page = await newPage(browser, {
        viewport: { width: 390, height: 844 },
        hasTouch: true,
        isMobile: true,
    });
    cdp = await page.context().newCDPSession(page);
    page.on('websocket', (socket) => {
        socket.on('framesent', ({ payload }) => follow(payload, true));
        socket.on('framereceived', ({ payload }) => follow(payload, false));
    });
    await page.goto(`${service.origin}/`);
    await signIn(page);
    await addScan(page, service.phantom('cd'));
    await page.getByTestId('scan-open').tap();
    await somePicture(page, lookout);
});

after(async () => {
    await browser?.close();
    service?.stop();
});

function follow(payload, mine) {
    const message = typeof payload === 'string' ? JSON.parse(payload) : {};
    if (mine && message.type === 'settings') {
        sent++;
        Object.assign(camera, message.patch.camera);
    } else if (message.type === 'welcome') {
        camera = { ...message.settings.camera };
    }
}

const offset = () => camera.position.map((x, i) => x - camera.target[i]);
const length = (v) => Math.hypot(...v);
const unit = (v) => v.map((x) => x / length(v));
/** Between two directions; radians where it is small. */
const angle = (a, b) => length(unit(a).map((x, i) => x - unit(b)[i]));
const picture = async () =>
    look(lookout, await page.getByTestId('view-canvas').screenshot());

/** Moves fingers from their first places to their last in ten steps. */
async function fingers(paths) {
    const at = (f) => paths.map(([from, to], id) => ({
        id,
        x: from[0] + f * (to[0] - from[0]),
        y: from[1] + f * (to[1] - from[1]),
    }));
    await cdp.send('Input.dispatchTouchEvent', { type: 'touchStart', touchPoints: at(0) });
    for (let i = 1; i <= 10; i++) {
        await cdp.send('Input.dispatchTouchEvent', { type: 'touchMove', touchPoints: at(i / 10) });
        await page.waitForTimeout(30);
    }
    await cdp.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] });
    await page.waitForTimeout(300);
}

test('an upright screen shows what a wide one shows, unasked', async () => {
    assert.equal(sent, 0, 'nothing was changed to make it fit');
    await page.waitForFunction(() => {
        const { width, height } = document.querySelector('[data-testid=view-canvas]');
        return height > 1.3 * width; // the server draws it upright
    });
    assert.equal(sent, 0);
});

test('one finger turns', async () => {
    const before = offset();
    const first = await picture();
    await fingers([[[120, 400], [250, 430]]]);
    assert.ok(angle(before, offset()) > 0.5, `by ${angle(before, offset())}`);
    assert.ok(Math.abs(length(offset()) / length(before) - 1) < 1e-3, 'at the same distance');
    const off = difference(first, await picture());
    assert.ok(off > 2, `the picture changed by ${off}`);
});

test('two fingers that part come closer', async () => {
    const before = offset();
    await fingers([
        [[165, 400], [135, 400]],
        [[225, 400], [255, 400]],
    ]);
    assert.ok(angle(before, offset()) < 1e-3, 'without turning');
    const factor = length(before) / length(offset());
    assert.ok(Math.abs(factor - 2) < 0.05, `twice as near: ${factor}`);
});

test('two fingers side by side move', async () => {
    const before = { offset: offset(), target: camera.target };
    await fingers([
        [[165, 400], [165, 440]],
        [[225, 400], [225, 440]],
    ]);
    assert.ok(angle(before.offset, offset()) < 1e-3, 'without turning');
    const up = camera.target[2] - before.target[2];
    assert.ok(up > 1, `what is seen goes down, the target up: ${up}`);
});
