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
    private byKey = new Map<string, ReceiptLine>();

    add(line: Omit<ReceiptLine, 'count'>, count = 1): void {
        const key = `${line.fate} ${line.tag} ${line.name}`;
        const known = this.byKey.get(key);
        if (known) {
            known.count += count;
            known.before ||= line.before;
            known.after ||= line.after;
        } else {
            this.byKey.set(key, { ...line, count });
        }
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
