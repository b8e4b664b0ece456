// What the end-to-end tests need: the whole service in a temporary folder,
// started by scripts/run as anybody would, and a browser.

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const require = createRequire(resolve('portal/package.json'));
const { chromium } = require('playwright-core');

function freePort() {
    return new Promise((done) => {
        const server = createServer().listen(0, '127.0.0.1', () => {
            const { port } = server.address();
            server.close(() => done(port));
        });
    });
}

/** Starts everything; `stop` ends it and removes every file. */
export async function startService() {
    const tmp = mkdtempSync(join(tmpdir(), 'exposure-e2e-'));
    const data = join(tmp, 'data');
    const port = await freePort();
    // The child must not hold the pipes of this process: nginx outlives it.
    const run = (...args) => {
        const r = spawnSync('scripts/run', args, {
            stdio: ['ignore', 'inherit', 'inherit'],
        });
        if (r.status !== 0) {
            throw new Error(`scripts/run ${args.join(' ')} failed`);
        }
    };

    // The system user of the service must be able to look in.
    execFileSync('chmod', ['755', tmp]);
    run('--detach', '--no-demo', '--data', data, '--port', String(port));

    return {
        tmp,
        data,
        origin: `https://localhost:${port}`,
        addUser(name, password) {
            execFileSync(join(data, 'app/exposure-admin'), [
                'user', 'add', name, '--data', join(data, 'store'),
                '--keys', join(data, 'keys'), '--password-stdin',
            ], { input: password, stdio: ['pipe', 'ignore', 'inherit'] });
        },
        stop() {
            run('--stop', '--data', data);
            rmSync(tmp, { recursive: true, force: true });
        },
    };
}

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
