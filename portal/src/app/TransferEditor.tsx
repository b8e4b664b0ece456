import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import Typography from '@mui/material/Typography';
import { max } from 'd3-array';
import { type ScaleLinear, type ScalePower, scaleLinear, scalePow } from 'd3-scale';
import { area, line } from 'd3-shape';
import { useId, useMemo, useRef, useState } from 'react';
import {
    addPoint,
    fromHex,
    movePoint,
    opacityCurve,
    paintPoint,
    removePoint,
    type Transfer,
    type TransferPoint,
    toHex,
} from '../core/transfer';
import type { Histogram } from '../generated/messages';
import { TransferPoints } from './TransferPoints';
import { viewText } from './text/view';
import { useSettings, useView, useViewing } from './viewingContext';

const t = viewText;
const WIDTH = 340;
const HEIGHT = 170;
const MARGIN = 12;
const CURVE_STEPS = 240;
/* Little solidity makes much of a difference: give it room. */
const OPACITY_EXPONENT = 0.4;

export interface Scales {
    x: ScaleLinear<number, number>;
    y: ScalePower<number, number>;
    range: [number, number];
}

/** The graph of solidity over value, with the scan's histogram behind it. */
export function TransferEditor() {
    const viewing = useViewing();
    const transfer = useSettings((s) => s.settings?.transfer);
    const histogram = useView((v) => v.histogram);
    const unit = useView((v) => v.volume?.unit ?? '');
    const [selected, setSelected] = useState<number | null>(null);
    const svg = useRef<SVGSVGElement>(null);
    const scales = useScales(histogram, transfer);
    if (!transfer || !histogram || !scales) {
        return null;
    }

    const change = (points: TransferPoint[]) => viewing.settings.change({ transfer: { points } });

    /** Where the pointer is, in the graph's own units. */
    const at = (e: { clientX: number; clientY: number }): [number, number] => {
        const box = svg.current!.getBoundingClientRect();
        const x = ((e.clientX - box.left) / box.width) * WIDTH;
        const y = ((e.clientY - box.top) / box.height) * HEIGHT;
        return [scales.x.invert(x), scales.y.invert(Math.min(y, HEIGHT - MARGIN))];
    };

    const add = (e: React.PointerEvent) => {
        if (e.target !== svg.current || e.button !== 0) {
            return;
        }
        const [value, opacity] = at(e);
        const made = addPoint(transfer.points, value, opacity, scales.range);
        if (made) {
            viewing.settings.checkpoint();
            change(made.points);
            setSelected(made.index);
        }
    };

    const remove = (index: number) => {
        viewing.settings.checkpoint();
        change(removePoint(transfer.points, index));
        setSelected(null);
    };

    const chosen = selected === null ? undefined : transfer.points[selected];
    return (
        <section aria-label={t.graph}>
            <Typography variant="h3">{t.curve}</Typography>
            <Typography variant="body2" color="textSecondary" sx={{ mb: 1 }}>
                {t.curveLead(unit)}
            </Typography>
            <Box
                component="svg"
                ref={svg}
                viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
                data-testid="tf-graph"
                role="group"
                aria-label={t.graph}
                onPointerDown={add}
                sx={{
                    width: '100%',
                    display: 'block',
                    touchAction: 'none',
                    bgcolor: 'action.hover',
                    borderRadius: 2,
                    overflow: 'visible',
                    cursor: 'crosshair',
                }}
            >
                <Backdrop histogram={histogram} transfer={transfer} scales={scales} />
                <TransferPoints
                    points={transfer.points}
                    scales={scales}
                    unit={unit}
                    selected={selected}
                    onSelect={setSelected}
                    onGrab={() => viewing.settings.checkpoint()}
                    onDrag={(i, e) => change(movePoint(transfer.points, i, ...at(e), scales.range))}
                    onMove={(i, value, opacity) =>
                        change(movePoint(transfer.points, i, value, opacity, scales.range))
                    }
                    onRemove={remove}
                />
            </Box>
            {chosen && selected !== null && (
                <PointTools
                    point={chosen}
                    unit={unit}
                    onPaint={(color) => change(paintPoint(transfer.points, selected, color))}
                    onRemove={transfer.points.length > 2 ? () => remove(selected) : null}
                />
            )}
        </section>
    );
}

