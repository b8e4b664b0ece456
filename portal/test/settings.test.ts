import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { complete, difference, join, merge, SettingsStore } from '../src/core/settings';
import type * as Message from '../src/generated/messages';
import type { Settings } from '../src/generated/settings';

const START = {
    version: 1,
    film: { exposure: 1, gamma: 1, tone_map: 'aces' },
    clip: { box: { min: [0, 0, 0], max: [1, 1, 1] }, planes: [] },
} as unknown as Settings;

const exposure = (e: number) => ({ film: { exposure: e } });

describe('settings stored long ago', () => {
    it('get what they lack, and keep what they have', () => {
        const whole = complete({ ...START, denoise: { enabled: false } } as Settings);
        expect(whole.technique.mode).toBe('path');
        expect(whole.technique.slice.normal).toEqual([0, 0, -1]);
        expect(whole.denoise.enabled).toBe(false);
        expect(whole.film).toEqual(START.film);
        expect(complete(whole)).toEqual(whole);
    });
});

describe('merge patches (RFC 7396, appendix A)', () => {
    it.each([
        [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
        [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
        [{ a: 'b' }, { a: null }, {}],
        [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
        [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
        [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
        [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
        [
            ['a', 'b'],
            ['c', 'd'],
            ['c', 'd'],
        ],
        [{ e: null }, { a: 1 }, { e: null, a: 1 }],
        [[1, 2], { a: 'b', c: null }, { a: 'b' }],
        [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
    ])('%j + %j', (target, patch, result) => {
        const before = JSON.stringify(target);
        expect(merge(target as unknown, patch)).toEqual(result);
        expect(JSON.stringify(target)).toBe(before);
    });

    it('joined, do what one after the other does', () => {
        const a = { x: { y: 1, z: null }, q: [1] };
        const b = { x: { z: 2 }, q: null, r: { s: 1 } };
        const target = { x: { z: 0, w: 3 }, q: [0], r: 5 };
        expect(merge(target, join(a, b))).toEqual(merge(merge(target as unknown, a), b));
    });

    it('differences lead from one to the other', () => {
        const a = { same: { k: [1, 2] }, gone: 1, changed: { x: 1, y: 2 } };
        const b = { same: { k: [1, 2] }, changed: { x: 1, y: 3 }, added: { z: 1 } };
        expect(difference(a, b)).toEqual({ gone: null, changed: { y: 3 }, added: { z: 1 } });
        expect(merge(a as unknown, difference(a, b))).toEqual(b);
        expect(difference(a, structuredClone(a))).toBeUndefined();
    });
});

describe('settings store', () => {
    let sent: Message.ClientSettings[];
    let connected: boolean;
    let store: SettingsStore;
    const welcome = () =>
        store.welcome({ viewer: 'me', settings: START, revision: 1 } as unknown as Message.Welcome);
    const echo = (by: string, request: number, settings: unknown) =>
        store.receive({ type: 'settings', revision: 9, by, request, settings } as Message.Settings);

    beforeEach(() => {
        vi.useFakeTimers();
        sent = [];
        connected = true;
        store = new SettingsStore((m) => {
            if (connected) {
                sent.push(structuredClone(m));
            }
            return connected;
        });
    });
    afterEach(() => {
        store.close();
        vi.useRealTimers();
    });

    it('changes nothing before the session is there', () => {
        store.change(exposure(2));
        expect(store.settings).toBeNull();
        vi.advanceTimersByTime(1000);
        expect(sent).toEqual([]);
    });

    it('shows a change at once and sends changes at a regular interval', () => {
        welcome();
        for (let ms = 0; ms < 330; ms += 3) {
            store.change(exposure(1 + ms / 100));
            expect(store.settings!.film.exposure).toBe(1 + ms / 100);
            vi.advanceTimersByTime(3);
        }
        vi.advanceTimersByTime(100);
        expect(sent.length).toBeGreaterThanOrEqual(9);
        expect(sent.length).toBeLessThanOrEqual(12);
        expect(sent.at(-1)).toEqual({
            type: 'settings',
            revision: sent.length,
            patch: exposure(1 + 327 / 100),
        });
    });

    it('gathers different controls into one patch', () => {
        welcome();
        store.change(exposure(2));
        store.change({ film: { gamma: 3 } });
        store.change({ clip: { box: { min: [0, 0, 0.5] } } });
        vi.advanceTimersByTime(50);
        expect(sent.map((m) => m.patch)).toEqual([
            { film: { exposure: 2, gamma: 3 }, clip: { box: { min: [0, 0, 0.5] } } },
        ]);
    });

    it('follows other viewers, but not its own stale echoes', () => {
        welcome();
        store.change(exposure(2));
        vi.advanceTimersByTime(50);
        store.change(exposure(3));
        vi.advanceTimersByTime(50);
        echo('me', 1, merge(START, exposure(2)));
        expect(store.settings!.film.exposure).toBe(3);
        echo('me', 2, merge(START, exposure(3)));
        expect(store.settings!.film.exposure).toBe(3);
        echo('other', 77, merge(START, exposure(5)));
        expect(store.settings!.film.exposure).toBe(5);
    });

    it('keeps a wish under way over what others do', () => {
        welcome();
        store.change(exposure(2));
        echo('other', 1, merge(START, { film: { exposure: 9, gamma: 2 } }));
        expect(store.settings!.film).toMatchObject({ exposure: 2, gamma: 2 });
    });

    it('keeps a wish while there is no connection', () => {
        welcome();
        connected = false;
        store.change(exposure(2));
        vi.advanceTimersByTime(500);
        expect(sent).toEqual([]);
        connected = true;
        welcome();
        vi.advanceTimersByTime(50);
        expect(sent.map((m) => m.patch)).toEqual([exposure(2)]);
        expect(store.settings!.film.exposure).toBe(2);
    });

    it('brings what was set into the session that follows a lost one', () => {
        welcome();
        store.change(exposure(2));
        vi.advanceTimersByTime(50);
        echo('me', 1, merge(START, exposure(2)));
        welcome();
        expect(store.settings!.film.exposure).toBe(2);
        vi.advanceTimersByTime(50);
        expect(sent.map((m) => m.patch)).toEqual([exposure(2), exposure(2)]);
    });

    it('goes back to the truth when a change is refused', () => {
        welcome();
        store.change(exposure(1000));
        store.refuse('film.exposure is too large.');
        expect(store.settings!.film.exposure).toBe(1);
        expect(store.state.getState().refused).toBe('film.exposure is too large.');
        store.change(exposure(2));
        expect(store.state.getState().refused).toBe('');
    });

    it('undoes and redoes gestures, not their steps', () => {
        welcome();
        store.checkpoint();
        store.change(exposure(2));
        store.change(exposure(3));
        store.checkpoint();
        store.change({ film: { gamma: 2 } });
        expect(store.state.getState()).toMatchObject({ canUndo: true, canRedo: false });
        store.undo();
        expect(store.settings!.film).toMatchObject({ exposure: 3, gamma: 1 });
        store.undo();
        expect(store.settings).toEqual(START);
        expect(store.state.getState()).toMatchObject({ canUndo: false, canRedo: true });
        store.redo();
        store.redo();
        expect(store.settings!.film).toMatchObject({ exposure: 3, gamma: 2 });
        store.undo();
        store.checkpoint();
        store.change(exposure(7));
        expect(store.state.getState().canRedo).toBe(false);
    });

    it('does not stop at gestures that changed nothing', () => {
        welcome();
        store.checkpoint();
        store.change(exposure(2));
        store.checkpoint();
        store.checkpoint();
        store.undo();
        expect(store.settings!.film.exposure).toBe(1);
        store.undo();
        expect(store.settings!.film.exposure).toBe(1);
    });
});
