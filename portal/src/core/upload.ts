/*
 * One series to what is sent: its heads rewritten by the workers, its pixels
 * left where they are until they are due.
 */

import { Body, type Part } from './body';
import { newSecret } from './deidentify';
import { type Place, pixelsOf } from './dicom';
import type { Pool } from './pool';
import { Receipt } from './receipt';
import type { Series } from './series';
import { contentOf, type Source } from './source';
import { type TarMember, tarParts } from './tar';

export interface Prepared {
    body: Body;
    receipt: Receipt;
}

const BATCH = 24;

/**
 * phase: which of the series' time points.
 * progress: files done. Throws JobError, or what cancelling the pool throws.
 */
export async function prepare(
    series: Series,
    phase: number,
    pool: Pool,
    progress: (done: number) => void,
): Promise<Prepared> {
    const receipt = new Receipt();
    const sources = series.phases[phase]!;
    if (series.volume) {
        const job = { source: sources[0]!, ...series.volume };
        const file = await pool.run('volume', job);
        receipt.merge(1, job.header.lines);
        progress(1);
        return { body: new Body([file]), receipt };
    }

    const secret = await newSecret();
    const members: TarMember[] = [];
    let done = 0;
    const rewrite = async (first: number) => {
        const some = sources.slice(first, first + BATCH);
        const { files, lines } = await pool.run('rewrite', { sources: some, secret });
        for (const [i, { header, pixels }] of files.entries()) {
            members[first + i] = member(first + i, header, some[i]!, pixels);
        }
        receipt.merge(some.length, lines);
        done += some.length;
        progress(done);
    };
    const starts = Array.from({ length: Math.ceil(sources.length / BATCH) }, (_, i) => i * BATCH);
    await Promise.all(starts.map(rewrite));
    return { body: new Body(tarParts(members)), receipt };
}

/** Its name is its number: the file's own could be a person's. */
function member(i: number, header: Uint8Array<ArrayBuffer>, source: Source, place: Place) {
    const bytes = place.end - place.start;
    const plain = !source.packed && place.deflatedFrom === null;
    const open = async () => pixelsOf(await contentOf(source), place);
    const pixels: Part = plain ? source.file.slice(place.start, place.end) : { bytes, open };
    const parts: Part[] = bytes % 2 ? [header, pixels, new Uint8Array(1)] : [header, pixels];
    return { name: `${String(i + 1).padStart(6, '0')}.dcm`, parts };
}
