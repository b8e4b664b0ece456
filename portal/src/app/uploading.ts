/* What is being added: it outlives a change of page. Series are sent one after
 * another. */

import { create } from 'zustand';
import { type Entry, filesOf } from '../core/files';
import { xhr } from '../core/http';
import { Pool, withPool } from '../core/pool';
import type { Receipt } from '../core/receipt';
import { API, ApiError } from '../core/rest';
import { type Found, findSeries, type Series } from '../core/series';
import { sourceOf } from '../core/source';
import { type Sending, Upload } from '../core/tus';
import { prepare } from '../core/upload';
import { readerUrl } from './readerUrl';
import { api, sentence, useAuth } from './state';
import { uploadText } from './text/upload';

export type Step =
    | { step: 'idle' }
    | { step: 'walking' }
    | { step: 'reading'; done: number; all: number }
    | { step: 'choose'; found: Found };

export type Job =
    | { state: 'queued' }
    | { state: 'preparing'; done: number; all: number }
    | (Sending & { total: number; receipt: Receipt })
    | { state: 'done' }
    | { state: 'failed'; why: string };

interface Uploading {
    now: Step;
    /** Why the last try stopped; '' when it did not. */
    problem: string;
    /** In the order in which they were put in the queue. */
    jobs: ReadonlyMap<Series, Job>;
}

const IDLE = { now: { step: 'idle' }, problem: '' } as const;
const TELL_MS = 100;

export const useUploading = create<Uploading>(() => ({ ...IDLE, jobs: new Map() }));

interface Order {
    series: Series;
    phase: number;
    title: string;
    stop: AbortController;
    upload: Upload | null;
}

let reading = new AbortController();
let queue: Order[] = [];
const failed = new WeakMap<Series, Order>();
let owner = useAuth.getState().subject;

const pool = () =>
    new Pool(
        () => new Worker(readerUrl, { type: 'module' }),
        Math.max(1, Math.min(4, navigator.hardwareConcurrency - 1)),
    );

/* Whoever signs out on purpose, or signs in as somebody else, leaves nothing. */
useAuth.subscribe(({ signedIn, ended, subject }) => {
    if (signedIn ? subject !== owner : !ended) {
        owner = subject;
        forgetAll();
    }
});

addEventListener('beforeunload', (event) => {
    if (queue.length > 0) {
        event.preventDefault();
    }
});

/** For other files; what is being added goes on. */
export function startOver(): void {
    reading.abort();
    const { jobs } = useUploading.getState();
    const going = [...jobs].filter(([, { state }]) => state !== 'done' && state !== 'failed');
    useUploading.setState({ ...IDLE, jobs: new Map(going) });
}

function forgetAll(): void {
    for (const order of queue) {
        order.stop.abort();
        order.upload?.cancel();
    }
    startOver();
    useUploading.setState({ jobs: new Map() });
}

export async function takeEntries(entries: Entry[]): Promise<void> {
    useUploading.setState({ ...IDLE, now: { step: 'walking' } });
    await takeFiles(await filesOf(entries));
}

export async function takeFiles(files: File[]): Promise<void> {
    reading = new AbortController();
    const { signal } = reading;
    const show = (done: number, all: number) =>
        useUploading.setState({ now: { step: 'reading', done, all } });
    const tell = every(TELL_MS, ([done, all]: [number, number]) => show(done, all));
    useUploading.setState({ ...IDLE, now: { step: 'reading', done: 0, all: files.length } });
    try {
        const sources = files.map(sourceOf);
        const found = await withPool(pool, signal, (p) =>
            findSeries(sources, p, (done, all) => signal.aborted || tell([done, all])),
        );
        useUploading.setState({ now: { step: 'choose', found } });
    } catch {
        const problem = signal.aborted ? uploadText.cancelled : uploadText.unreadable;
        useUploading.setState({ ...IDLE, problem });
    }
}

/** Ends the reading. */
export function stopReading(): void {
    reading.abort();
}

