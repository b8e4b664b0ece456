/*
 * Real folders, if EXPO_DATA names them: what the page offers is what the
 * server would import, to the voxel; build/exposure-import is asked.
 */

import { execFileSync } from 'node:child_process';
import { existsSync, openAsBlob, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { withPool } from '../src/core/pool';
import { findSeries } from '../src/core/series';
import { testPool } from './workers';

const data = process.env.EXPO_DATA ?? '';
const importer = new URL('../../build/exposure-import', import.meta.url).pathname;
const LONG_MS = 120_000;

/** Folders without folders in them. */
function folders(at: string): string[] {
    const inside = readdirSync(at).map((name) => join(at, name));
    const deeper = inside.filter((path) => statSync(path).isDirectory());
    return deeper.length > 0 ? deeper.flatMap(folders) : [at];
}

interface Told {
    dims: number[];
    spacing_mm?: number[];
}

const shape = (dims: number[], spacing_mm: number[]) =>
    [...dims, ...spacing_mm.map((s) => s.toFixed(3))].join(' ');

function server(folder: string): Told[] {
    const report = execFileSync(importer, [folder], {
        stdio: ['ignore', 'pipe', 'ignore'],
    });
    return JSON.parse(report.toString()).series;
}

async function page(folder: string) {
    const files = readdirSync(folder).map((name) => join(folder, name));
    const sources = await Promise.all(
        files.map(async (path) => ({
            path,
            file: await openAsBlob(path),
            size: statSync(path).size,
        })),
    );
    const found = await withPool(
        () => testPool(),
        new AbortController().signal,
        (pool) => findSeries(sources, pool, () => {}),
    );
    return found.series.filter((s) => !s.refusal);
}

describe.skipIf(!data || !existsSync(importer))('as the server has it', () => {
    it.each(data ? folders(data) : [])('%s', { timeout: LONG_MS }, async (folder) => {
        let told: Told[];
        try {
            told = server(folder);
        } catch (e) {
            told = JSON.parse(
                (e as { stdout: Buffer }).stdout.toString() || '{"series":[]}',
            ).series;
        }
        const theirs = new Set(
            told.filter((s) => s.spacing_mm).map((s) => shape(s.dims, s.spacing_mm!)),
        );
        const ours = (await page(folder)).map((s) => shape(s.dims, s.spacing_mm));
        expect([...new Set(ours)].sort()).toEqual([...theirs].sort());
    });
});
