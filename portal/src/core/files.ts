/*
 * Files of a drop or a picker. Folders are walked to the bottom; a directory
 * reader hands out at most 100 entries a call and is asked until it is empty.
 */

/** What is used of FileSystemEntry. */
export interface Entry {
    readonly isFile: boolean;
    readonly isDirectory: boolean;
    file?(done: (file: File) => void, failed: (error: unknown) => void): void;
    createReader?(): {
        readEntries(done: (entries: Entry[]) => void, failed: (error: unknown) => void): void;
    };
}

/** Must be called inside the drop event: the items are gone after it. */
export function entriesOf(items: ArrayLike<{ webkitGetAsEntry(): unknown }>): Entry[] {
    return Array.from(items, (item) => item.webkitGetAsEntry() as Entry | null).filter(
        (entry) => entry !== null,
    );
}

/** Every file below the entries; what cannot be read is left out. */
export async function filesOf(entries: Entry[]): Promise<File[]> {
    const out: File[] = [];
    const left = [...entries];
    while (left.length > 0) {
        const entry = left.pop()!;
        if (entry.isDirectory) {
            left.push(...(await children(entry)));
        } else if (entry.isFile) {
            const file = await fileOf(entry);
            if (file) {
                out.push(file);
            }
        }
    }
    return out;
}

async function children(directory: Entry): Promise<Entry[]> {
    const reader = directory.createReader?.();
    const out: Entry[] = [];
    while (reader) {
        const some = await new Promise<Entry[]>((resolve) =>
            reader.readEntries(resolve, () => resolve([])),
        );
        if (some.length === 0) {
            break;
        }
        out.push(...some);
    }
    return out;
}

function fileOf(entry: Entry): Promise<File | null> {
    return new Promise((resolve) => {
        if (!entry.file) {
            resolve(null);
            return;
        }
        entry.file(resolve, () => resolve(null));
    });
}