/** Puts a series in the queue; title is for its owner. */
export function add(series: Series, phase: number, title: string): void {
    queue.push({ series, phase, title, stop: new AbortController(), upload: null });
    job(series, { state: 'queued' });
    if (queue.length === 1) {
        void work();
    }
}

/** Of a series that failed; as it was put in the queue. */
export function retry(series: Series): void {
    const order = failed.get(series);
    if (order) {
        add(series, order.phase, order.title);
    }
}

export function cancel(series: Series): void {
    const order = orderOf(series);
    order?.stop.abort();
    order?.upload?.cancel();
    if (order && order !== queue[0]) {
        queue = queue.filter((other) => other !== order);
        forget(series);
    }
}

export function pause(series: Series): void {
    orderOf(series)?.upload?.pause();
}

export function resume(series: Series): void {
    orderOf(series)?.upload?.resume();
}

/** What a series would send, without sending it. */
export async function receiptOf(series: Series, phase: number): Promise<Receipt> {
    const { signal } = new AbortController();
    return (await withPool(pool, signal, (p) => prepare(series, phase, p, () => {}))).receipt;
}

const orderOf = (series: Series) => queue.find((order) => order.series === series);

function job(series: Series, now: Job): void {
    useUploading.setState(({ jobs }) => ({ jobs: new Map(jobs).set(series, now) }));
}

function forget(series: Series): void {
    useUploading.setState(({ jobs }) => ({
        jobs: new Map([...jobs].filter(([other]) => other !== series)),
    }));
}

async function work(): Promise<void> {
    while (queue.length > 0) {
        const order = queue[0]!;
        const { series, stop } = order;
        try {
            await send(order);
            job(series, { state: 'done' });
        } catch (e) {
            if (stop.signal.aborted) {
                forget(series);
            } else {
                failed.set(series, order);
                job(series, { state: 'failed', why: reason(e) });
            }
        }
        queue = queue.filter((other) => other !== order);
    }
}

async function send(order: Order): Promise<void> {
    const { series, phase, title, stop } = order;
    const all = series.phases[phase]!.length;
    job(series, { state: 'preparing', done: 0, all });
    const preparing = every(TELL_MS, (done: number) =>
        job(series, { state: 'preparing', done, all }),
    );
    const { body, receipt } = await withPool(pool, stop.signal, (p) =>
        prepare(series, phase, p, preparing),
    );
    const total = body.size;
    const show = (now: Sending) => job(series, { ...now, total, receipt });
    const often = every(TELL_MS, show);
    const upload = new Upload({
        http: xhr(),
        url: `${API}/uploads`,
        body,
        metadata: { title },
        token,
        rest,
        tell: (now) => (now.state === 'sending' && now.sent < total ? often(now) : show(now)),
    });
    order.upload = upload;
    stop.signal.throwIfAborted();
    await upload.run();
}

/** Waits for whoever it was to sign in again. */
function token(refused: string, signal: AbortSignal): Promise<string> {
    if (refused && api.accessToken === refused) {
        api.signOut();
    }
    return new Promise((resolve, reject) => {
        const look = () => {
            if (signal.aborted) {
                stop();
                reject(signal.reason);
            } else if (api.signedIn) {
                stop();
                resolve(api.accessToken);
            }
        };
        const unsubscribe = useAuth.subscribe(look);
        const stop = () => {
            unsubscribe();
            signal.removeEventListener('abort', look);
        };
        signal.addEventListener('abort', look);
        look();
    });
}

/** A while; shorter when the network comes back. */
function rest(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
        const done = () => {
            clearTimeout(timer);
            removeEventListener('online', done);
            signal.removeEventListener('abort', done);
            resolve();
        };
        const timer = setTimeout(done, ms);
        addEventListener('online', done);
        signal.addEventListener('abort', done);
    });
}

function reason(e: unknown): string {
    return e instanceof ApiError ? sentence(e) : uploadText.unreadable;
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
