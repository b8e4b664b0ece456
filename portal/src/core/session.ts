/*
 * One viewing of one scan: the execute socket (queue and slot), and with a
 * session the connect socket (settings) and the stream socket (pictures).
 * Whatever breaks is opened again with growing pauses; what cannot be mended
 * ends with a reason. A token that was renewed is shown as soon as it is seen.
 */

import type * as Message from '../generated/messages';
import { type ReceivedFrame, readFrame } from './frame';

/** Why it is over; texts for them are the page's. */
export type EndReason =
    | Exclude<Message.Ended['reason'], 'changed'>
    | 'signed_out'
    | 'not_permitted'
    | 'not_found'
    | 'replaced'
    | 'protocol';

/** Asked again, the answer would be the same. */
export const isFinal = (reason: EndReason): boolean => FINAL.has(reason);

export type Reconnecting = 'line' | 'no_worker' | 'too_fast' | 'changed';

export type SessionState =
    | { phase: 'connecting' }
    | { phase: 'queued'; position: number; ahead: number; estimate_s: number }
    | { phase: 'opening' }
    | { phase: 'live' }
    | { phase: 'reconnecting'; reason: Reconnecting }
    | { phase: 'ended'; reason: EndReason; detail: string };

export interface Handlers {
    state(state: SessionState): void;
    welcome(message: Message.Welcome): void;
    settings(message: Message.Settings): void;
    stats(message: Message.Stats): void;
    error(message: Message.Error): void;
    picked(message: Message.Picked): void;
    frame(frame: ReceivedFrame): void;
}

/** What is used of WebSocket. */
export interface Socket {
    binaryType: string;
    onopen: (() => void) | null;
    onmessage: ((event: { data: unknown }) => void) | null;
    onclose: ((event: { code: number; reason?: string }) => void) | null;
    send(data: string): void;
    close(code?: number): void;
}

export interface Options {
    scan: string;
    /** "wss://host"; urls from the server may be relative to it. */
    base: string;
    api: string;
    token(): string;
    open(url: string): Socket;
}

const RETRY_FIRST_MS = 250;
const RETRY_MAX_MS = 8000;
const PING_EVERY_MS = 5000;
const PONG_WITHIN_MS = 15000;
const TOKEN_EVERY_MS = 5000;

const FINAL = new Set<EndReason>([
    'deleted',
    'revoked',
    'expired',
    'not_found',
    'not_permitted',
    'signed_out',
]);

const NOT_PERMITTED = 4403;
const NO_WORKER = 4503;
const FATAL: Record<number, EndReason> = {
    4400: 'protocol',
    4401: 'signed_out',
    [NOT_PERMITTED]: 'not_permitted',
    4404: 'not_found',
    4409: 'replaced',
};

/** With a close of 4403, what of a permission has ended. */
const TAKEN = ['revoked', 'expired', 'changed'] as const;
type Taken = (typeof TAKEN)[number];
const isTaken = (word: string): word is Taken => (TAKEN as readonly string[]).includes(word);

type Line = 'execute' | 'connect' | 'stream';

export class Session {
    private sockets: Partial<Record<Line, Socket>> = {};
    private assigned: Message.Assigned | null = null;
    /** Tickets are for one use each; the token serves after that. */
    private tickets: { connect?: string; stream?: string } = {};
    private welcomed = false;
    private streaming = false;
    private tries = 0;
    private live = false;
    private timers = new Set<ReturnType<typeof setTimeout>>();
    private pinger: ReturnType<typeof setInterval> | undefined;
    private watcher: ReturnType<typeof setInterval> | undefined;
    /** The token that the execute line was shown; '' while it is not open. */
    private shown = '';
    private lastPong = 0;
    private over = false;

    constructor(
        private options: Options,
        private on: Handlers,
    ) {}

    start(): void {
        this.on.state({ phase: 'connecting' });
        this.watcher = setInterval(() => this.showToken(), TOKEN_EVERY_MS);
        this.openExecute();
    }