function PointTools(props: {
    point: TransferPoint;
    unit: string;
    onPaint: (color: [number, number, number]) => void;
    onRemove: (() => void) | null;
}) {
    const { point, unit, onPaint, onRemove } = props;
    return (
        <Box sx={{ display: 'flex', flexWrap: 'wrap', alignItems: 'center', gap: 1, mt: 1 }}>
            <Typography variant="body2" sx={{ mr: 'auto' }}>
                {t.pointValue(point.value, unit, point.opacity)}
            </Typography>
            <input
                type="color"
                aria-label={t.color}
                value={toHex(point.color)}
                onChange={(e) => onPaint(fromHex(e.target.value))}
            />
            {onRemove && (
                <Button size="small" onClick={onRemove}>
                    {t.removePoint}
                </Button>
            )}
        </Box>
    );
}

/** The scan's values, and further where points lie outside of them. */
function useScales(histogram: Histogram | null, transfer: Transfer | undefined): Scales | null {
    const low = Math.min(histogram?.min ?? 0, transfer?.points[0]?.value ?? 0);
    const high = Math.max(histogram?.max ?? 1, transfer?.points.at(-1)?.value ?? 1);
    return useMemo(() => {
        const range: [number, number] = [low, Math.max(high, low + 1)];
        return {
            x: scaleLinear(range, [MARGIN, WIDTH - MARGIN]),
            y: scalePow([0, 1], [HEIGHT - MARGIN, MARGIN])
                .exponent(OPACITY_EXPONENT)
                .clamp(true),
            range,
        };
    }, [low, high]);
}

interface BackdropProps {
    histogram: Histogram;
    transfer: Transfer;
    scales: Scales;
}

function Backdrop({ histogram, transfer, scales }: BackdropProps) {
    const { x, y, range } = scales;
    const gradient = useId();
    const bars = useMemo(() => {
        const most = Math.log1p(max(histogram.counts) ?? 1);
        const step = (histogram.max - histogram.min) / histogram.counts.length;
        return area<number>(
            (_, i) => x(histogram.min + (i + 0.5) * step),
            HEIGHT - MARGIN,
            (n) => HEIGHT - MARGIN - ((HEIGHT - 2 * MARGIN) * Math.log1p(n)) / most,
        )(histogram.counts);
    }, [histogram, x]);
    const samples = useMemo(() => {
        const at = opacityCurve(transfer);
        return Array.from({ length: CURVE_STEPS + 1 }, (_, i): [number, number] => {
            const value = range[0] + ((range[1] - range[0]) * i) / CURVE_STEPS;
            return [x(value), y(at(value))];
        });
    }, [transfer, x, y, range]);
    const offset = (value: number) => (x(value) - MARGIN) / (WIDTH - 2 * MARGIN);
    return (
        <g pointerEvents="none">
            <defs>
                <linearGradient
                    id={gradient}
                    gradientUnits="userSpaceOnUse"
                    x1={MARGIN}
                    x2={WIDTH - MARGIN}
                >
                    {transfer.points.map((p) => (
                        <stop key={p.value} offset={offset(p.value)} stopColor={toHex(p.color)} />
                    ))}
                </linearGradient>
            </defs>
            <path d={bars ?? ''} fill="currentColor" opacity={0.22} />
            <path
                d={
                    area<[number, number]>(
                        (p) => p[0],
                        HEIGHT - MARGIN,
                        (p) => p[1],
                    )(samples) ?? ''
                }
                fill={`url(#${gradient})`}
                opacity={0.55}
            />
            <path d={line()(samples) ?? ''} fill="none" stroke="currentColor" strokeWidth={1.5} />
        </g>
    );
}
