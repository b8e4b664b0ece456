/*
 * Workers that share a heap of jobs. Each has two in hand, so that none waits
 * for its post. Cancelling ends the workers: what they read is forgotten.
 */

import { handlers, type JobName, type Jobs } from './reader';

/** What is used of Worker. */
export type WorkerLike = Pick<Worker, 'postMessage' | 'terminate' | 'onmessage' | 'onerror'>;

export interface Request {
    id: number;
    name: JobName;
    job: unknown;
}

export type Answer = { id: number; result: unknown } | { id: number; error: string };

/** A job failed in its worker; the message is the error's. */
export class JobError extends Error {}

interface Waiting {
    request: Request;
    resolve: (result: never) => void;
    reject: (error: unknown) => void;
}

const IN_HAND = 2;

export class Pool {
    private hands: Array<{ worker: WorkerLike; busy: Map<number, Waiting> }>;
    private waiting: Waiting[] = [];
    private next = 0;

    constructor(spawn: () => WorkerLike, size: number) {
        this.hands = Array.from({ length: size }, () => {
            const hand = { worker: spawn(), busy: new Map<number, Waiting>() };
            hand.worker.onmessage = ({ data }: MessageEvent<Answer>) => {
                const done = hand.busy.get(data.id);
                hand.busy.delete(data.id);
                if ('error' in data) {
                    done?.reject(new JobError(data.error));
                } else {
                    done?.resolve(data.result as never);
                }
                this.hand();
            };
            hand.worker.onerror = () => this.close(new JobError('worker'));
            return hand;
        });
    }

    run<J extends JobName>(name: J, job: Jobs[J]['in']): Promise<Jobs[J]['out']> {
        return new Promise((resolve, reject) => {
            this.waiting.push({ request: { id: this.next++, name, job }, resolve, reject });
            this.hand();
        });
    }

    /** Ends all workers; whoever waits is told why. */
    close(why: unknown): void {
        for (const { worker, busy } of this.hands) {
            worker.terminate();
            this.waiting.push(...busy.values());
        }
        this.hands = [];
        for (const { reject } of this.waiting.splice(0)) {
            reject(why);
        }
    }

    private hand(): void {
        for (let depth = 1; depth <= IN_HAND; depth++) {
            for (const { worker, busy } of this.hands) {
                if (busy.size < depth && this.waiting.length > 0) {
                    const job = this.waiting.shift()!;
                    busy.set(job.request.id, job);
                    worker.postMessage(job.request);
                }
            }
        }
    }
}

/** A worker's side of it. */
export async function answer({ id, name, job }: Request): Promise<Answer> {
    try {
        return { id, result: await handlers[name](job as never) };
    } catch (e) {
        return { id, error: e instanceof Error ? e.message : String(e) };
    }
}

/** Runs f with a pool of its own, which ends with it or with the signal. */
export async function withPool<T>(
    make: () => Pool,
    signal: AbortSignal,
    f: (pool: Pool) => Promise<T>,
): Promise<T> {
    signal.throwIfAborted();
    const pool = make();
    const stop = () => pool.close(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
    try {
        return await f(pool);
    } finally {
        signal.removeEventListener('abort', stop);
        pool.close(new JobError('closed'));
    }
}
