import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { writeFrame } from '../src/core/frame';
import {
    type Handlers,
    isFinal,
    Session,
    type SessionState,
    type Socket,
} from '../src/core/session';

class FakeSocket implements Socket {
    binaryType = '';
    onopen: (() => void) | null = null;
    onmessage: ((event: { data: unknown }) => void) | null = null;
    onclose: ((event: { code: number; reason?: string }) => void) | null = null;
    sent: unknown[] = [];
    closed = false;
    constructor(readonly url: string) {}
    send(data: string) {
        this.sent.push(JSON.parse(data));
    }
    close() {
        this.closed = true;
    }
    say(message: object) {
        this.onmessage?.({ data: JSON.stringify(message) });
    }
    lose(code = 1006, reason = '') {
        this.onclose?.({ code, reason });
    }
}

const ASSIGNED = {
    type: 'assigned',
    session: 'S',
    connect_url: '/api/v1/connect',
    stream_url: 'wss://other/api/v1/stream',
    tickets: { connect: 'TC', stream: 'TS' },
    expires: 99,
};
const WELCOME = { type: 'welcome', viewer: 'V' };

function frame(): ArrayBuffer {
    return writeFrame({
        codec: 1,
        flags: 1,
        sequence: 1,
        revision: 1,
        samples: 1,
        time_us: 1n,
        width: 16,
        height: 16,
        bytes: 0,
    }).buffer;
}

let sockets: FakeSocket[];
let states: SessionState[];
let on: { [K in keyof Handlers]: ReturnType<typeof vi.fn> };
let session: Session;
let token: string;

const last = () => sockets.at(-1)!;
const phase = () => states.at(-1)!.phase;
const open = (path: string) => sockets.filter((s) => s.url.endsWith(path) && !s.closed).at(-1)!;

/** From nothing to a moving picture. */
function goLive() {
    session.start();
    last().onopen?.();
    last().say(ASSIGNED);
    open('/connect').onopen?.();
    open('/stream').onopen?.();
    open('/connect').say(WELCOME);
    open('/stream').onmessage?.({ data: frame() });
}

beforeEach(() => {
    vi.useFakeTimers();
    sockets = [];
    states = [];
    token = 'TOKEN';
    on = {
        state: vi.fn((s: SessionState) => states.push(s)),
        welcome: vi.fn(),
        settings: vi.fn(),
        picked: vi.fn(),
        stats: vi.fn(),
        error: vi.fn(),
        frame: vi.fn(),
    };
    session = new Session(
        {
            scan: 'abc',
            base: 'wss://host',
            api: '/api/v1',
            token: () => token,
            open: (url) => {
                const socket = new FakeSocket(url);
                sockets.push(socket);
                return socket;
            },
        },
        on as unknown as Handlers,
    );
});
afterEach(() => {
    session.stop();
    vi.useRealTimers();
});