    /** Gives the slot back. */
    stop(): void {
        this.over = true;
        clearInterval(this.watcher);
        this.drop();
    }

    /** On the connect socket; false when there is none. */
    send(
        message:
            | Message.ClientSettings
            | Message.ClientKeyframe
            | Message.ClientStream
            | Message.ClientPick
            | Message.ClientPing,
    ): boolean {
        if (!this.welcomed || !this.sockets.connect) {
            return false;
        }
        this.sockets.connect.send(JSON.stringify(message));
        return true;
    }

    private openExecute(): void {
        const path = `${this.options.api}/scans/${this.options.scan}/execute`;
        const token = this.options.token();
        this.openLine('execute', path, { type: 'authenticate', token }, (data) => {
            this.shown ||= token;
            this.execute(data as Message.Queued | Message.Assigned | Message.Ended);
        });
    }

    /** The session ends a minute after its token, so a newer one is shown. */
    private showToken(): void {
        const token = this.options.token();
        if (this.shown && token && token !== this.shown) {
            this.shown = token;
            this.sockets.execute?.send(JSON.stringify({ type: 'authenticate', token }));
        }
    }

    private execute(message: Message.Queued | Message.Assigned | Message.Ended): void {
        switch (message.type) {
            case 'queued': {
                const { position, ahead, estimate_s } = message;
                this.tries = 0;
                this.on.state({ phase: 'queued', position, ahead, estimate_s });
                return;
            }
            case 'assigned':
                this.closeLine('connect');
                this.closeLine('stream');
                this.assigned = message;
                this.tickets = { ...message.tickets };
                this.live = false;
                this.on.state({ phase: 'opening' });
                this.openConnect();
                this.openStream();
                return;
            case 'ended':
                if (message.reason === 'worker_lost') {
                    this.anew('no_worker');
                } else if (isTaken(message.reason)) {
                    this.taken(message.reason);
                } else {
                    this.end(message.reason, message.detail ?? '');
                }
        }
    }

    private openConnect(): void {
        const { session, connect_url } = this.assigned!;
        const first = this.credentials('connect', session);
        this.openLine('connect', connect_url, first, (data) => {
            this.connect(
                data as
                    | Message.Welcome
                    | Message.Settings
                    | Message.Stats
                    | Message.Error
                    | Message.Pong,
            );
        });
    }

    private connect(
        message:
            | Message.Welcome
            | Message.Settings
            | Message.Picked
            | Message.Stats
            | Message.Error
            | Message.Pong,
    ): void {
        switch (message.type) {
            case 'welcome':
                this.welcomed = true;
                this.startPings();
                this.on.welcome(message);
                this.tellLive();
                return;
            case 'settings':
                this.on.settings(message);
                return;
            case 'picked':
                this.on.picked(message);
                return;
            case 'stats':
                this.on.stats(message);
                return;
            case 'error':
                this.on.error(message);
                return;
            case 'pong':
                this.lastPong = performance.now();
        }
    }

    private openStream(): void {
        const { session, stream_url } = this.assigned!;
        const first = this.credentials('stream', session);
        this.openLine('stream', stream_url, first, (data) => {
            const frame = data instanceof ArrayBuffer ? readFrame(new Uint8Array(data)) : null;
            if (!frame) {
                this.end('protocol', '');
                return;
            }
            this.streaming = true;
            this.on.frame(frame);
            this.tellLive();
        });
    }

    private credentials(line: 'connect' | 'stream', session: string): Message.Authenticate {
        const ticket = this.tickets[line];
        delete this.tickets[line];
        return ticket
            ? { type: 'authenticate', session, ticket }
            : { type: 'authenticate', session, token: this.options.token() };
    }

    private tellLive(): void {
        if (this.welcomed && this.streaming && !this.over) {
            this.tries = 0;
            if (!this.live) {
                this.live = true;
                this.on.state({ phase: 'live' });
            }
        }
    }

