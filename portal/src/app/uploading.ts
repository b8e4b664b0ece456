/* The upload under way: it outlives a change of page, and there is one. */

import { create } from 'zustand';
import { API, problem, type Scan } from '../core/api';
import { DicomError } from '../core/dicom';
import { type Entry, filesOf } from '../core/files';
import { type Found, findSeries, type Series } from '../core/series';
import { type Prepared, type Progress, prepare, SendError, send } from '../core/upload';
import { api, sentence } from './state';
import { text } from './text';

export type Step =
    | { step: 'idle' }
    | { step: 'walking' }
    | { step: 'analysing'; done: number; all: number }
    | { step: 'choose'; found: Found }
    | { step: 'preparing'; series: Series; done: number }
    | { step: 'sending'; series: Series; progress: Progress; prepared: Prepared };

interface Uploading {
    now: Step;
    /** Why the last try stopped; '' when it did not. */
    problem: string;
}

export const useUploading = create<Uploading>(() => ({ now: { step: 'idle' }, problem: '' }));

let controller = new AbortController();
let lastFound: Found | null = null;

const show = (now: Step) => useUploading.setState({ now });

export function startOver(): void {
    controller.abort();
    lastFound = null;
    useUploading.setState({ now: { step: 'idle' }, problem: '' });
}

export function cancel(): void {
    controller.abort();
}

export async function takeEntries(entries: Entry[]): Promise<void> {
    useUploading.setState({ now: { step: 'walking' }, problem: '' });
    await takeFiles(await filesOf(entries));
}

export async function takeFiles(files: File[]): Promise<void> {
    controller = new AbortController();
    const { signal } = controller;
    const all = files.length;
    const tell = every(100, (done: number) => show({ step: 'analysing', done, all }));
    useUploading.setState({ now: { step: 'analysing', done: 0, all }, problem: '' });
    try {
        lastFound = await findSeries(files, tell, signal);
        show({ step: 'choose', found: lastFound });
    } catch (e) {
        stopped(e);
    }
}

/** Resolves with the new scan, or null when it was cancelled or failed. */
export async function upload(series: Series, title: string): Promise<Scan | null> {
    controller = new AbortController();
    const { signal } = controller;
    useUploading.setState({ now: { step: 'preparing', series, done: 0 }, problem: '' });
    try {
        const files = series.slices.map((s) => s.file);
        const preparing = every(100, (done: number) => show({ step: 'preparing', series, done }));
        const prepared = await prepare(files, preparing, signal);
        const sending = every(100, (progress: Progress) =>
            show({ step: 'sending', series, progress, prepared }),
        );
        const total = prepared.body.size;
        show({ step: 'sending', series, progress: { sent: 0, total, rate: 0 }, prepared });
        const request = new XMLHttpRequest();
        const answer = await send(
            request,
            `${API}/scans`,
            api.accessToken,
            prepared.body,
            sending,
            signal,
        );
        if (answer.status !== 201) {
            throw problem(answer.status, answer.body);
        }
        const scan: Scan = JSON.parse(answer.body);
        startOver();
        return title ? await api.rename(scan.id, title).catch(() => scan) : scan;
    } catch (e) {
        stopped(e);
        return null;
    }
}

function stopped(e: unknown): void {
    const now: Step = lastFound ? { step: 'choose', found: lastFound } : { step: 'idle' };
    useUploading.setState({ now, problem: reason(e) });
}

function reason(e: unknown): string {
    if (e instanceof DOMException && e.name === 'AbortError') {
        return text.upload.cancelled;
    }
    if (e instanceof SendError) {
        return text.upload.lost;
    }
    if (e instanceof DicomError || e instanceof DOMException) {
        return text.upload.unreadable;
    }
    return sentence(e);
}

/** Calls f at most once in ms. */
function every<T>(ms: number, f: (value: T) => void): (value: T) => void {
    let last = 0;
    return (value) => {
        const now = performance.now();
        if (now - last >= ms) {
            last = now;
            f(value);
        }
    };
}
