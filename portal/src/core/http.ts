/* One request with progress of what is sent, which fetch does not tell. */

export interface HttpRequest {
    method: string;
    url: string;
    headers: Record<string, string>;
    body: Blob | null;
    /** Bytes of the body that have left. */
    progress: (sent: number) => void;
    signal: AbortSignal;
}

export interface HttpAnswer {
    status: number;
    header: (name: string) => string | null;
    body: string;
}

/** Rejects with LineError when no answer comes, with AbortError when cancelled. */
export type Http = (request: HttpRequest) => Promise<HttpAnswer>;

export class LineError extends Error {}

/** A line on which nothing moves for so long is dead: a laptop was closed. */
const SILENCE_MS = 45_000;

export function xhr(make: () => XMLHttpRequest = () => new XMLHttpRequest()): Http {
    return ({ method, url, headers, body, progress, signal }) =>
        new Promise((resolve, reject) => {
            const request = make();
            let silence: ReturnType<typeof setTimeout> | undefined;
            const settle = (f: () => void) => {
                clearTimeout(silence);
                signal.removeEventListener('abort', cancel);
                f();
            };
            const dead = () => settle(() => reject(new LineError('connection lost')));
            const cancel = () => {
                request.onabort = null;
                request.abort();
                settle(() => reject(new DOMException('cancelled', 'AbortError')));
            };
            const alive = () => {
                clearTimeout(silence);
                silence = setTimeout(() => request.abort(), SILENCE_MS);
            };
            if (signal.aborted) {
                cancel();
                return;
            }
            signal.addEventListener('abort', cancel);
            request.upload.onprogress = ({ loaded }) => {
                alive();
                progress(Math.min(loaded, body?.size ?? 0));
            };
            request.onload = () =>
                settle(() =>
                    resolve({
                        status: request.status,
                        header: (name) => request.getResponseHeader(name),
                        body: request.responseText,
                    }),
                );
            request.onerror = dead;
            request.onabort = dead;
            request.open(method, url);
            for (const [name, value] of Object.entries(headers)) {
                request.setRequestHeader(name, value);
            }
            alive();
            request.send(body);
        });
}
