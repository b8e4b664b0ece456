import { answer, type Request } from '../core/pool';

self.onmessage = async ({ data }: MessageEvent<Request>) => {
    self.postMessage(await answer(data));
};
