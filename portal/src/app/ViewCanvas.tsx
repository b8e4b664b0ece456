import Box from '@mui/material/Box';
import { useEffect, useRef } from 'react';
import { Gestures } from './gestures';
import { viewText } from './text/view';
import { useView, useViewing } from './viewingContext';

/** The picture, filling its place, and the hands on it. */
export function ViewCanvas() {
    const viewing = useViewing();
    const focusing = useView((v) => v.focusing);
    const place = useRef<HTMLCanvasElement>(null);

    useEffect(() => {
        const canvas = place.current!;
        viewing.attach(canvas);
        const observer = new ResizeObserver(([entry]) => {
            viewing.resized(entry!.contentRect.width, entry!.contentRect.height);
        });
        observer.observe(canvas);
        const end = new Gestures(viewing, canvas).listen();
        return () => {
            end();
            observer.disconnect();
            viewing.attach(null);
        };
    }, [viewing]);

    return (
        <Box
            component="canvas"
            ref={place}
            role="application"
            aria-label={viewText.canvas}
            tabIndex={0}
            data-testid="view-canvas"
            sx={{
                position: 'absolute',
                inset: 0,
                width: '100%',
                height: '100%',
                objectFit: 'contain',
                touchAction: 'none',
                cursor: focusing ? 'crosshair' : 'grab',
                '&:active': { cursor: focusing ? 'crosshair' : 'grabbing' },
                '&:focus-visible': {
                    outline: '2px solid',
                    outlineColor: 'primary.main',
                    outlineOffset: -2,
                },
            }}
        />
    );
}
