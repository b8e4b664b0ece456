/*
 * The settings object and its changes. Controls change it here at once; what
 * changed is gathered into one merge patch (RFC 7396) and handed over at a
 * regular interval. What the server says wins, except over wishes still under
 * way.
 */

import { createStore, type StoreApi } from 'zustand/vanilla';
import type * as Message from '../generated/messages';
import { defaults, type Settings } from '../generated/settings';

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type Patch<T> = T extends readonly unknown[]
    ? T
    : T extends object
      ? { [K in keyof T]?: Patch<T[K]> }
      : T;

const SEND_EVERY_MS = 33;
const UNDO_MAX = 100;
/** Revision of settings that nobody has changed. */
export const FRESH = 1;

function isObject(value: unknown): value is Record<string, unknown> {
    return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** RFC 7396; target is untouched. */
export function merge<T>(target: T, patch: unknown): T {
    if (!isObject(patch)) {
        return patch as T;
    }
    const out: Record<string, unknown> = isObject(target) ? { ...target } : {};
    for (const [key, value] of Object.entries(patch)) {
        if (value === null) {
            delete out[key];
        } else {
            out[key] = merge(out[key], value);
        }
    }
    return out as T;
}

/** Stored settings, with what there was no control for when they were stored. */
export function complete(stored: Settings): Settings {
    return merge<unknown>(defaults, stored) as Settings;
}

/** One patch that does what a and then b do. */
export function join(a: unknown, b: unknown): unknown {
    if (!isObject(a) || !isObject(b)) {
        return b;
    }
    const out: Record<string, unknown> = { ...a };
    for (const [key, value] of Object.entries(b)) {
        out[key] = key in out ? join(out[key], value) : value;
    }
    return out;
}

/** The patch from a to b; undefined when they are equal. */
export function difference(a: unknown, b: unknown): unknown {
    if (!isObject(a) || !isObject(b)) {
        return JSON.stringify(a) === JSON.stringify(b) ? undefined : b;
    }
    const out: Record<string, unknown> = {};
    for (const key of Object.keys(a)) {
        if (!(key in b)) {
            out[key] = null;
        }
    }
    for (const [key, value] of Object.entries(b)) {
        const d = key in a ? difference(a[key], value) : value;
        if (d !== undefined) {
            out[key] = d;
        }
    }
    return Object.keys(out).length > 0 ? out : undefined;
}

export interface SettingsState {
    /** Null until the session is there. */
    settings: Settings | null;
    canUndo: boolean;
    canRedo: boolean;
    /** The server's sentence about the last refused change. */
    refused: string;
}

export type Send = (message: Message.ClientSettings) => boolean;

export class SettingsStore {
    readonly state: StoreApi<SettingsState> = createStore(() => ({
        settings: null,
        canUndo: false,
        canRedo: false,
        refused: '',
    }));
    private pending: unknown;
    /** The server's last word. */
    private known: Settings | null = null;
    private request = 0;
    private viewer = '';
    private timer: ReturnType<typeof setTimeout> | undefined;
    private sentAt = 0;
    private undoStack: Settings[] = [];
    private redoStack: Settings[] = [];

    /** send: false when there is no connection; the patch is kept then. */
    constructor(private send: Send) {}

    get settings(): Settings | null {
        return this.state.getState().settings;
    }

    /** Changes settings now and on the server within an interval. */
    change(patch: Patch<Settings>): void {
        const before = this.settings;
        if (!before) {
            return;
        }
        this.state.setState({ settings: merge(before, patch), refused: '' });
        this.pending = this.pending === undefined ? patch : join(this.pending, patch);
        this.plan();
    }

    /** Marks where undo comes back to: called before a gesture or a choice. */
    checkpoint(): void {
        const now = this.settings;
        const last = this.undoStack.at(-1);
        if (now && (!last || difference(last, now) !== undefined)) {
            this.undoStack.push(now);
            this.undoStack.splice(0, this.undoStack.length - UNDO_MAX);
            this.redoStack = [];
            this.showHistory();
        }
    }

    undo(): void {
        this.travel(this.undoStack, this.redoStack);
    }

    redo(): void {
        this.travel(this.redoStack, this.undoStack);
    }

    /** A connection is there, first or again. What was set in a session that
     * was lost is wished again in the one that follows it. */
    welcome(message: Message.Welcome): void {
        const before = this.settings;
        this.viewer = message.viewer;
        if (before && message.revision === FRESH) {
            this.pending = difference(message.settings, before);
        }
        this.adopt(message.settings);
        this.plan();
    }

    receive(message: Message.Settings): void {
        const stale = message.by === this.viewer && message.request !== this.request;
        if (stale) {
            this.known = message.settings as unknown as Settings;
        } else {
            this.adopt(message.settings);
        }
    }

    /** The server would not take a change: what it said last is true. */
    refuse(detail: string): void {
        this.pending = undefined;
        this.state.setState({ settings: this.known, refused: detail });
    }

    close(): void {
        clearTimeout(this.timer);
        this.timer = undefined;
    }

    private adopt(settings: Record<string, unknown>): void {
        const theirs = settings as unknown as Settings;
        this.known = theirs;
        this.state.setState({
            settings: this.pending === undefined ? theirs : merge(theirs, this.pending),
        });
    }

    private plan(): void {
        if (this.timer !== undefined || this.pending === undefined) {
            return;
        }
        const wait = Math.max(0, this.sentAt + SEND_EVERY_MS - performance.now());
        this.timer = setTimeout(() => this.flush(), wait);
    }

    private flush(): void {
        this.timer = undefined;
        if (this.pending === undefined) {
            return;
        }
        const message: Message.ClientSettings = {
            type: 'settings',
            revision: this.request + 1,
            patch: this.pending as Record<string, unknown>,
        };
        if (this.send(message)) {
            this.request++;
            this.pending = undefined;
            this.sentAt = performance.now();
        }
    }

    private travel(from: Settings[], to: Settings[]): void {
        const now = this.settings;
        let there = from.pop();
        while (there && now && difference(now, there) === undefined) {
            there = from.pop();
        }
        if (now && there) {
            to.push(now);
            this.change(difference(now, there) as Patch<Settings>);
        }
        this.showHistory();
    }

    private showHistory(): void {
        this.state.setState({
            canUndo: this.undoStack.length > 0,
            canRedo: this.redoStack.length > 0,
        });
    }
}
