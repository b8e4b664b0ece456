/*
 * MPEG-1 in MPEG-TS to pixels, one picture a message. There is no clock and no
 * queue: a frame is decoded when it arrives, and the newest one is what
 * `pixels` converts, so a late display skips pictures but never lags.
 */

import { MPEG1 } from '@cycjimmy/jsmpeg-player';
import { Codec, FrameFlag, type ReceivedFrame } from './frame';

const TS_PACKET = 188;
const TS_SYNC = 0x47;
const SEQUENCE_END = [0, 0, 1, 0xb7];
/* Largest frame the ring carries, twice. */
const BUFFER = 2 << 20;

/**
 * The video elementary stream of whole TS packets. Tables and packets of other
 * streams are skipped; the video is the first PES stream with an id E0..EF.
 * Null when the bytes are not TS.
 */
export function videoOf(ts: Uint8Array): Uint8Array | null {
    if (ts.length === 0 || ts.length % TS_PACKET !== 0) {
        return null;
    }
    const out = new Uint8Array(ts.length + SEQUENCE_END.length);
    let n = 0;
    let pid = -1;
    for (let at = 0; at < ts.length; at += TS_PACKET) {
        if (ts[at] !== TS_SYNC) {
            return null;
        }
        const packet = ts.subarray(at, at + TS_PACKET);
        let from = payloadStart(packet);
        const id = ((packet[1]! & 0x1f) << 8) | packet[2]!;
        if (packet[1]! & 0x40) {
            const body = pesBody(packet, from);
            if (body > 0 && (pid === -1 || pid === id)) {
                pid = id;
                from = body;
            }
        }
        if (id === pid) {
            out.set(packet.subarray(from), n);
            n += Math.max(0, TS_PACKET - from);
        }
    }
    if (pid === -1) {
        return null;
    }
    /* The decoder ends a picture at the next start code: give it one. */
    out.set(SEQUENCE_END, n);
    return out.subarray(0, n + SEQUENCE_END.length);
}

function payloadStart(packet: Uint8Array): number {
    const control = packet[3]! & 0x30;
    if (control === 0x10) {
        return 4;
    }
    return control === 0x30 ? Math.min(TS_PACKET, 5 + packet[4]!) : TS_PACKET;
}

/** Offset behind a video PES header that starts at from, 0 when there is none. */
function pesBody(p: Uint8Array, from: number): number {
    if (from + 9 > TS_PACKET || p[from] !== 0 || p[from + 1] !== 0 || p[from + 2] !== 1) {
        return 0;
    }
    if ((p[from + 3]! & 0xf0) !== 0xe0) {
        return 0;
    }
    return Math.min(TS_PACKET, from + 9 + p[from + 8]!);
}

/**
 * The bit reader's own read goes on past the end, and broken data then keeps
 * the decoder in a loop for ever; this one throws.
 */
function readWithin(this: MPEG1['bits'], count: number): number {
    let at = this.index;
    const end = at + count;
    if (end > this.byteLength << 3) {
        throw new RangeError('past the end of the frame');
    }
    this.index = end;
    if (count === 1) {
        return (this.bytes[at >> 3]! >> (7 - (at & 7))) & 1;
    }
    let value = 0;
    while (at < end) {
        const left = 8 - (at & 7);
        const n = Math.min(left, end - at);
        const bits = (this.bytes[at >> 3]! >> (left - n)) & ((1 << n) - 1);
        value = (value << n) | bits;
        at += n;
    }
    return value;
}

export interface Picture {
    width: number;
    height: number;
    /** Luma samples per row, a multiple of 16; chroma has half of it. */
    stride: number;
    y: Uint8ClampedArray;
    cb: Uint8ClampedArray;
    cr: Uint8ClampedArray;
}

export type DecodeResult = 'decoded' | 'waiting' | 'broken';

export class Decoder {
    /** The newest picture; its planes are reused two frames later. */
    picture: Picture | null = null;
    private mpeg: MPEG1 | null = null;
    private width = 0;
    private height = 0;

    /**
     * waiting: nothing to decode from until a keyframe comes.
     * broken: not decodable; the caller asks for a keyframe.
     */
    decode(frame: ReceivedFrame): DecodeResult {
        if (frame.codec !== Codec.mpeg1ts) {
            return 'broken';
        }
        const changed = frame.width !== this.width || frame.height !== this.height;
        if (frame.flags & FrameFlag.key && (changed || !this.mpeg)) {
            this.open(frame.width, frame.height);
        }
        if (!this.mpeg || changed) {
            if (!(frame.flags & FrameFlag.key)) {
                this.mpeg = null;
                return 'waiting';
            }
        }
        const es = videoOf(frame.payload);
        if (!es || es.length > BUFFER || !this.feed(es)) {
            this.mpeg = null;
            return 'broken';
        }
        return 'decoded';
    }

    private open(width: number, height: number) {
        const mpeg = new MPEG1({
            streaming: true,
            videoBufferSize: BUFFER,
            decodeFirstFrame: false,
        });
        mpeg.bits.read = readWithin;
        this.mpeg = mpeg;
        this.width = width;
        this.height = height;
        const stride = ((width + 15) >> 4) << 4;
        mpeg.connect({
            resize: (w, h) => {
                if (w !== width || h !== height) {
                    throw new Error('size of stream and header differ');
                }
            },
            render: (y, cr, cb) => {
                this.picture = { width, height, stride, y, cb, cr };
            },
        });
    }

    private feed(es: Uint8Array): boolean {
        const mpeg = this.mpeg!;
        let pictures = 0;
        try {
            mpeg.write(0, es);
            while (mpeg.bits.index < mpeg.bits.byteLength << 3) {
                const at = mpeg.bits.index;
                pictures += mpeg.decode() ? 1 : 0;
                /* Without a sequence header it stays where it is. */
                if (pictures > 1 || mpeg.bits.index === at) {
                    return false;
                }
            }
        } catch {
            return false;
        }
        return pictures === 1;
    }
}

/**
 * Full-range BT.601 to RGBA. rgba: room for 4 * width * height bytes.
 * The coefficients are JSMpeg's, in 1/256.
 */
export function toRgba(picture: Picture, rgba: Uint8ClampedArray): void {
    const { width, height, stride, y, cb, cr } = picture;
    for (let row = 0; row < height; row++) {
        let luma = row * stride;
        let chroma = (row >> 1) * (stride >> 1);
        let out = row * width * 4;
        for (let x = 0; x < width; x += 2, chroma++) {
            const b = cb[chroma]! - 128;
            const r = cr[chroma]! - 128;
            const red = (r * 359) >> 8;
            const green = (b * 88 + r * 183) >> 8;
            const blue = (b * 454) >> 8;
            const end = x + 2 <= width ? 2 : 1;
            for (let i = 0; i < end; i++, out += 4) {
                const l = y[luma++]!;
                rgba[out] = l + red;
                rgba[out + 1] = l - green;
                rgba[out + 2] = l + blue;
                rgba[out + 3] = 255;
            }
        }
    }
}