    private openLine(
        line: Line,
        url: string,
        first: Message.Authenticate,
        receive: (data: unknown) => void,
    ): void {
        const socket = this.options.open(new URL(url, this.options.base).href);
        this.sockets[line] = socket;
        socket.binaryType = 'arraybuffer';
        socket.onopen = () => socket.send(JSON.stringify(first));
        socket.onmessage = ({ data }) => {
            const message = typeof data === 'string' ? parse(data) : data;
            if (message === null) {
                this.end('protocol', '');
            } else {
                receive(message);
            }
        };
        socket.onclose = ({ code, reason }) => {
            if (this.sockets[line] === socket) {
                delete this.sockets[line];
                this.lost(line, code, reason);
            }
        };
    }

    /** A line went without our doing. */
    private lost(line: Line, code: number, word = ''): void {
        if (line === 'connect') {
            this.welcomed = false;
            clearInterval(this.pinger);
        }
        if (line === 'stream') {
            this.streaming = false;
        }
        if (code === NOT_PERMITTED && isTaken(word)) {
            this.taken(word);
            return;
        }
        const fatal = FATAL[code];
        /* A spent ticket or an ended session shows on connect and stream as a
         * refusal: the execute line knows what is true. */
        if (fatal && (line === 'execute' || fatal === 'replaced' || fatal === 'protocol')) {
            this.end(fatal, '');
            return;
        }
        const reason = code === NO_WORKER ? 'no_worker' : code === 4429 ? 'too_fast' : 'line';
        const whole = line === 'execute' || fatal !== undefined || !this.sockets.execute;
        if (whole) {
            this.anew(reason);
            return;
        }
        this.live = false;
        this.on.state({ phase: 'reconnecting', reason });
        this.later(() => {
            if (line === 'connect') {
                this.openConnect();
            } else {
                this.openStream();
            }
        });
    }

    /** From the execute line on. */
    private anew(reason: Reconnecting): void {
        this.drop();
        this.live = false;
        this.on.state({ phase: 'reconnecting', reason });
        this.later(() => this.openExecute());
    }

    /** What one may do with the scan has ended, or is something else now. */
    private taken(word: Taken): void {
        if (word === 'changed') {
            this.anew(word);
        } else {
            this.end(word, '');
        }
    }

    private later(act: () => void): void {
        this.tries++;
        const pause = Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** (this.tries - 1));
        const timer = setTimeout(() => {
            this.timers.delete(timer);
            act();
        }, pause);
        this.timers.add(timer);
    }

    private startPings(): void {
        this.lastPong = performance.now();
        clearInterval(this.pinger);
        this.pinger = setInterval(() => {
            const now = performance.now();
            if (now - this.lastPong > PONG_WITHIN_MS) {
                this.closeLine('connect');
                this.lost('connect', 1006);
                return;
            }
            this.send({ type: 'ping', time: now });
        }, PING_EVERY_MS);
    }

    private end(reason: EndReason, detail: string): void {
        if (!this.over) {
            this.over = true;
            clearInterval(this.watcher);
            this.drop();
            this.on.state({ phase: 'ended', reason, detail });
        }
    }

    /** Closes everything, quietly. */
    private drop(): void {
        clearInterval(this.pinger);
        for (const timer of this.timers) {
            clearTimeout(timer);
        }
        this.timers.clear();
        for (const line of ['execute', 'connect', 'stream'] as const) {
            this.closeLine(line);
        }
        this.welcomed = false;
        this.streaming = false;
        this.assigned = null;
        this.shown = '';
    }

    private closeLine(line: Line): void {
        const socket = this.sockets[line];
        delete this.sockets[line];
        socket?.close(1000);
    }
}

function parse(data: string): unknown {
    try {
        return JSON.parse(data);
    } catch {
        return null;
    }
}
