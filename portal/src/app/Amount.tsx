import Box from '@mui/material/Box';
import Slider from '@mui/material/Slider';
import Typography from '@mui/material/Typography';
import { useId } from 'react';
import { useViewing } from './viewingContext';

interface Props {
    label: string;
    value: number;
    min: number;
    max: number;
    step: number;
    unit: string;
    testId: string;
    onChange: (value: number) => void;
}

/** A slider in plain numbers, with what it says. */
export function Amount({ label, value, min, max, step, unit, testId, onChange }: Props) {
    const viewing = useViewing();
    const id = useId();
    const shown = Math.min(max, Math.max(min, value));
    return (
        <Box
            sx={{
                display: 'grid',
                gridTemplateColumns: '6.5rem minmax(0, 1fr) 4.6rem',
                alignItems: 'center',
                gap: 1.5,
            }}
        >
            <Typography variant="body2" id={id}>
                {label}
            </Typography>
            <Slider
                size="small"
                min={min}
                max={max}
                step={step}
                value={shown}
                aria-labelledby={id}
                onPointerDownCapture={() => viewing.settings.checkpoint()}
                onChange={(_, v) => onChange(v as number)}
                slotProps={{ input: { 'data-testid': testId } as object }}
            />
            <Typography variant="caption" sx={{ textAlign: 'right' }}>
                {Math.abs(value) < 10 ? value.toFixed(1) : Math.round(value)} {unit}
            </Typography>
        </Box>
    );
}
