/* POSIX ustar framing of parts that are read when they are sent. */

import { bytesOf, type Part } from './body';

const BLOCK = 512;

export interface TarMember {
    /** At most 99 ASCII characters. */
    name: string;
    parts: Part[];
}

export function tarParts(members: TarMember[]): Part[] {
    const out: Part[] = [];
    for (const { name, parts } of members) {
        const bytes = parts.reduce((n, part) => n + bytesOf(part), 0);
        out.push(tarHeader(name, bytes), ...parts);
        const over = bytes % BLOCK;
        if (over > 0) {
            out.push(new Uint8Array(BLOCK - over));
        }
    }
    out.push(new Uint8Array(2 * BLOCK));
    return out;
}

/** A regular file's header, without owner or time. */
export function tarHeader(name: string, bytes: number): Uint8Array<ArrayBuffer> {
    const out = new Uint8Array(BLOCK);
    const put = (at: number, s: string) => out.set(new TextEncoder().encode(s), at);
    const octal = (n: number, digits: number) => n.toString(8).padStart(digits, '0');
    if (bytes >= 8 ** 11 || name.length > 99) {
        throw new RangeError('does not fit a tar header');
    }
    put(0, name);
    put(100, `${octal(0o600, 7)}\0${octal(0, 7)}\0${octal(0, 7)}\0`);
    put(124, `${octal(bytes, 11)}\0${octal(0, 11)}\0`);
    put(148, '        0');
    put(257, 'ustar\x0000');
    const sum = out.reduce((a, b) => a + b, 0);
    put(148, `${octal(sum, 6)}\0 `);
    return out;
}
