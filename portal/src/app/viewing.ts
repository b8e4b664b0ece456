/*
 * One scan on the screen: session, settings and decoder tied together, and
 * what of them the page shows.
 */

import { createStore, type StoreApi } from 'zustand/vanilla';
import type { Scan } from '../core/api';
import { focusOn } from '../core/camera';
import { Decoder, toRgba } from '../core/decoder';
import { FrameFlag, type ReceivedFrame } from '../core/frame';
import { API } from '../core/rest';
import { isFinal, Session, type SessionState, type Socket } from '../core/session';
import { SettingsStore } from '../core/settings';
import type * as Message from '../generated/messages';
import { api } from './state';

export interface ViewState {
    session: SessionState;
    /** What the list of scans says of it; null until it is known. */
    scan: Scan | null;
    volume: Message.Volume | null;
    histogram: Message.Histogram | null;
    samples: number;
    max_samples: number;
    /** What is left in the picture, in steps of 8 bits; 0: not known. */
    noise: number;
    converged: boolean;
    /** That renders it, in the server's words. */
    device: string;
    /** True once something has been drawn. */
    drawn: boolean;
    /** The next click says what shall be sharp. */
    focusing: boolean;
}

/* The cost of a picture goes with its area: that of 512 x 512, whatever the
 * shape of the window. */
const AREA = 512 * 512;
const EDGE_STEP = 16;
const EDGE_MIN = 64;
const EDGE_MAX = 1024;
const MAX_FPS = 30;
const MAX_BITRATE = 12_000_000;
const RESIZE_AFTER_MS = 300;
const KEYFRAME_EVERY_MS = 500;
const SHOW_EVERY_MS = 250;

export class Viewing {
    readonly state: StoreApi<ViewState> = createStore(() => ({
        session: { phase: 'connecting' },
        scan: null,
        volume: null,
        histogram: null,
        samples: 0,
        max_samples: 0,
        noise: 0,
        converged: false,
        device: '',
        drawn: false,
        focusing: false,
    }));
    readonly settings: SettingsStore;
    /** Width by height of the place for the picture. */
    private aspect = 1;
    private session: Session;
    private decoder = new Decoder();
    private canvas: HTMLCanvasElement | null = null;
    private image: ImageData | null = null;
    private drawing = 0;
    private askedAt = 0;
    private picks = 0;
    private shownAt = 0;
    private resize: ReturnType<typeof setTimeout> | undefined;

    constructor(private scan: string) {
        this.session = this.open();
        this.settings = new SettingsStore((message) => this.session.send(message));
    }

    start(): void {
        this.session.start();
        this.askScan();
    }

    /** After the session has ended. */
    restart(): void {
        this.session.stop();
        this.session = this.open();
        this.decoder = new Decoder();
        this.session.start();
    }

    stop(): void {
        this.session.stop();
        this.settings.close();
        clearTimeout(this.resize);
        cancelAnimationFrame(this.drawing);
    }

    attach(canvas: HTMLCanvasElement | null): void {
        this.canvas = canvas;
    }

    /** The place for the picture has this size now, CSS pixels. */
    resized(width: number, height: number): void {
        if (width > 0 && height > 0) {
            this.aspect = width / height;
            clearTimeout(this.resize);
            this.resize = setTimeout(() => this.wishStream(), RESIZE_AFTER_MS);
        }
    }

    /** Makes sharp what is seen first at this place, 0..1 from the top left. */
    focusAt([x, y]: [number, number]): void {
        this.state.setState({ focusing: false });
        this.session.send({ type: 'pick', request: ++this.picks, x, y });
    }

    picture(): Promise<Blob | null> {
        const canvas = this.canvas;
        return new Promise((resolve) => (canvas ? canvas.toBlob(resolve) : resolve(null)));
    }

