// The whole service in a temporary folder, started by scripts/run as anybody
// would.

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export function freePort() {
    return new Promise((done) => {
        const server = createServer().listen(0, '127.0.0.1', () => {
            const { port } = server.address();
            server.close(() => done(port));
        });
    });
}

/** Starts everything, with more options of scripts/run; `stop` ends it and removes every file. */
export async function startService(...options) {
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
    try {
        run('--detach', '--no-demo', '--data', data, '--port', String(port),
            ...options);
    } catch (e) {
        rmSync(tmp, { recursive: true, force: true });
        throw e;
    }

    return {
        tmp,
        data,
        origin: `https://localhost:${port}`,
        /** Every file in which something of a scan is kept. */
        blobs() {
            const found = execFileSync('find', [join(data, 'store/blobs'), '-type', 'f']);
            return found.toString().split('\n').filter((line) => line !== '');
        },
        /** Writes a phantom's DICOM files; returns their folder. */
        phantom(name, ...args) {
            const out = join(tmp, name);
            mkdirSync(out, { recursive: true });
            execFileSync('build/exposure-demo', ['phantom', '--out', out, ...args]);
            return out;
        },
        addUser(name, password) {
            execFileSync(join(data, 'app/exposure-admin'), [
                'user', 'add', name, '--data', join(data, 'store'),
                '--keys', join(data, 'keys'), '--password-stdin',
            ], { input: password, stdio: ['pipe', 'ignore', 'inherit'] });
        },
        /** The secret of a link that makes one account. */
        invite() {
            return execFileSync(join(data, 'app/exposure-admin'), [
                'user', 'invite', '--data', join(data, 'store'), '--keys', join(data, 'keys'),
            ]).toString().trim();
        },
        /** Adds lines to http {} and to server {}, and has nginx take them. */
        configure(http, server) {
            const conf = join(data, 'run/conf/exposure.conf');
            const text = readFileSync(conf, 'utf8')
                .replace(/^server \{$/m, `${http}\nserver {\n${server}`);
            writeFileSync(conf, text);
            process.kill(Number(readFileSync(join(data, 'run/nginx.pid'), 'utf8')), 'SIGHUP');
        },
        stop() {
            run('--stop', '--data', data);
            rmSync(tmp, { recursive: true, force: true });
        },
    };
}
