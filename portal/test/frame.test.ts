import { describe, expect, it } from 'vitest';
import vectors from '../../t/vectors/frame.json';
import { FRAME_HEADER, readFrame, readHeader, writeFrame } from '../src/core/frame';

const unhex = (hex: string) => Uint8Array.from(Buffer.from(hex, 'hex'));

describe('frame header, by the vectors that the C side is tested with', () => {
    it.each(vectors.valid)('reads and writes $name', ({ hex, fields }) => {
        const expected = { ...fields, time_us: BigInt(fields.time_us) };
        expect(readHeader(unhex(hex), FRAME_HEADER + fields.bytes)).toEqual(expected);
        expect(Buffer.from(writeFrame(expected)).toString('hex')).toBe(hex);
    });

    it.each(vectors.invalid)('refuses: $name', ({ hex, length }) => {
        expect(readHeader(unhex(hex), length)).toBeNull();
    });

    it('hands out the payload without the header, also from inside a buffer', () => {
        const message = new Uint8Array(FRAME_HEADER + 3 + 5);
        const frame = readHeader(unhex(vectors.valid[0]!.hex), FRAME_HEADER + 4096)!;
        message.set(writeFrame({ ...frame, bytes: 3 }), 5);
        message.set([7, 8, 9], 5 + FRAME_HEADER);
        expect([...readFrame(message.subarray(5))!.payload]).toEqual([7, 8, 9]);
    });
});
