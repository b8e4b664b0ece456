import { readFileSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import react from '@vitejs/plugin-react';
import type { Plugin, Rolldown } from 'vite';
import { defineConfig } from 'vitest/config';

/*
 * The player package exports one object with players, audio and a style sheet
 * that it injects when imported (a strict CSP refuses that). Only its MPEG-1
 * decoder is wanted: exported by name, the rest falls to tree shaking. Its
 * clock would tie it to a window and only feeds statistics.
 */
function mpeg1Only(): Plugin {
    const edits = [
        ['styleInject(css_248z);', ''],
        ['window.performance ? window.performance.now() / 1000 : Date.now() / 1000', '0'],
        ['export { JSMpeg as default };', 'export { MPEG1 };'],
    ] as const;
    return {
        name: 'mpeg1-only',
        enforce: 'pre',
        transform(code, id) {
            if (!id.includes('jsmpeg-player.esm')) {
                return null;
            }
            for (const [from, to] of edits) {
                if (!code.includes(from)) {
                    throw new Error(`jsmpeg-player has changed: no ${from}`);
                }
                code = code.replace(from, to);
            }
            return { code, map: null };
        },
    };
}

/* Gzipped kB that a page may need: the first one, and all there is. */
const BUDGET_KB = { first: 130, all: 330 };

/** The scripts without which the first page does not show. */
function needed(bundle: Rolldown.OutputBundle): Set<string> {
    const parts = Object.values(bundle).filter((part) => part.type === 'chunk');
    const names = new Set(parts.filter((p) => p.isEntry).map((p) => p.fileName));
    /* A set that grows is walked to its end. */
    for (const name of names) {
        for (const other of parts.find((p) => p.fileName === name)?.imports ?? []) {
            names.add(other);
        }
    }
    return names;
}

/* nginx serves these as they are (gzip_static) and compresses nothing. */
function gzipped(): Plugin {
    return {
        name: 'gzipped',
        apply: 'build',
        writeBundle({ dir }, bundle) {
            const kb = { first: 0, all: 0 };
            const first = needed(bundle);
            for (const name of Object.keys(bundle)) {
                if (!name.endsWith('.js')) {
                    continue;
                }
                const file = `${dir}/${name}`;
                const packed = gzipSync(readFileSync(file), { level: 9 });
                writeFileSync(`${file}.gz`, packed);
                kb.all += packed.length / 1000;
                if (first.has(name)) {
                    kb.first += packed.length / 1000;
                }
            }
            for (const part of ['first', 'all'] as const) {
                if (kb[part] > BUDGET_KB[part]) {
                    throw new Error(`${part}: ${kb[part]} kB gzipped, not ${BUDGET_KB[part]}`);
                }
            }
        },
    };
}

export default defineConfig({
    plugins: [mpeg1Only(), react(), gzipped()],
    build: {
        target: 'es2022',
        assetsInlineLimit: 0,
        modulePreload: { polyfill: false },
    },
    optimizeDeps: { exclude: ['@cycjimmy/jsmpeg-player'] },
    test: {
        include: ['test/**/*.test.ts'],
        server: { deps: { inline: ['@cycjimmy/jsmpeg-player'] } },
        coverage: {
            provider: 'v8',
            include: ['src/core/**'],
            thresholds: { lines: 90 },
            reportsDirectory: '../build/coverage/portal',
        },
    },
});
