declare module '@cycjimmy/jsmpeg-player' {
    /** The MPEG-1 video decoder alone; see vite.config.ts. */
    export class MPEG1 {
        constructor(options: {
            streaming: boolean;
            videoBufferSize: number;
            decodeFirstFrame: boolean;
        });
        bits: {
            bytes: Uint8Array;
            /** In bits. */
            index: number;
            byteLength: number;
            read(count: number): number;
        };
        connect(destination: {
            resize(width: number, height: number): void;
            render(y: Uint8ClampedArray, cr: Uint8ClampedArray, cb: Uint8ClampedArray): void;
        }): void;
        write(pts: number, data: Uint8Array): void;
        /** Takes one start code; true when it was a picture. */
        decode(): boolean;
    }
}
