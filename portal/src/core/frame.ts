/*
 * The header in front of every streamed picture: 32 bytes, little-endian.
 * Mirrors lib/frame.h; both are tested against t/vectors/frame.json.
 */

export const FRAME_HEADER = 32;
export const FRAME_VERSION = 1;

export const Codec = { mpeg1ts: 1, h264: 2, vp9: 3, av1: 4, jpeg: 5, still: 6 } as const;
export const FrameFlag = { key: 1, still: 2, converged: 4, configuration: 8 } as const;

export interface Frame {
    codec: number;
    flags: number;
    sequence: number;
    /** Settings revision that this picture shows. */
    revision: number;
    /** Samples per pixel accumulated. */
    samples: number;
    /** Capture time, microseconds on the worker's monotonic clock. */
    time_us: bigint;
    width: number;
    height: number;
    /** Payload bytes. */
    bytes: number;
}

export interface ReceivedFrame extends Frame {
    payload: Uint8Array;
}

/**
 * Reads the header of a message of length bytes. Null when it is short, of an
 * unknown version, codec or flag, has the reserved byte set, or its payload is
 * not as long as it says.
 */
export function readHeader(header: Uint8Array, length: number): Frame | null {
    if (header.byteLength < FRAME_HEADER) {
        return null;
    }
    const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
    const codec = view.getUint8(1);
    const flags = view.getUint8(2);
    const bytes = view.getUint32(28, true);
    if (
        view.getUint8(0) !== FRAME_VERSION ||
        codec < Codec.mpeg1ts ||
        codec > Codec.still ||
        flags > 15 ||
        view.getUint8(3) !== 0 ||
        bytes !== length - FRAME_HEADER
    ) {
        return null;
    }
    return {
        codec,
        flags,
        sequence: view.getUint32(4, true),
        revision: view.getUint32(8, true),
        samples: view.getUint32(12, true),
        time_us: view.getBigUint64(16, true),
        width: view.getUint16(24, true),
        height: view.getUint16(26, true),
        bytes,
    };
}

/** Reads one message of the stream. */
export function readFrame(message: Uint8Array): ReceivedFrame | null {
    const frame = readHeader(message, message.byteLength);
    return frame && { ...frame, payload: message.subarray(FRAME_HEADER) };
}

export function writeFrame(frame: Frame): Uint8Array<ArrayBuffer> {
    const out = new Uint8Array(FRAME_HEADER);
    const view = new DataView(out.buffer);
    view.setUint8(0, FRAME_VERSION);
    view.setUint8(1, frame.codec);
    view.setUint8(2, frame.flags);
    view.setUint32(4, frame.sequence, true);
    view.setUint32(8, frame.revision, true);
    view.setUint32(12, frame.samples, true);
    view.setBigUint64(16, frame.time_us, true);
    view.setUint16(24, frame.width, true);
    view.setUint16(26, frame.height, true);
    view.setUint32(28, frame.bytes, true);
    return out;
}
