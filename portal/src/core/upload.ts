/*
 * One series to one streamed request. Heads are rewritten first; the body is a
 * Blob of rewritten heads and slices of the files, read while it is sent.
 */

import { Deidentifier, isSequence, type Receipt } from './deidentify';
import { readHead } from './dicom';
import { type TarMember, tarBlob } from './tar';

export interface Prepared {
    body: Blob;
    receipt: Receipt;
}

/** progress: files done. Throws AbortError, or what reading a file throws. */
export async function prepare(
    files: File[],
    progress: (done: number) => void,
    signal: AbortSignal,
): Promise<Prepared> {
    const deidentifier = await Deidentifier.create();
    const members: TarMember[] = [];
    for (const [i, file] of files.entries()) {
        signal.throwIfAborted();
        const head = await readHead(file, isSequence);
        const { header, pixels } = await deidentifier.rewrite(head);
        const odd = pixels.size % 2;
        members.push({
            name: `${String(i + 1).padStart(6, '0')}.dcm`,
            parts: odd ? [header, pixels, new Uint8Array(1)] : [header, pixels],
            bytes: header.length + pixels.size + odd,
        });
        progress(i + 1);
    }
    return { body: tarBlob(members), receipt: deidentifier.receipt };
}

export interface Progress {
    sent: number;
    total: number;
    /** Bytes per second over the last seconds. */
    rate: number;
}

export interface Answer {
    status: number;
    body: string;
}

export class SendError extends Error {}

/**
 * Posts body; request is fresh (fetch has no upload progress). Rejects with
 * AbortError when cancelled, SendError when the line breaks.
 */
export function send(
    request: XMLHttpRequest,
    url: string,
    token: string,
    body: Blob,
    progress: (p: Progress) => void,
    signal: AbortSignal,
): Promise<Answer> {
    const speed = new Speed();
    return new Promise((resolve, reject) => {
        const aborted = () => reject(new DOMException('cancelled', 'AbortError'));
        if (signal.aborted) {
            aborted();
            return;
        }
        signal.addEventListener('abort', () => request.abort(), { once: true });
        request.upload.onprogress = ({ loaded }) => {
            const sent = Math.min(loaded, body.size);
            progress({ sent, total: body.size, rate: speed.add(performance.now(), sent) });
        };
        request.onload = () => resolve({ status: request.status, body: request.responseText });
        request.onerror = () => reject(new SendError('connection lost'));
        request.onabort = aborted;
        request.open('POST', url);
        request.setRequestHeader('Authorization', `Bearer ${token}`);
        request.setRequestHeader('Content-Type', 'application/x-tar');
        request.send(body);
    });
}

const WINDOW_MS = 3000;

/** Bytes per second over a sliding window. */
export class Speed {
    private points: Array<{ time: number; bytes: number }> = [];

    add(time_ms: number, bytes: number): number {
        this.points.push({ time: time_ms, bytes });
        while (this.points.length > 2 && time_ms - this.points[0]!.time > WINDOW_MS) {
            this.points.shift();
        }
        const first = this.points[0]!;
        const seconds = (time_ms - first.time) / 1000;
        return seconds > 0 ? (bytes - first.bytes) / seconds : 0;
    }
}