describe('the road to a picture', () => {
    it('authenticates, waits, and opens both lines with their tickets', () => {
        session.start();
        expect(last().url).toBe('wss://host/api/v1/scans/abc/execute');
        expect(last().sent).toEqual([]);
        last().onopen?.();
        expect(last().sent).toEqual([{ type: 'authenticate', token: 'TOKEN' }]);
        last().say({ type: 'queued', position: 2, ahead: 1, estimate_s: 30 });
        expect(states.at(-1)).toEqual({ phase: 'queued', position: 2, ahead: 1, estimate_s: 30 });
        last().say(ASSIGNED);
        expect(phase()).toBe('opening');
        const [, connect, stream] = sockets as [FakeSocket, FakeSocket, FakeSocket];
        expect(connect.url).toBe('wss://host/api/v1/connect');
        expect(stream.url).toBe('wss://other/api/v1/stream');
        expect(stream.binaryType).toBe('arraybuffer');
        connect.onopen?.();
        stream.onopen?.();
        expect(connect.sent).toEqual([{ type: 'authenticate', session: 'S', ticket: 'TC' }]);
        expect(stream.sent).toEqual([{ type: 'authenticate', session: 'S', ticket: 'TS' }]);
    });

    it('is live with a welcome and a first picture, in either order', () => {
        goLive();
        expect(phase()).toBe('live');
        expect(on.frame).toHaveBeenCalledOnce();
        expect(states.filter((s) => s.phase === 'live')).toHaveLength(1);
        open('/stream').onmessage?.({ data: frame() });
        expect(states.filter((s) => s.phase === 'live')).toHaveLength(1);
    });

    it('sends nothing before the welcome', () => {
        session.start();
        expect(session.send({ type: 'keyframe' })).toBe(false);
        last().say(ASSIGNED);
        expect(session.send({ type: 'keyframe' })).toBe(false);
        open('/connect').say(WELCOME);
        expect(session.send({ type: 'keyframe' })).toBe(true);
        expect(open('/connect').sent).toEqual([{ type: 'keyframe' }]);
    });

    it('hands messages on', () => {
        goLive();
        for (const type of ['settings', 'stats', 'error', 'picked'] as const) {
            open('/connect').say({ type });
            expect(on[type]).toHaveBeenCalledWith({ type });
        }
    });
});

describe('mending', () => {
    it('opens a lost line again with the token, and is live again', () => {
        goLive();
        const before = open('/connect');
        before.closed = true;
        before.lose();
        expect(states.at(-1)).toEqual({ phase: 'reconnecting', reason: 'line' });
        expect(session.send({ type: 'keyframe' })).toBe(false);
        vi.advanceTimersByTime(250);
        const again = open('/connect');
        expect(again).not.toBe(before);
        again.onopen?.();
        expect(again.sent).toEqual([{ type: 'authenticate', session: 'S', token: 'TOKEN' }]);
        again.say(WELCOME);
        expect(phase()).toBe('live');
    });

    it('opens the stream alone when only that was lost', () => {
        goLive();
        const stream = open('/stream');
        stream.closed = true;
        stream.lose(1012);
        vi.advanceTimersByTime(250);
        open('/stream').onopen?.();
        expect(open('/stream').sent).toEqual([
            { type: 'authenticate', session: 'S', token: 'TOKEN' },
        ]);
        expect(sockets.filter((s) => s.url.endsWith('/execute'))).toHaveLength(1);
    });

    it('starts over when the execute line is lost', () => {
        goLive();
        const [execute, connect, stream] = sockets as [FakeSocket, FakeSocket, FakeSocket];
        execute.lose();
        expect(connect.closed && stream.closed).toBe(true);
        token = 'NEWER';
        vi.advanceTimersByTime(250);
        last().onopen?.();
        expect(last().url).toContain('/execute');
        expect(last().sent).toEqual([{ type: 'authenticate', token: 'NEWER' }]);
    });

    it('starts over when a line says that the session is not there', () => {
        goLive();
        open('/stream').lose(4404);
        vi.advanceTimersByTime(250);
        expect(last().url).toContain('/execute');
    });

    it('starts over when the render-worker was lost', () => {
        goLive();
        const [execute] = sockets as [FakeSocket];
        open('/stream').lose(4503);
        execute.say({ type: 'ended', reason: 'worker_lost' });
        expect(states.at(-1)).toEqual({ phase: 'reconnecting', reason: 'no_worker' });
        expect(sockets.filter((s) => !s.url.endsWith('/stream')).every((s) => s.closed)).toBe(true);
        vi.advanceTimersByTime(500);
        expect(last().url).toContain('/execute');
        expect(sockets).toHaveLength(4);
    });

    it('shows a renewed token once, on a line that is open', () => {
        session.start();
        token = 'NEWER';
        vi.advanceTimersByTime(5000);
        expect(last().sent).toEqual([]);
        last().onopen?.();
        expect(last().sent).toEqual([{ type: 'authenticate', token: 'TOKEN' }]);
        last().say({ type: 'queued', position: 1, ahead: 0, estimate_s: 30 });
        vi.advanceTimersByTime(20_000);
        expect(last().sent.slice(1)).toEqual([{ type: 'authenticate', token: 'NEWER' }]);
        token = '';
        vi.advanceTimersByTime(20_000);
        expect(last().sent).toHaveLength(2);
    });

    it('waits longer from try to try, and names the reason', () => {
        session.start();
        const pauses = [250, 500, 1000, 2000, 4000, 8000, 8000];
        for (const [i, pause] of pauses.entries()) {
            last().lose(4503);
            expect(states.at(-1)).toEqual({ phase: 'reconnecting', reason: 'no_worker' });
            vi.advanceTimersByTime(pause - 1);
            expect(sockets).toHaveLength(i + 1);
            vi.advanceTimersByTime(1);
            expect(sockets).toHaveLength(i + 2);
        }
        last().lose(4429);
        expect(states.at(-1)).toEqual({ phase: 'reconnecting', reason: 'too_fast' });
    });

    it('notices a line that is silently dead', () => {
        goLive();
        const connect = open('/connect');
        vi.advanceTimersByTime(5000);
        const ping = connect.sent.at(-1) as { type: string; time: number };
        expect(ping.type).toBe('ping');
        vi.advanceTimersByTime(40);
        connect.say({ type: 'pong', time: ping.time });
        vi.advanceTimersByTime(20_001);
        expect(connect.closed).toBe(true);
        expect(phase()).toBe('reconnecting');
    });
});

