/*
 * Mouse, pen, touch and keys to camera changes. Left or one finger turns;
 * right, middle, Shift or two fingers move; wheel or pinch zooms. A slice is
 * moved by one finger, and the wheel leads through the slices.
 */

import {
    type Camera,
    fitBox,
    look,
    orbit,
    pan,
    placeIn,
    roll,
    type View,
    zoom,
} from '../core/camera';
import { moveSlice, panSlice, type Slice, zoomSlice } from '../core/slice';
import type { Viewing } from './viewing';

const WHEEL_STEP = 0.0015;
const WHEEL_PAUSE_MS = 600;
const KEY_TURN = Math.PI / 24;
const KEY_MOVE = 0.05;
const KEY_ZOOM = 1.1;
/* Of slices: mm a pixel of the wheel. */
const WHEEL_MM = 0.02;

type Change = Partial<Camera>;

const SLICE_KEYS: Record<string, (slice: Slice) => Partial<Slice>> = {
    ArrowLeft: (s) => panSlice(s, -KEY_MOVE, 0),
    ArrowRight: (s) => panSlice(s, KEY_MOVE, 0),
    ArrowUp: (s) => panSlice(s, 0, -KEY_MOVE),
    ArrowDown: (s) => panSlice(s, 0, KEY_MOVE),
    '+': (s) => zoomSlice(s, KEY_ZOOM),
    '=': (s) => zoomSlice(s, KEY_ZOOM),
    '-': (s) => zoomSlice(s, 1 / KEY_ZOOM),
};

interface Finger {
    x: number;
    y: number;
}

export class Gestures {
    private fingers = new Map<number, Finger>();
    private moving = false;
    private lastWheel = 0;

    constructor(
        private viewing: Viewing,
        private element: HTMLElement,
    ) {}

    /** Starts to listen; returns what ends it. */
    listen(): () => void {
        const end = new AbortController();
        const { signal } = end;
        const { element } = this;
        element.addEventListener('pointerdown', (e) => this.down(e), { signal });
        element.addEventListener('pointermove', (e) => this.move(e), { signal });
        element.addEventListener('pointerup', (e) => this.up(e), { signal });
        element.addEventListener('pointercancel', (e) => this.up(e), { signal });
        element.addEventListener('wheel', (e) => this.wheel(e), { signal, passive: false });
        element.addEventListener('contextmenu', (e) => e.preventDefault(), { signal });
        element.addEventListener('keydown', (e) => this.key(e), { signal });
        return () => end.abort();
    }

    private change(make: (camera: Camera) => Change): void {
        const camera = this.viewing.settings.settings?.camera;
        if (camera) {
            this.viewing.settings.change({ camera: make(camera) });
        }
    }

    private changeSlice(make: (slice: Slice) => Partial<Slice>): void {
        const technique = this.viewing.settings.settings?.technique;
        if (technique) {
            this.viewing.settings.change({ technique: { slice: make(technique.slice) } });
        }
    }

    private isSlice(): boolean {
        return this.viewing.settings.settings?.technique.mode === 'slice';
    }

    private pick(e: PointerEvent): void {
        const canvas = this.element as HTMLCanvasElement;
        const box = canvas.getBoundingClientRect();
        const at = placeIn(canvas, box, e.clientX - box.left, e.clientY - box.top);
        if (at) {
            this.viewing.focusAt(at);
        }
    }

    private down(e: PointerEvent): void {
        this.element.focus({ preventScroll: true });
        if (this.viewing.state.getState().focusing) {
            this.pick(e);
            return;
        }
        this.element.setPointerCapture(e.pointerId);
        if (this.fingers.size === 0) {
            this.viewing.settings.checkpoint();
            this.moving = e.button !== 0 || e.shiftKey;
        }
        this.fingers.set(e.pointerId, { x: e.clientX, y: e.clientY });
        e.preventDefault();
    }

