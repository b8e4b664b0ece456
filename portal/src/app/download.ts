/** Hands a file to the person. */
export function saveAs(blob: Blob, name: string): void {
    const url = URL.createObjectURL(blob);
    const link = document.createElement('a');
    link.href = url;
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

interface Picker {
    showSaveFilePicker?(options: { suggestedName: string }): Promise<{
        createWritable(): Promise<WritableStream<Uint8Array>>;
    }>;
}

/**
 * The same with an answer that may be larger than memory: into the file as it
 * comes, where the browser can do so. Returns false when the person changed
 * their mind. tell: bytes so far.
 */
export async function saveStream(
    ask: () => Promise<Response>,
    name: string,
    tell: (bytes: number) => void,
): Promise<boolean> {
    const { showSaveFilePicker } = globalThis as Picker;
    let file: WritableStream<Uint8Array> | null = null;
    if (showSaveFilePicker) {
        try {
            const picked = await showSaveFilePicker({ suggestedName: name });
            file = await picked.createWritable();
        } catch (e) {
            if (e instanceof DOMException && e.name === 'AbortError') {
                return false;
            }
            throw e;
        }
    }
    const body = counted((await ask()).body!, tell);
    if (file) {
        await body.pipeTo(file);
    } else {
        saveAs(await new Response(body).blob(), name);
    }
    return true;
}

function counted(body: ReadableStream<Uint8Array>, tell: (bytes: number) => void) {
    let bytes = 0;
    const count = new TransformStream<Uint8Array, Uint8Array>({
        transform(chunk, controller) {
            bytes += chunk.byteLength;
            tell(bytes);
            controller.enqueue(chunk);
        },
    });
    return body.pipeThrough(count);
}
