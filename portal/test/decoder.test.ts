import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Decoder, toRgba, videoOf } from '../src/core/decoder';
import { FRAME_HEADER, FrameFlag, type ReceivedFrame, readFrame } from '../src/core/frame';

/* Four pictures of 64 x 48 by our own encoder: red rises by 4 to the right,
 * green by 5 downwards, blue is 60 n. */
const stream = new Uint8Array(readFileSync(new URL('fixtures/stream.bin', import.meta.url)));

function frames(): ReceivedFrame[] {
    const out: ReceivedFrame[] = [];
    for (let at = 0; at < stream.length; ) {
        const bytes = new DataView(stream.buffer, at).getUint32(28, true);
        out.push(readFrame(stream.slice(at, at + FRAME_HEADER + bytes))!);
        at += FRAME_HEADER + bytes;
    }
    return out;
}

describe('decoder', () => {
    it('gives each picture as soon as its frame has come', () => {
        const decoder = new Decoder();
        const rgba = new Uint8ClampedArray(64 * 48 * 4);
        for (const [n, frame] of frames().entries()) {
            expect(decoder.decode(frame)).toBe('decoded');
            toRgba(decoder.picture!, rgba);
            const at = 4 * (24 * 64 + 32);
            expect(Math.abs(rgba[at]! - 128)).toBeLessThan(12);
            expect(Math.abs(rgba[at + 1]! - 120)).toBeLessThan(12);
            expect(Math.abs(rgba[at + 2]! - 60 * n)).toBeLessThan(16);
            expect(rgba[at + 3]).toBe(255);
        }
        expect(decoder.picture).toMatchObject({ width: 64, height: 48, stride: 64 });
    });

    it('waits for a keyframe', () => {
        const decoder = new Decoder();
        const [key, delta] = frames();
        expect(decoder.decode(delta!)).toBe('waiting');
        expect(decoder.decode(key!)).toBe('decoded');
        expect(decoder.decode({ ...delta!, width: 32 })).toBe('waiting');
    });

    it('starts anew at every keyframe', () => {
        const decoder = new Decoder();
        const [key, delta] = frames();
        for (let i = 0; i < 3; i++) {
            expect(decoder.decode(key!)).toBe('decoded');
            expect(decoder.decode(delta!)).toBe('decoded');
        }
    });

    it('says when a frame is broken, and recovers with the next keyframe', () => {
        const decoder = new Decoder();
        const [key, delta] = frames();
        decoder.decode(key!);
        expect(decoder.decode({ ...delta!, payload: delta!.payload.subarray(1) })).toBe('broken');
        expect(decoder.decode(delta!)).toBe('waiting');
        expect(decoder.decode(key!)).toBe('decoded');
        expect(decoder.decode({ ...key!, codec: 2 })).toBe('broken');
        const lying = { ...key!, width: 80, flags: FrameFlag.key };
        expect(decoder.decode(lying)).toBe('broken');
    });

    it('survives every cut and many flipped bits', () => {
        const [key] = frames();
        const payload = key!.payload;
        for (let n = 0; n < payload.length; n += 47) {
            new Decoder().decode({ ...key!, payload: payload.subarray(0, n) });
        }
        for (let n = 0; n < payload.length; n++) {
            const bad = payload.slice();
            bad[n]! ^= 1 << (n % 8);
            const result = new Decoder().decode({ ...key!, payload: bad });
            expect(['decoded', 'broken']).toContain(result);
        }
    });

    it('takes only the video out of a transport stream', () => {
        const packet = (pid: number, start: boolean, body: number[], pad = 0) => {
            const out = new Uint8Array(188).fill(0xff);
            out.set([0x47, (start ? 0x40 : 0) | (pid >> 8), pid & 255, pad ? 0x30 : 0x10]);
            if (pad) {
                out[4] = pad - 1;
            }
            out.set(body, 4 + pad);
            return out;
        };
        const pes = [0, 0, 1, 0xe0, 0, 0, 0x80, 0, 2, 9, 9];
        const audio = [0, 0, 1, 0xc0, 0, 0, 0x80, 0, 0];
        const ts = Buffer.concat([
            packet(0, true, [0, 0, 0xb0]),
            packet(257, true, audio),
            packet(256, true, [...pes, 1, 2, 3], 184 - pes.length - 3),
            packet(256, false, [4, 5], 182),
        ]);
        expect([...videoOf(ts)!]).toEqual([1, 2, 3, 4, 5, 0, 0, 1, 0xb7]);
        expect(videoOf(ts.subarray(0, 100))).toBeNull();
        expect(videoOf(ts.subarray(0, 188))).toBeNull();
        expect(videoOf(new Uint8Array(188))).toBeNull();
    });
});