    private open(): Session {
        const options = {
            scan: this.scan,
            base: location.origin.replace(/^http/, 'ws'),
            api: API,
            token: () => api.accessToken,
            open: (url: string) => new WebSocket(url) as Socket,
        };
        return new Session(options, {
            state: (session) => this.changed(session),
            welcome: (message) => this.welcome(message),
            settings: (message) => this.settings.receive(message),
            stats: ({ samples, max_samples, noise = 0, converged, device = '' }) =>
                this.state.setState({ samples, max_samples, noise, converged, device }),
            picked: (message) => this.picked(message),
            error: ({ detail }) => this.settings.refuse(detail),
            frame: (frame) => this.frame(frame),
        });
    }

    private changed(session: SessionState): void {
        this.state.setState({ session });
        if (session.phase === 'reconnecting' && session.reason === 'changed') {
            this.askScan();
        }
        if (session.phase === 'ended' && isFinal(session.reason)) {
            this.wipe();
        }
        if (session.phase === 'ended' && session.reason === 'signed_out') {
            api.signOut();
        }
    }

    private askScan(): void {
        /* Why there is none, the session says. */
        api.scan(this.scan).then(
            (scan) => this.state.setState({ scan }),
            () => {},
        );
    }

    private welcome(message: Message.Welcome): void {
        this.state.setState({ volume: message.volume, histogram: message.histogram });
        this.settings.welcome(message);
        this.wishStream(message.stream);
    }

    private picked({ request, point_mm }: Message.Picked): void {
        const camera = this.settings.settings?.camera;
        if (camera && point_mm && request === this.picks) {
            this.settings.checkpoint();
            this.settings.change({ camera: focusOn(camera, point_mm) });
        }
    }

    private wishStream(now?: Message.StreamSettings): void {
        const { width, height } = streamSize(this.aspect);
        if (now?.width === width && now.height === height) {
            return;
        }
        this.session.send({
            type: 'stream',
            codec: 'mpeg1',
            width,
            height,
            max_fps: MAX_FPS,
            max_bitrate: MAX_BITRATE,
        });
    }

    private frame(frame: ReceivedFrame): void {
        const result = this.decoder.decode(frame);
        if (result !== 'decoded') {
            this.askKeyframe();
            return;
        }
        this.drawing ||= requestAnimationFrame(() => this.draw());
        const now = performance.now();
        const { samples } = frame;
        const converged = (frame.flags & FrameFlag.converged) !== 0;
        if (converged || now - this.shownAt > SHOW_EVERY_MS) {
            const anew = samples < this.state.getState().samples;
            this.state.setState({ samples, converged, ...(anew && { noise: 0 }) });
            this.shownAt = now;
        }
    }

    private askKeyframe(): void {
        const now = performance.now();
        if (now - this.askedAt > KEYFRAME_EVERY_MS && this.session.send({ type: 'keyframe' })) {
            this.askedAt = now;
        }
    }

    /** Who may not look any more keeps nothing on the screen. */
    private wipe(): void {
        cancelAnimationFrame(this.drawing);
        this.drawing = 0;
        this.decoder = new Decoder();
        const { canvas } = this;
        canvas?.getContext('2d', { alpha: false })?.clearRect(0, 0, canvas.width, canvas.height);
        this.state.setState({ drawn: false });
    }

    private draw(): void {
        this.drawing = 0;
        const { canvas } = this;
        const { picture } = this.decoder;
        const context = canvas?.getContext('2d', { alpha: false });
        if (!canvas || !picture || !context) {
            return;
        }
        const { width, height } = picture;
        if (this.image?.width !== width || this.image.height !== height) {
            canvas.width = width;
            canvas.height = height;
            this.image = context.createImageData(width, height);
        }
        toRgba(picture, this.image.data);
        context.putImageData(this.image, 0, 0);
        if (!this.state.getState().drawn) {
            this.state.setState({ drawn: true });
        }
    }
}

/** Edges in steps of 16 with about the area that a picture may have. */
export function streamSize(aspect: number): { width: number; height: number } {
    const edge = (n: number) =>
        Math.min(EDGE_MAX, Math.max(EDGE_MIN, Math.round(n / EDGE_STEP) * EDGE_STEP));
    return { width: edge(Math.sqrt(AREA * aspect)), height: edge(Math.sqrt(AREA / aspect)) };
}
