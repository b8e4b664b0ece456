// A browser, and what the suites do and measure in it.

import { createRequire } from 'node:module';
import { resolve } from 'node:path';

const require = createRequire(resolve('portal/package.json'));
const { chromium } = require('playwright-core');
const axe = require('axe-core').source;

/** Debian's Chromium, a fresh profile, no network but loopback. */
export function startBrowser() {
    return chromium.launch({
        executablePath: '/usr/bin/chromium',
        args: [
            '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic',
            '--no-first-run', '--disable-background-networking',
            '--disable-component-update', '--disable-sync',
        ],
    });
}

/**
 * What a PNG shows, worked out by the browser itself: the mean and the standard
 * deviation of its luma (0..255), and a 32x32 thumbnail of it to compare.
 */
export async function look(page, png) {
    return page.evaluate(async (base64) => {
        const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
        const image = await createImageBitmap(new Blob([bytes], { type: 'image/png' }));
        const luma = (w, h) => {
            const canvas = new OffscreenCanvas(w, h);
            const context = canvas.getContext('2d');
            context.drawImage(image, 0, 0, w, h);
            const { data } = context.getImageData(0, 0, w, h);
            const out = [];
            for (let i = 0; i < data.length; i += 4) {
                out.push(0.299 * data[i] + 0.587 * data[i + 1] + 0.114 * data[i + 2]);
            }
            return out;
        };
        const all = luma(image.width, image.height);
        const mean = all.reduce((a, b) => a + b, 0) / all.length;
        const deviation = Math.sqrt(
            all.reduce((a, b) => a + (b - mean) ** 2, 0) / all.length);
        return { mean, deviation, thumbnail: luma(32, 32) };
    }, png.toString('base64'));
}

/** Mean absolute difference of two looks, 0..255. */
export function difference(a, b) {
    return a.thumbnail.reduce((sum, v, i) => sum + Math.abs(v - b.thumbnail[i]), 0)
        / a.thumbnail.length;
}

export const USER = 'eva';
export const PASSWORD = 'a long enough password';

/** A fresh profile of one person; its page waits half a minute at most. */
export async function newPage(browser, options) {
    const context = await browser.newContext({ ignoreHTTPSErrors: true, ...options });
    const page = await context.newPage();
    page.setDefaultTimeout(30_000);
    // What the Content-Security-Policy refused is an error of the page.
    page.on('console', (message) => {
        if (/Content.Security.Policy|Trusted/i.test(message.text())) {
            throw new Error(message.text());
        }
    });
    return page;
}

/** On the page that asks for it. */
export async function signIn(page, name = USER, password = PASSWORD) {
    await page.getByTestId('sign-in-name').fill(name);
    await page.getByTestId('sign-in-password').fill(password);
    await page.getByTestId('sign-in-submit').click();
}

/** From the scans page: sends the only series of a folder, waits until it is ready. */
export async function addScan(page, folder) {
    await page.getByTestId('upload-input').setInputFiles(folder);
    await page.getByTestId('series-upload').click();
    await page.locator('[data-testid=scan-open]:not([disabled])').first()
        .waitFor({ timeout: 60_000 });
}

/** Waits until a canvas of the page shows something, and returns the look. */
export async function somePicture(page, lookout) {
    // What is said over the place of the picture before is no picture.
    await page.getByTestId('status-samples').filter({ visible: true }).waitFor();
    let seen;
    for (let i = 0; i < 100; i++) {
        seen = await look(lookout, await page.getByTestId('view-canvas').screenshot());
        if (seen.deviation > 8) {
            break;
        }
        await page.waitForTimeout(200);
    }
    return seen;
}

/** What keeps people out of the page, as axe sees it: rule and elements. */
export async function barriers(page) {
    await page.evaluate(axe);
    return page.evaluate(async () => {
        const { violations } = await window.axe.run();
        return violations
            .filter(({ impact }) => impact === 'serious' || impact === 'critical')
            .map(({ id, nodes }) => `${id}: ${nodes.map((n) => n.html).join(' ')}`);
    });
}
