/*
 * What is sent, in parts that are read only when their bytes are due: a scan
 * of many gigabytes takes no more memory than its rewritten heads.
 */

/** Content that has to be made, by unpacking say; never kept for long. */
export interface LazyPart {
    bytes: number;
    /** Of exactly so many bytes. */
    open(): Promise<Blob>;
}

export type Part = Uint8Array<ArrayBuffer> | Blob | LazyPart;

export function bytesOf(part: Part): number {
    return part instanceof Blob ? part.size : part instanceof Uint8Array ? part.length : part.bytes;
}

export class Body {
    readonly size: number;
    /** Where each part begins. */
    private starts: number[] = [];
    /** The part made last: chunks end within parts. */
    private made: { part: LazyPart; blob: Blob } | null = null;

    constructor(private parts: Part[]) {
        let at = 0;
        for (const part of parts) {
            this.starts.push(at);
            at += bytesOf(part);
        }
        this.size = at;
    }

    /** The bytes from start up to end; both within the body. */
    async slice(start: number, end: number): Promise<Blob> {
        const out: BlobPart[] = [];
        for (let i = this.partAt(start); i < this.parts.length && this.starts[i]! < end; i++) {
            const part = this.parts[i]!;
            const from = Math.max(0, start - this.starts[i]!);
            const to = Math.min(bytesOf(part), end - this.starts[i]!);
            if (from < to) {
                const whole = 'open' in part ? await this.make(part) : part;
                out.push(whole instanceof Blob ? whole.slice(from, to) : whole.subarray(from, to));
            }
        }
        return new Blob(out);
    }

    /** The last part that begins at or before at. */
    private partAt(at: number): number {
        let low = 0;
        let high = this.parts.length - 1;
        while (low < high) {
            const middle = (low + high + 1) >> 1;
            if (this.starts[middle]! <= at) {
                low = middle;
            } else {
                high = middle - 1;
            }
        }
        return low;
    }

    private async make(part: LazyPart): Promise<Blob> {
        if (this.made?.part !== part) {
            this.made = { part, blob: await part.open() };
            if (this.made.blob.size !== part.bytes) {
                throw new RangeError('the file has changed');
            }
        }
        return this.made.blob;
    }
}
