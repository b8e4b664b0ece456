/* Workers of the same thread, for Node. */

import { answer, Pool, type WorkerLike } from '../src/core/pool';

class SameThread implements WorkerLike {
    onmessage: WorkerLike['onmessage'] = null;
    onerror: WorkerLike['onerror'] = null;
    private over = false;

    postMessage(request: Parameters<typeof answer>[0]) {
        answer(request).then((data) => {
            if (!this.over) {
                this.onmessage?.call(this as never, { data } as MessageEvent);
            }
        });
    }

    terminate() {
        this.over = true;
    }
}

export const testPool = (size = 2) => new Pool(() => new SameThread(), size);
