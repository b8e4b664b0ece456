/*
 * The orbit camera, in patient space (mm, LPS: x to the patient's left, y to
 * the back, z to the head). All functions return what changed.
 */

import type { Settings } from '../generated/settings';

export type Camera = Settings['camera'];
export type Vec = [number, number, number];
export type View = 'A' | 'P' | 'L' | 'R' | 'S' | 'I';

const HEAD: Vec = [0, 0, 1];
const VIEWS: Record<View, { from: Vec; up: Vec }> = {
    A: { from: [0, -1, 0], up: HEAD },
    P: { from: [0, 1, 0], up: HEAD },
    L: { from: [1, 0, 0], up: HEAD },
    R: { from: [-1, 0, 0], up: HEAD },
    S: { from: [0, 0, 1], up: [0, -1, 0] },
    I: { from: [0, 0, -1], up: [0, -1, 0] },
};
/* Space left around a fitted volume, and the part of its depth that counts:
 * bodies are round, it is enough that the middle of the box fits. */
const MARGIN = 1.04;
const ROUNDNESS = 0.25;

const add = (a: Vec, b: Vec, s = 1): Vec => [a[0] + s * b[0], a[1] + s * b[1], a[2] + s * b[2]];
const dot = (a: Vec, b: Vec) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const cross = (a: Vec, b: Vec): Vec => [
    a[1] * b[2] - a[2] * b[1],
    a[2] * b[0] - a[0] * b[2],
    a[0] * b[1] - a[1] * b[0],
];
const length = (a: Vec) => Math.sqrt(dot(a, a));
const scale = (a: Vec, s: number): Vec => [a[0] * s, a[1] * s, a[2] * s];
const unit = (a: Vec) => scale(a, 1 / length(a));

/** Rodrigues' rotation of v around a unit axis. */
function rotate(v: Vec, axis: Vec, angle: number): Vec {
    const c = Math.cos(angle);
    const s = Math.sin(angle);
    return add(add(scale(v, c), cross(axis, v), s), axis, dot(axis, v) * (1 - c));
}

/** Unit vectors: back towards the camera, right, and true up. */
function axes({ position, target, up }: Camera) {
    const back = unit(add(position, target, -1));
    const right = unit(cross(up, back));
    return { back, right, up: cross(back, right) };
}

/**
 * Turns around the target: yaw about the patient's long axis, pitch about the
 * picture's horizontal one. Radians; positive turns what is seen to the right
 * and down, as a hand would that drags it.
 */
export function orbit(camera: Camera, yaw: number, pitch: number): Pick<Camera, 'position' | 'up'> {
    const { right, up } = axes(camera);
    const upright = dot(up, HEAD) >= 0 ? 1 : -1;
    const turn = (v: Vec) => rotate(rotate(v, right, -pitch), HEAD, -yaw * upright);
    const offset = turn(add(camera.position, camera.target, -1));
    return { position: add(camera.target, offset), up: unit(turn(up)) };
}

/** Turns the picture clockwise, radians. */
export function roll(camera: Camera, angle: number): Pick<Camera, 'up'> {
    const { back, up } = axes(camera);
    return { up: unit(rotate(up, back, angle)) };
}

/** Moves what is seen by fractions of the picture's shorter edge. */
export function pan(camera: Camera, dx: number, dy: number): Pick<Camera, 'position' | 'target'> {
    const { right, up } = axes(camera);
    const edge = 2 * distance(camera) * Math.tan((camera.fov_deg * Math.PI) / 360);
    const by = add(scale(right, -dx * edge), up, dy * edge);
    return { position: add(camera.position, by), target: add(camera.target, by) };
}

/** Comes closer by factor > 1, goes back by < 1; stays within 1 mm and 50 m. */
export function zoom(camera: Camera, factor: number): Pick<Camera, 'position'> {
    const { back } = axes(camera);
    const d = Math.min(50000, Math.max(1, distance(camera) / factor));
    return { position: add(camera.target, back, d) };
}

export function distance({ position, target }: Camera): number {
    return length(add(position, target, -1));
}

/** Looks from one of the six sides at the whole box. */
export function look(
    camera: Camera,
    view: View,
    min: Vec,
    max: Vec,
): Pick<Camera, 'position' | 'target' | 'up'> {
    const target = scale(add(min, max), 0.5);
    const { from, up } = VIEWS[view];
    const turned = { ...camera, target, position: add(target, from), up };
    return { ...fitBox(turned, min, max), up: [...up] };
}

/** Keeps the direction, shows the whole box in a picture of any shape. */
export function fitBox(camera: Camera, min: Vec, max: Vec): Pick<Camera, 'position' | 'target'> {
    const target = scale(add(min, max), 0.5);
    const half = scale(add(max, min, -1), 0.5);
    const { back, right, up } = axes(camera);
    const along = (a: Vec) => a.reduce((sum, x, i) => sum + Math.abs(x) * half[i]!, 0);
    const edge = Math.max(along(up), along(right));
    const d =
        ROUNDNESS * along(back) + (MARGIN * edge) / Math.tan((camera.fov_deg * Math.PI) / 360);
    return { position: add(target, back, d), target };
}

/** Makes a point of the patient sharp. */
export function focusOn(camera: Camera, point: Vec): Pick<Camera, 'focus_mm' | 'autofocus'> {
    const { back } = axes(camera);
    const ahead = -dot(add(point, camera.position, -1), back);
    return { focus_mm: Math.max(1, ahead), autofocus: false };
}

/**
 * Where in a picture, 0..1 from its top left, a point of the element lies that
 * shows all of it in its middle; null beside the picture.
 */
export function placeIn(
    picture: { width: number; height: number },
    element: { width: number; height: number },
    x: number,
    y: number,
): [number, number] | null {
    const fit = Math.min(element.width / picture.width, element.height / picture.height);
    const u = 0.5 + (x - element.width / 2) / (fit * picture.width);
    const v = 0.5 + (y - element.height / 2) / (fit * picture.height);
    return u >= 0 && u <= 1 && v >= 0 && v <= 1 ? [u, v] : null;
}

/** The side from which is looked most, for saying it in words. */
export function facing(camera: Camera): View {
    const { back } = axes(camera);
    let best: View = 'A';
    for (const view of Object.keys(VIEWS) as View[]) {
        if (dot(VIEWS[view].from, back) > dot(VIEWS[best].from, back) + 1e-9) {
            best = view;
        }
    }
    return best;
}