describe('the end', () => {
    it.each([
        [4401, 'signed_out'],
        [4403, 'not_permitted'],
        [4404, 'not_found'],
        [4409, 'replaced'],
        [4400, 'protocol'],
    ])('close code %i is %s', (code, reason) => {
        session.start();
        last().lose(code);
        expect(states.at(-1)).toEqual({ phase: 'ended', reason, detail: '' });
        vi.advanceTimersByTime(60_000);
        expect(sockets).toHaveLength(1);
    });

    it('is told by the server with a reason', () => {
        goLive();
        sockets[0]!.say({ type: 'ended', reason: 'deleted', detail: 'Gone.' });
        expect(states.at(-1)).toEqual({ phase: 'ended', reason: 'deleted', detail: 'Gone.' });
        expect(sockets.every((s) => s.closed)).toBe(true);
    });

    it.each(['/execute', '/connect', '/stream'])('names what was taken back, on %s', (line) => {
        goLive();
        open(line).lose(4403, 'revoked');
        expect(states.at(-1)).toEqual({ phase: 'ended', reason: 'revoked', detail: '' });
        expect(sockets.filter((s) => !s.url.endsWith(line)).every((s) => s.closed)).toBe(true);
        expect(isFinal('revoked')).toBe(true);
        expect(isFinal('idle')).toBe(false);
    });

    it('is none when what one may do is only another', () => {
        goLive();
        sockets[0]!.say({ type: 'ended', reason: 'changed' });
        expect(states.at(-1)).toEqual({ phase: 'reconnecting', reason: 'changed' });
        vi.advanceTimersByTime(500);
        expect(last().url).toContain('/execute');
    });

    it('does not follow from a spent ticket', () => {
        goLive();
        open('/stream').lose(4403);
        expect(phase()).toBe('reconnecting');
    });

    it('comes with what is no message and no frame', () => {
        session.start();
        last().onmessage?.({ data: 'not json' });
        expect(states.at(-1)).toMatchObject({ phase: 'ended', reason: 'protocol' });
    });

    it('comes with a frame that is none', () => {
        goLive();
        open('/stream').onmessage?.({ data: new ArrayBuffer(3) });
        expect(states.at(-1)).toMatchObject({ phase: 'ended', reason: 'protocol' });
    });

    it('gives the slot back when the page is left', () => {
        goLive();
        session.stop();
        expect(sockets.every((s) => s.closed)).toBe(true);
        const told = states.length;
        vi.advanceTimersByTime(60_000);
        expect(states).toHaveLength(told);
        expect(sockets).toHaveLength(3);
    });
});
