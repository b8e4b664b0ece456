/* What has become of everything in the headers of one upload. */

export type Fate = 'kept' | 'replaced' | 'emptied' | 'added' | 'removed';

export interface ReceiptLine {
    fate: Fate;
    /** "(0010,0010)"; "" for private elements together, and for fields without tag. */
    tag: string;
    name: string;
    /** Value in the first file that had one; stays in the tab. */
    before: string;
    after: string;
    /** Files (for private data: elements) that it was seen in. */
    count: number;
}

export class Receipt {
    files = 0;
    private byKey = new Map<string | number, ReceiptLine>();

    add(line: Omit<ReceiptLine, 'count'>, count = 1): void {
        const key = `${line.fate} ${line.tag} ${line.name}`;
        this.note(
            key,
            () => line.before,
            () => line,
            count,
        );
    }

    /**
     * Counts what key stands for. It happens for each element of each file, so
     * before is asked until there is one, and make the first time only.
     */
    note(
        key: string | number,
        before: () => string,
        make: () => Omit<ReceiptLine, 'count'>,
        count = 1,
    ): void {
        const known = this.byKey.get(key);
        if (!known) {
            this.byKey.set(key, { ...make(), before: before(), count });
            return;
        }
        known.count += count;
        known.before ||= before();
    }

    /** Another part of the same upload. */
    merge(files: number, lines: ReceiptLine[]): void {
        this.files += files;
        for (const { count, ...line } of lines) {
            this.add(line, count);
        }
    }

    lines(): ReceiptLine[] {
        const at = (l: ReceiptLine) => l.tag || '~';
        return [...this.byKey.values()].sort((a, b) => (at(a) < at(b) ? -1 : 1));
    }
}