    private move(e: PointerEvent): void {
        const finger = this.fingers.get(e.pointerId);
        if (!finger) {
            return;
        }
        const edge = Math.min(this.element.clientWidth, this.element.clientHeight);
        const dx = (e.clientX - finger.x) / edge;
        const dy = (e.clientY - finger.y) / edge;
        const others = [...this.fingers].filter(([id]) => id !== e.pointerId);
        const to = { x: e.clientX, y: e.clientY };
        this.fingers.set(e.pointerId, to);
        if (others.length === 1) {
            const other = others[0]![1];
            const before = Math.hypot(finger.x - other.x, finger.y - other.y);
            const after = Math.hypot(to.x - other.x, to.y - other.y);
            const factor = before > 0 && after > 0 ? after / before : 1;
            if (this.isSlice()) {
                this.changeSlice((s) => ({
                    ...panSlice(s, dx / 2, dy / 2),
                    ...zoomSlice(s, factor),
                }));
                return;
            }
            this.change((c) => {
                const moved = { ...c, ...pan(c, dx / 2, dy / 2) };
                return { ...pan(c, dx / 2, dy / 2), ...zoom(moved, factor) };
            });
        } else if (others.length === 0 && this.isSlice()) {
            this.changeSlice((s) => panSlice(s, dx, dy));
        } else if (others.length === 0) {
            this.change((c) =>
                this.moving ? pan(c, dx, dy) : orbit(c, dx * Math.PI, dy * Math.PI),
            );
        }
    }

    private up(e: PointerEvent): void {
        this.fingers.delete(e.pointerId);
    }

    private wheel(e: WheelEvent): void {
        e.preventDefault();
        const now = performance.now();
        if (now - this.lastWheel > WHEEL_PAUSE_MS) {
            this.viewing.settings.checkpoint();
        }
        this.lastWheel = now;
        const pixels = e.deltaMode === WheelEvent.DOM_DELTA_LINE ? e.deltaY * 16 : e.deltaY;
        const factor = Math.exp(-pixels * WHEEL_STEP);
        if (!this.isSlice()) {
            this.change((c) => zoom(c, factor));
        } else if (e.ctrlKey) {
            this.changeSlice((s) => zoomSlice(s, factor));
        } else {
            this.through(-pixels * WHEEL_MM);
        }
    }

    private through(by_mm: number): void {
        const { volume } = this.viewing.state.getState();
        if (volume) {
            this.changeSlice((s) => moveSlice(s, by_mm, volume.bounds_min, volume.bounds_max));
        }
    }

    private key(e: KeyboardEvent): void {
        if (e.ctrlKey || e.metaKey) {
            if (e.key.toLowerCase() === 'z') {
                e.preventDefault();
                if (e.shiftKey) {
                    this.viewing.settings.redo();
                } else {
                    this.viewing.settings.undo();
                }
            }
            return;
        }
        const slice = e.altKey || !this.isSlice() ? undefined : SLICE_KEYS[e.key];
        if (slice) {
            e.preventDefault();
            this.changeSlice(slice);
            return;
        }
        const make = e.altKey || this.isSlice() ? undefined : this.keyChange(e);
        if (make) {
            e.preventDefault();
            if (!e.repeat) {
                this.viewing.settings.checkpoint();
            }
            this.change(make);
        }
    }

    private keyChange({ key, shiftKey }: KeyboardEvent): ((c: Camera) => Change) | undefined {
        const arrows: Record<string, [number, number]> = {
            ArrowLeft: [-1, 0],
            ArrowRight: [1, 0],
            ArrowUp: [0, -1],
            ArrowDown: [0, 1],
        };
        const arrow = arrows[key];
        if (arrow) {
            const [x, y] = arrow;
            return shiftKey
                ? (c) => pan(c, x * KEY_MOVE, y * KEY_MOVE)
                : (c) => orbit(c, x * KEY_TURN, y * KEY_TURN);
        }
        const side = key.toUpperCase();
        if ('APLRSI'.includes(side) && side.length === 1) {
            return (c) => lookFrom(this.viewing, c, side as View);
        }
        const others: Record<string, (c: Camera) => Change> = {
            '+': (c) => zoom(c, KEY_ZOOM),
            '=': (c) => zoom(c, KEY_ZOOM),
            '-': (c) => zoom(c, 1 / KEY_ZOOM),
            '[': (c) => roll(c, -KEY_TURN),
            ']': (c) => roll(c, KEY_TURN),
            '0': (c) => showAll(this.viewing, c),
        };
        return others[key];
    }
}

export function lookFrom(viewing: Viewing, camera: Camera, side: View): Change {
    const volume = viewing.state.getState().volume;
    return volume ? look(camera, side, volume.bounds_min, volume.bounds_max) : {};
}

export function showAll(viewing: Viewing, camera: Camera): Change {
    const volume = viewing.state.getState().volume;
    return volume ? fitBox(camera, volume.bounds_min, volume.bounds_max) : {};
}
