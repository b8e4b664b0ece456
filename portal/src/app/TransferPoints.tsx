import { styled } from '@mui/material/styles';
import { type TransferPoint, toHex } from '../core/transfer';
import type { Scales } from './TransferEditor';
import { viewText } from './text/view';

const t = viewText;
const TOUCH_RADIUS = 14;
const KEY_VALUE = 0.005;
const KEY_OPACITY = 0.01;

interface Props {
    points: TransferPoint[];
    scales: Scales;
    unit: string;
    selected: number | null;
    onSelect: (index: number) => void;
    onGrab: () => void;
    onDrag: (index: number, at: { clientX: number; clientY: number }) => void;
    onMove: (index: number, value: number, opacity: number) => void;
    onRemove: (index: number) => void;
}

const Handle = styled('g')(({ theme }) => ({
    cursor: 'grab',
    outline: 'none',
    '&:focus-visible circle:last-of-type': {
        stroke: theme.vars?.palette.primary.main,
        strokeWidth: 4,
    },
}));

/** The handles: by mouse, finger, or arrow keys and Delete. */
export function TransferPoints(props: Props) {
    const { points, scales, unit, selected, onSelect, onGrab, onDrag } = props;
    return points.map((point, i) => (
        <Handle
            // biome-ignore lint/suspicious/noArrayIndexKey: a point is its place in the order
            key={i}
            role="slider"
            tabIndex={0}
            aria-label={t.point(i + 1)}
            aria-valuemin={0}
            aria-valuemax={1}
            aria-valuenow={point.opacity}
            aria-valuetext={t.pointValue(point.value, unit, point.opacity)}
            data-testid="tf-point"
            transform={`translate(${scales.x(point.value)} ${scales.y(point.opacity)})`}
            onFocus={() => onSelect(i)}
            onKeyDown={(e) => key(e, i, props)}
            onPointerDown={(e) => {
                e.currentTarget.setPointerCapture(e.pointerId);
                onSelect(i);
                onGrab();
            }}
            onPointerMove={(e) => {
                if (e.currentTarget.hasPointerCapture(e.pointerId)) {
                    onDrag(i, e);
                }
            }}
        >
            <circle r={TOUCH_RADIUS} fill="transparent" />
            <circle
                r={selected === i ? 8 : 6}
                fill={toHex(point.color)}
                stroke="currentColor"
                strokeWidth={2}
            />
        </Handle>
    ));
}

function key(e: React.KeyboardEvent, index: number, props: Props) {
    const { points, scales, onGrab, onMove, onRemove } = props;
    const { value, opacity } = points[index]!;
    const far = e.shiftKey ? 10 : 1;
    const dv = (scales.range[1] - scales.range[0]) * KEY_VALUE * far;
    const moves: Record<string, [number, number]> = {
        ArrowLeft: [value - dv, opacity],
        ArrowRight: [value + dv, opacity],
        ArrowUp: [value, opacity + KEY_OPACITY * far],
        ArrowDown: [value, opacity - KEY_OPACITY * far],
    };
    const move = moves[e.key];
    if (move) {
        e.preventDefault();
        if (!e.repeat) {
            onGrab();
        }
        onMove(index, ...move);
    } else if (e.key === 'Delete' || e.key === 'Backspace') {
        e.preventDefault();
        onRemove(index);
    }
}
