/* Unpacks and packs with the browser's own streams, within limits. */

export type Packing = 'gzip' | 'deflate' | 'deflate-raw';

export class TooLongError extends Error {}

/** At most limit bytes; more is a TooLongError, damage a TypeError. */
export function inflate(packed: Blob, packing: Packing, limit: number): Promise<Blob> {
    return new Response(inflated(packed, packing).pipeThrough(atMost(limit))).blob();
}

/** The first bytes, at most limit; less when there are no more or none unpack. */
export async function inflateStart(
    packed: Blob,
    packing: Packing,
    limit: number,
): Promise<Uint8Array> {
    const out = new Uint8Array(limit);
    const reader = inflated(packed, packing).getReader();
    let at = 0;
    try {
        while (at < limit) {
            const { done, value } = await reader.read();
            if (done) {
                break;
            }
            out.set(value.subarray(0, limit - at), at);
            at = Math.min(limit, at + value.length);
        }
    } catch {
        /* damaged: what came before it is what there is */
    }
    reader.cancel().catch(() => {});
    return out.subarray(0, at);
}

export function inflated(packed: Blob, packing: Packing): ReadableStream<Uint8Array<ArrayBuffer>> {
    return packed.stream().pipeThrough(new DecompressionStream(packing));
}

function atMost(limit: number): TransformStream<Uint8Array, Uint8Array> {
    let left = limit;
    return new TransformStream({
        transform(chunk, controller) {
            left -= chunk.length;
            if (left < 0) {
                throw new TooLongError();
            }
            controller.enqueue(chunk);
        },
    });
}
